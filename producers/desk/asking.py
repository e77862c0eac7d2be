"""What a person says about a case goes into the log, and what casework says to it comes back: wait for the answer."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from infra.errors import HitlError
from infra.kafka.log import Log, Reader, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.publisher import publish
from infra.kafka.scan import Entry, decoded
from schemas.codec import Codec
from schemas.topics import ASSIGNMENTS, Outgoing
from schemas.values import Coordinates

READ_TIMEOUT: Final = 0.2  # seconds
FURTHER: Final = 0.05  # seconds for what casework wrote in the same transaction: it is committed already
Answer = TypeVar("Answer")


class NotJudged(HitlError):
    """It is in the log, but casework has not judged it yet; see whether it runs (`hitl status`)."""


def ask(
    log: Log,
    codec: Codec,
    record: Outgoing,
    answer: Callable[[Entry, Coordinates | None], Answer | None],
    *,
    patience_seconds: float = 15.0,
) -> Answer:
    """Publish a request-keyed record and wait for what the changes of its case say to it: the last word counts.

    `answer` reads one change; it is told where the record lies, once that is known. Raises `NotJudged`,
    `PublishFailed`.
    """
    topics = (record.topic, ASSIGNMENTS.name)
    places = [TopicPartition(topic, partition_of(record.key, log.partitions(topic))) for topic in topics]
    starts = {place: log.watermark(place) for place in places}
    publish(log, codec, [record])
    reader = log.reader(starts)
    deadline = time.monotonic() + patience_seconds
    try:
        read, at = list[Entry](), None
        while time.monotonic() < deadline:
            read += _entries(reader, codec, READ_TIMEOUT)
            at = at or _place_of(record, read)
            if _last(answer, read, at) is not None:
                read += _entries(reader, codec, FURTHER)
                break
        last = _last(answer, read, at)
    finally:
        reader.close()
    if last is None:
        raise NotJudged()
    return last


def _entries(reader: Reader, codec: Codec, timeout_seconds: float) -> list[Entry]:
    return [decoded(record, codec) for record in reader.read(1_000, timeout_seconds)]


def _place_of(record: Outgoing, entries: list[Entry]) -> Coordinates | None:
    """Where the record lies. Ids of commands and decisions are unique, so that equal events are the same."""
    return next((e.coordinates for e in entries if e.topic == record.topic and e.event == record.event), None)


def _last(
    answer: Callable[[Entry, Coordinates | None], Answer | None], entries: list[Entry], at: Coordinates | None
) -> Answer | None:
    found = None
    for entry in entries:
        found = answer(entry, at) or found
    return found
