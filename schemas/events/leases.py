"""Who works on a case, and what they do beside answering it.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import Coordinates, EndedBy, Priority


class CaseActionRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks casework to do something about a case; written by reviewer apps."""

    command_id: str
    request_id: str
    reviewer_id: str
    action: str
    lease: int | None = None
    review: Coordinates | None = None
    resumes_at: int | None = None
    note: str = ""
    to_reviewer: str | None = None
    priority: str | None = None
    requested_at: int | None = None
    token: str | None = None


class LeaseGranted(msgspec.Struct, frozen=True, kw_only=True):
    """A person has the case for themselves until the lease expires."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    lease: int
    expires_at: int
    handed_over_by: str | None = None


class LeaseExtended(msgspec.Struct, frozen=True, kw_only=True):
    """A lease was renewed."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    lease: int
    expires_at: int


class LeaseEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A lease is over and the case free again."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    lease: int
    ended_by: EndedBy


class CaseHeld(msgspec.Struct, frozen=True, kw_only=True):
    """A person sets the case aside until a time; nobody else gets it meanwhile."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    resumes_at: int
    note: str = ""


class HoldEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was set aside is free again."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    ended_by: EndedBy


class CaseNoted(msgspec.Struct, frozen=True, kw_only=True):
    """A person wrote a note beside the case."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    note: str


class CaseReprioritised(msgspec.Struct, frozen=True, kw_only=True):
    """The case has another priority, under its next revision."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    priority: Priority
    note: str = ""


class CaseReturned(msgspec.Struct, frozen=True, kw_only=True):
    """An expert gives the case back to reviewers, under its next revision."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    note: str = ""


class AnswerReceived(msgspec.Struct, frozen=True, kw_only=True):
    """An answer was accepted and takes effect at the end of its grace period."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    decision_id: str
    leaves_at: int


class AnswerWithdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """A person took an answer back within its grace period."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    decision_id: str


class AnswerCounted(msgspec.Struct, frozen=True, kw_only=True):
    """An answer was accepted, and a further person is asked."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reviewer_id: str
    decision_id: str
    answers: int


class CommandRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A command was not carried out and changed nothing."""

    event_id: str
    request_id: str
    workflow: str | None = None
    sequence: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    command_id: str
    reviewer_id: str
    action: str
    reason: str
    detail: str
    watermark: int | None = None
