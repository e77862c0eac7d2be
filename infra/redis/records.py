"""What the read model keeps of a request. Times in milliseconds since the epoch.

Every fact is kept apart from what follows from all of them, so that facts may come in any order. Values are stored with
their fields by position.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from infra.redis.errors import RecordUnreadable
from infra.redis.places import Places
from infra.redis.said import Said
from schemas.values import (
    CaseStage,
    ClosedBy,
    Coordinates,
    DecidedBy,
    EscalatedBy,
    Outcome,
    Priority,
)

LAYOUT: Final = "4"  # raised with every change below: a model of another layout is rebuilt


class Place(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a record lies in the log."""

    topic: str
    partition: int
    offset: int

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(topic=self.topic, partition=self.partition, offset=self.offset)


class Origin(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The request in the log. `confirmed` when a decision or an announcement names it, not only the record itself."""

    confirmed: bool
    workflow: str
    request: Place
    requested_at: int


class Announced(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The last time that people were asked."""

    revision: int
    stage: CaseStage
    priority: Priority
    escalated_by: EscalatedBy | None
    created_at: int
    due_at: int | None
    review: Place


class Opened(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Casework took the request on. `restored` when only the case's last state tells, and not the event itself."""

    restored: bool = False
    workflow: str
    revision: int
    stage: CaseStage
    priority: Priority
    due_at: int | None
    at: int


class Asked(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the announcement of a revision asks of people."""

    revision: int
    skills: tuple[str, ...]


class Moved(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The case went to an expert, or back from one."""

    sequence: int
    revision: int
    stage: CaseStage
    at: int


class Reprioritised(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Somebody gave the case another priority."""

    sequence: int
    revision: int
    priority: Priority


class Hands(StrEnum):
    """Where an open case is while it waits for its end."""

    FREE = "free"
    LEASED = "leased"
    HELD = "held"
    ANSWERED = "answered"  # by an answer that can still be taken back


class Possession(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who has the case, by the last change that says so; a lease or a hold is theirs until it ends."""

    sequence: int
    hands: Hands
    reviewer_id: str
    expires_at: int | None = None


class Answerable(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where casework says that the case can be answered."""

    sequence: int
    revision: int
    review: Place


class Reopened(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A decision is judged anew; how urgent and until when is as announced, or as the case's last state tells."""

    sequence: int
    revision: int
    workflow: str
    at: int
    priority: Priority = Priority.HIGH
    due_at: int | None = None


class Closed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The case is finished, for good or until it is reopened."""

    sequence: int
    revision: int
    at: int
    by: ClosedBy
    decides: bool = True  # the end of an audit, and of a question whose answer is known, decides nothing


class Decided(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The outcome. `restored` when only the last state of a reopened case tells, and not the event itself."""

    restored: bool = False
    at: int
    request_offset: int
    outcome: Outcome
    label: str
    by: DecidedBy
    reviewer_id: str | None


class Amended(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A later judgement that changed the outcome."""

    at: int
    event_id: str
    outcome: Outcome
    label: str
    by: DecidedBy
    reviewer_id: str


class Failed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A dead letter; `step` counts how far the request had come: 1 requested, 2 predicted, 3 announced."""

    step: int
    at: int
    reason: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An answer that changed the case; `passed_on` when it sent the case to an expert and decided nothing."""

    sequence: int
    at: int
    reviewer_id: str
    passed_on: bool = False


class Noted(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What somebody wrote beside the case; its sequence is 0 when only the case's last state tells."""

    sequence: int
    at: int
    reviewer_id: str
    note: str


class Queued(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The place of an open case among the others."""

    workflow: str
    stage: CaseStage
    priority: Priority
    due_at: int | None
    opened_at: int


class Claimable(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The place of a case that nobody has, among those that ask for the same skills; `turn` as streams.casework."""

    workflow: str
    stage: CaseStage
    skills: tuple[str, ...]
    priority: Priority
    turn: int
    opened_at: int


class InHand(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A person's lease on an open case."""

    reviewer_id: str
    expires_at: int


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Facts about one request, and what follows from them.

    Not for reviewers: the status of a case that is open for an audit tells that the model had decided it.
    """

    # Facts.
    origin: Origin | None = None
    predicted_at: int | None = None
    announced: Announced | None = None
    opened: Opened | None = None
    asked: Asked | None = None
    moved: tuple[Moved, ...] = ()
    reprioritised: Reprioritised | None = None
    possession: Possession | None = None
    answerable: Answerable | None = None
    reopened: tuple[Reopened, ...] = ()
    closed: Closed | None = None
    decided: Decided | None = None
    amended: Amended | None = None
    failed: Failed | None = None
    answers: tuple[Answer, ...] = ()
    notes: tuple[Noted, ...] = ()  # the last ones, since the case was opened or reopened
    said: tuple[Said, ...] = ()
    places: Places | None = ()  # of all events about it; None when they are too many to be kept
    updated_at: int = 0
    # What follows.
    state: str = ""  # as of streams.workflow.states
    status: str | None = None  # what an upstream system is told; None when it failed, or the log no longer tells
    progress: float = 0.0
    queued: Queued | None = None
    claimable: Claimable | None = None
    in_hand: InHand | None = None
    finished_at: int | None = None  # None while anything can still come

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it but that events about it lie somewhere: those may come first."""
        return bool(self.state)

    @property
    def standing(self) -> Decided | Amended | None:
        """The outcome in force."""
        return self.amended or self.decided

    @property
    def opened_at(self) -> int | None:
        """When the case was opened, or reopened last."""
        if self.reopened:
            return self.reopened[-1].at
        return self.opened.at if self.opened else None

    @property
    def is_closed(self) -> bool:
        """Whether the case is finished, and was not reopened since."""
        closed = self.closed
        return closed is not None and not (self.reopened and self.reopened[-1].sequence > closed.sequence)

    @property
    def review(self) -> Place | None:
        """Where the case was announced last; casework's word counts where it has one."""
        said, announced = self.answerable, self.announced
        if said is None or (announced is not None and announced.revision > said.revision):
            return announced.review if announced else None
        return said.review


T = TypeVar("T")
_records = msgspec.msgpack.Decoder(RequestRecord)
encode = msgspec.msgpack.Encoder().encode


def decode_record(value: bytes) -> RequestRecord:
    """Raises `RecordUnreadable`."""
    return readable(_records.decode, value)


def readable(decode: Callable[[bytes], T], value: bytes) -> T:
    """What a value of ours decodes to. Raises `RecordUnreadable`."""
    try:
        return decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordUnreadable from error
