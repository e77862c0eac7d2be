"""Sending the original of a dead letter again, so that the log says who did it and where it lies now."""

from infra.kafka.letters import OPERATOR, NotReplayable, replay_of
from infra.kafka.writing import WritingBytes
from schemas.events import DeadLettered, DeadLetterReplayed
from schemas.topics import REPLAYS
from schemas.values import Coordinates


def send_again(
    writing: WritingBytes, at: Coordinates, dead: DeadLettered, *, who: str, event_id: str, now: int,
    role: str = OPERATOR,
) -> DeadLetterReplayed | NotReplayable:  # fmt: skip
    """Send it as it was, then say so; `now` in milliseconds. Raises `NotAcknowledged`, `TooMuchUnderWay`.

    The record goes first: when the second write fails, nobody is told of one that was not sent, and a repetition is
    harmless, since a request is decided once.
    """
    found = replay_of(dead, role=role)
    if isinstance(found, NotReplayable):
        return found
    sent = writing.write_bytes(found.topic, found.key, found.value)
    told = DeadLetterReplayed(
        event_id=event_id, reviewer_id=who, letter=at, origin=dead.origin, sent=sent,
        request_id=dead.request_id, replayed_at=now,
    )  # fmt: skip
    writing.write(REPLAYS.message(told))
    return told
