"""Dead letters as an operator sees them, and which of them can be sent again. Values in, values out."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.kafka.errors import Reason
from infra.kafka.scan import Entry
from schemas.events import DeadLettered
from schemas.topics import BY_NAME
from schemas.values import Coordinates

PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)
OPERATOR: Final = "operator"
ADVICE: Final[Mapping[str, str]] = {
    Reason.EMPTY: "The record has no value, so nothing in it could be decided. Its sender must send one.",
    Reason.UNDECODABLE: "The bytes are not what the schema says. Mend the sender and let it send the record anew; "
    "sent again unchanged it fails again.",
    Reason.UNKNOWN_SCHEMA: "The record names a schema that is not known here. If it is of a newer release, update the "
    "service that stopped at it, then send the record again; else mend the sender.",
    Reason.INVALID: "A value is impossible; the detail names it. Mend the sender and let it send the record anew.",
    Reason.WRONG_EVENT: "The event does not belong in its topic. Mend the sender; sent again unchanged it fails again.",
    Reason.WRONG_KEY: "The record's key must be the id of its request. Mend the sender and let it send it anew.",
    Reason.WRONG_PARTITION: "The sender chose another partition than the key's. Sent again from here it goes to the "
    "right one; mend the sender, too.",
    Reason.TOO_LARGE: "The record is larger than may be processed. Its sender can send the content by reference.",
    Reason.UNKNOWN_WORKFLOW: "No policy of this workflow was in force. Publish it with `hitl policy publish FILE`, "
    "then send the record again.",
    Reason.ID_CONFLICT: "Another request was decided under the same id before. The sender must choose ids that are "
    "its own and send the record under a new one.",
}


class NoDeadLetter(HitlError):
    """There is no dead letter at this place; `hitl dead-letters list` shows where they are."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter and where it lies; `place` is PARTITION:OFFSET in the topic of dead letters."""

    place: str
    stage: str
    reason: str
    detail: str
    origin: Coordinates
    workflow: str | None
    request_id: str | None
    size: int
    has_body: bool
    dead_lettered_at: int


class Replay(NamedTuple):
    """The original record, to be sent to the topic it came from."""

    topic: str
    key: bytes | None
    value: bytes


class NotReplayable(NamedTuple):
    """Why a dead letter cannot be sent again."""

    why: str


def letters(entries: Iterable[Entry], *, stage: str | None = None, reason: str | None = None) -> list[Letter]:
    """Dead letters in the order of the log, of this stage and reason where given."""
    return [
        described(entry, entry.event)
        for entry in entries
        if isinstance(entry.event, DeadLettered)
        and stage in (None, entry.event.stage)
        and reason in (None, entry.event.reason)
    ]


def described(entry: Entry, dead: DeadLettered) -> Letter:
    """One dead letter without its body."""
    return Letter(
        place=f"{entry.partition}:{entry.offset}",
        stage=dead.stage,
        reason=dead.reason,
        detail=dead.detail,
        origin=dead.origin,
        workflow=dead.workflow,
        request_id=dead.request_id,
        size=dead.original_size,
        has_body=dead.original_value is not None,
        dead_lettered_at=dead.dead_lettered_at,
    )


def replay_of(dead: DeadLettered, *, role: str = OPERATOR) -> Replay | NotReplayable:
    """What to send again, as it was; none of it is changed, so whatever was wrong must have been mended elsewhere.

    `role`: as whom of the catalogue it would be written.
    """
    if dead.original_value is None:
        size, digest = dead.original_size, dead.original_sha256.hex()
        return NotReplayable(
            f"its body of {size:,} bytes was too large to keep; ask the sender for the record with sha256 {digest}"
        )
    if dead.reason == Reason.ID_CONFLICT:
        return NotReplayable("its id was decided with another content; publish it under an id of its own")
    if dead.origin.topic not in BY_NAME:
        return NotReplayable(f"its topic {dead.origin.topic} is not in the catalogue")
    if role not in BY_NAME[dead.origin.topic].writers:
        return NotReplayable(
            f"the {role} may not write to {dead.origin.topic}, where records become decisions; whoever operates the "
            "installation may, in a terminal: `hitl dead-letters replay`"
        )
    return Replay(dead.origin.topic, dead.original_key, dead.original_value)


def place_in(text: str) -> tuple[int, int]:
    """Partition and offset in `PARTITION:OFFSET`. Raises `NoDeadLetter`."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise NoDeadLetter(f"{text!r} is not PARTITION:OFFSET; `hitl dead-letters list` shows the places.")
    return int(found[1]), int(found[2])
