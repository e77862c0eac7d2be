"""Which dead letters there are, and which can be sent again."""

import pytest

from infra.kafka.letters import NoDeadLetter, NotReplayable, Replay, letters, place_in, replay_of
from schemas.events import DeadLettered
from schemas.values import Coordinates
from tests.support.recorded import Recorded


def written(**options: object) -> DeadLettered:
    log = Recorded()
    log.dead_letter(log.poison(), **options)  # type: ignore[arg-type]
    event = log.entries[-1].event
    assert isinstance(event, DeadLettered)
    return event


def test_letters_are_listed_by_stage_and_reason_with_their_place() -> None:
    log = Recorded()
    log.dead_letter(log.poison(), reason="undecodable")
    log.dead_letter(log.poison(b"other"), reason="too_large", value=None, key=b"other")
    assert len(letters(log.entries)) == 2
    assert letters(log.entries, stage="router") == []
    (found,) = letters(log.entries, stage="inference", reason="too_large")
    assert not found.has_body
    last = log.entries[-1]
    assert place_in(found.place) == (last.partition, last.offset)


def test_the_original_bytes_go_back_under_the_original_key() -> None:
    assert replay_of(written(value=b"\x00bytes", key=b"k")) == Replay("requests", b"k", b"\x00bytes")
    assert replay_of(written(value=b"\x00bytes", key=None)) == Replay("requests", None, b"\x00bytes")


def test_a_letter_without_its_body_or_with_a_taken_id_is_not_sent_again() -> None:
    without_body, conflict = replay_of(written(value=None)), replay_of(written(reason="id_conflict"))
    assert isinstance(without_body, NotReplayable)
    assert "too large to keep" in without_body.why
    assert isinstance(conflict, NotReplayable)
    log = Recorded()
    log.dead_letter(Coordinates(topic="gone", partition=0, offset=0))
    event = log.entries[-1].event
    assert isinstance(event, DeadLettered)
    assert isinstance(replay_of(event), NotReplayable)


@pytest.mark.parametrize("text", ["", "1", "a:b", "1:2:3", "-1:0"])
def test_a_place_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(NoDeadLetter):
        place_in(text)
