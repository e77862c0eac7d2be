"""Where a request stands and how it came there, as values."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from schemas.events import Event
from schemas.values import Outcome, SampleKind
from streams.workflow.states import State, Trigger


class Status(StrEnum):
    """What an upstream system is told."""

    PENDING_AI = "pending_ai"
    PENDING_HUMAN = "pending_human"
    PENDING_EXPERT = "pending_expert"
    APPROVED = "approved"
    REJECTED = "rejected"
    ESCALATED = "escalated"


class AuditStatus(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"


class AppealStatus(StrEnum):
    FILED = "filed"
    WAITING = "waiting"
    UNDER_REVIEW = "under_review"
    UPHELD = "upheld"
    AMENDED = "amended"
    REFUSED = "refused"


class Record(NamedTuple):
    """An event of the request and the time of its record (milliseconds since the epoch)."""

    event: Event
    timestamp: int


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of state; `at` in milliseconds since the epoch."""

    from_state: State
    to_state: State
    trigger: Trigger
    at: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, in words; `at` in milliseconds since the epoch."""

    at: int
    event: str
    text: str


class AuditTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A blind answer that chance asked for; it runs beside the states and changes none of them."""

    kind: SampleKind
    status: AuditStatus
    drawn_at: int
    label: str | None = None
    agrees: bool | None = None


class AppealTrack(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody contests the decision; that runs beside the states, too."""

    appeal_id: str
    status: AppealStatus
    reason: str | None = None  # of a refusal


class GoldTrack(msgspec.Struct, frozen=True, kw_only=True):
    """The case was a question whose answer is known, asked to learn how people answer: there is no such request."""

    gold_id: str
    reviewer_id: str
    label: str
    right_label: str
    agrees: bool


class RequestStory(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request stands and how it came there.

    A failed request has no status: nobody will answer it. Nor has an answered question of known answer: nobody asked.
    """

    request_id: str
    workflow: str | None
    state: State
    status: Status | None
    progress: float
    created_at: int
    updated_at: int
    expected_by: int | None = None  # when a person's answer is due; unknown before routing and with an expert
    outcome: Outcome | None = None
    label: str | None = None
    amended_from: Outcome | None = None  # the original outcome, where a later judgement changed it
    transitions: tuple[Transition, ...] = ()
    audit: AuditTrack | None = None
    appeal: AppealTrack | None = None
    gold: GoldTrack | None = None
    timeline: tuple[Moment, ...] = ()
