"""Sending again: the very bytes, then who did it; nothing is told of what was not sent."""

from typing import Any

import pytest

from infra.kafka.acknowledging import NotAcknowledged
from infra.kafka.errors import Reason
from infra.kafka.letters import ADVICE, NotReplayable, replay_of
from infra.kafka.replaying import send_again
from schemas.events import DeadLettered, DeadLetterReplayed
from schemas.topics import REPLAYS, REQUESTS, Outgoing
from schemas.values import Coordinates
from tests.support.recorded import Recorded

AT = Coordinates(topic="dead-letters", partition=1, offset=7)


class Written:
    """Implements `infra.kafka.writing.WritingBytes` in memory."""

    def __init__(self) -> None:
        self.bytes: list[tuple[str, bytes | None, bytes]] = []
        self.events: list[Outgoing] = []
        self.fails = False

    def write_bytes(self, topic: str, key: bytes | None, value: bytes) -> Coordinates:
        if self.fails:
            raise NotAcknowledged
        self.bytes.append((topic, key, value))
        return Coordinates(topic=topic, partition=0, offset=len(self.bytes) - 1)

    def write(self, outgoing: Outgoing) -> Coordinates:
        self.events.append(outgoing)
        return Coordinates(topic=outgoing.topic, partition=0, offset=len(self.events) - 1)


def letter(origin: Coordinates | None = None, **options: Any) -> DeadLettered:
    log = Recorded()
    log.dead_letter(origin or log.poison(), **options)
    event = log.entries[-1].event
    assert isinstance(event, DeadLettered)
    return event


@pytest.mark.parametrize("key", [b"k", b"\xff", None])
def test_the_bytes_go_back_unchanged_and_the_log_says_who_sent_them(key: bytes | None) -> None:
    written, dead = Written(), letter(value=b"\x00<b>", key=key)
    told = send_again(written, AT, dead, who="ada", event_id="replay:1", now=5)
    assert written.bytes == [(REQUESTS.name, key, b"\x00<b>")]
    assert isinstance(told, DeadLetterReplayed)
    assert (told.letter, told.origin, told.reviewer_id, told.replayed_at) == (AT, dead.origin, "ada", 5)
    assert told.sent == Coordinates(topic=REQUESTS.name, partition=0, offset=0)
    assert written.events == [REPLAYS.message(told)]


def test_what_could_not_be_sent_is_not_told_as_sent() -> None:
    written = Written()
    written.fails = True
    with pytest.raises(NotAcknowledged):
        send_again(written, AT, letter(), who="ada", event_id="replay:1", now=5)
    assert written.events == []


@pytest.mark.parametrize("options", [{"value": None}, {"reason": "id_conflict"}])
def test_what_cannot_be_sent_again_is_not(options: dict[str, Any]) -> None:
    written = Written()
    assert isinstance(send_again(written, AT, letter(**options), who="a", event_id="e", now=1), NotReplayable)
    assert (written.bytes, written.events) == ([], [])


@pytest.mark.parametrize("topic", ["predictions", "review.high", "expert", "feedback", "retraining"])
def test_the_desk_does_not_write_where_records_become_decisions(topic: str) -> None:
    dead = letter(Coordinates(topic=topic, partition=0, offset=0))
    found = replay_of(dead, role="desk")
    assert isinstance(found, NotReplayable) and "hitl dead-letters replay" in found.why
    assert not isinstance(replay_of(dead), NotReplayable), "whoever operates the installation may"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_comes_with_what_to_do(reason: Reason) -> None:
    assert ADVICE[reason].endswith(".") and len(ADVICE[reason]) > 40
