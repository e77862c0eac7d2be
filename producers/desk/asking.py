"""What a person says about a case goes into the log, and what casework says to it comes back: wait for the answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

from infra.errors import HitlError
from infra.kafka.client import KafkaLog
from infra.kafka.listening import Listening
from infra.kafka.scan import Entry, ends_of
from infra.kafka.writing import Writer, Writing
from producers.desk.rulings import Rulings
from schemas.codec import Codec
from schemas.topics import ASSIGNMENTS, Outgoing
from schemas.values import Coordinates

FURTHER: Final = 0.05  # seconds for what casework may have written in the same transaction: it is committed already
PATIENCE: Final = 15.0  # seconds
Answer = TypeVar("Answer")


class NotJudged(HitlError):
    """It is in the log, but casework has not judged it yet; see whether it runs (`hitl status`)."""


class Door(NamedTuple):
    """Where people's words go in, and where casework's come out."""

    rulings: Rulings
    writing: Writing


@contextmanager
def opened_door(log: KafkaLog, codec: Codec) -> Iterator[Door]:
    """One for the whole process with a reader of its own, however many ask. Raises `LogUnavailable`, `TopicMissing`."""
    with door_beside(log, codec) as door:
        rulings = door.rulings
        listening = Listening(log, "rulings", take=lambda records, _: rulings.take(records), failed=rulings.end)
        listening.start(ends_of(log, [ASSIGNMENTS.name]))
        try:
            yield door
        finally:
            listening.close()


@contextmanager
def door_beside(log: KafkaLog, codec: Codec) -> Iterator[Door]:
    """The same, where something that reads `assignments` anyway tells the rulings, and when it cannot go on."""
    rulings, writer = Rulings(codec), Writer(log.options, codec)
    try:
        yield Door(rulings, writer)
    finally:
        writer.close()
        rulings.end()


def ask(
    door: Door,
    record: Outgoing,
    answer: Callable[[Entry, Coordinates], Answer | None],
    *,
    is_last: Callable[[Answer], bool],
    patience_seconds: float = PATIENCE,
) -> Answer:
    """Write a request-keyed record and wait for what the changes of its case say to it: the last word counts.

    `answer` reads one change, given where the record lies; `is_last` knows after which word casework never says
    another, so that nobody waits for one. Raises `NotJudged`, `RulingsUnread`, `NotAcknowledged`, `TooMuchUnderWay`.
    """
    with door.rulings.expect(record.key.decode()) as awaited:
        at = door.writing.write(record)
        last = awaited.wait(lambda entry: answer(entry, at), seconds=patience_seconds)
        if last is None:
            raise NotJudged()
        while not is_last(last):
            later = awaited.wait(lambda entry: answer(entry, at), seconds=FURTHER)
            if later is None:
                break
            last = later
        return last
