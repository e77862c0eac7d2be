"""What people are asked, what they answer, and every change of a case.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import (
    Appeal,
    CaseStage,
    CaseStatus,
    ClosedBy,
    Coordinates,
    EscalatedBy,
    GivenAnswer,
    Hold,
    Lease,
    Note,
    PendingAnswer,
    PreviousAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)


class ReviewRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A person is asked; everything needed to show the case is in here."""

    event_id: str
    request_id: str
    workflow: str
    revision: int
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    priority: Priority
    reason: str
    recommendation: Recommendation | None = None
    classes: tuple[str, ...]
    approving_class: str
    rule_hits: tuple[str, ...] = ()
    risk_flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int] = field(default_factory=dict)
    cause: Coordinates
    sealed: bytes
    created_at: int
    due_at: int | None = None
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    answers: tuple[PreviousAnswer, ...] = ()


class ExpertReviewRequested(msgspec.Struct, frozen=True, kw_only=True):
    """An expert is asked."""

    event_id: str
    request_id: str
    workflow: str
    revision: int
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    priority: Priority
    reason: str
    recommendation: Recommendation | None = None
    classes: tuple[str, ...]
    approving_class: str
    rule_hits: tuple[str, ...] = ()
    risk_flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int] = field(default_factory=dict)
    cause: Coordinates
    sealed: bytes
    created_at: int
    due_at: int | None = None
    escalated_by: EscalatedBy
    answers: tuple[PreviousAnswer, ...] = ()
    reopened_by: ReopenedBy | None = None
    appeal: Appeal | None = None
    standing: StandingDecision | None = None
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class ReviewDecided(msgspec.Struct, frozen=True, kw_only=True):
    """A person answered; written by reviewer apps."""

    decision_id: str
    request_id: str
    review: Coordinates
    reviewer_id: str
    action: str
    label: str | None = None
    confidence: float = 1.0
    feedback: str = ""
    reason_codes: tuple[str, ...] = ()
    decided_at: int | None = None
    lease: int | None = None
    token: str | None = None
    grace_seconds: float = 0.0


class CaseOpened(msgspec.Struct, frozen=True, kw_only=True):
    """Casework took a request on."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    stage: CaseStage
    review: Coordinates
    priority: Priority
    due_at: int | None = None
    sealed: bytes


class CaseAnnounced(msgspec.Struct, frozen=True, kw_only=True):
    """A later revision of the case can be answered at new coordinates."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    review: Coordinates


class CaseEscalated(msgspec.Struct, frozen=True, kw_only=True):
    """The case went to an expert."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    escalated_by: EscalatedBy
    answer: PreviousAnswer | None = None


class CaseClosed(msgspec.Struct, frozen=True, kw_only=True):
    """The case is finished."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    closed_by: ClosedBy
    reviewer_id: str | None = None
    label: str | None = None
    standing: StandingDecision | None = None


class AppealNoted(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal waits until the review that is under way is over."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    appeal: Appeal
    standing: StandingDecision


class CaseReopened(msgspec.Struct, frozen=True, kw_only=True):
    """A decision is judged anew by an expert, whose ExpertReviewRequested comes with it."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    reopened_by: ReopenedBy
    appeal: Appeal | None = None
    standing: StandingDecision


class AppealRefused(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal was not taken on and changed nothing."""

    event_id: str
    request_id: str
    workflow: str | None = None
    sequence: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    appeal_id: str
    reason: str
    detail: str


class DecisionRefused(msgspec.Struct, frozen=True, kw_only=True):
    """An answer was not accepted and changed nothing."""

    event_id: str
    request_id: str
    workflow: str | None = None
    sequence: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    occurred_at: int
    decision_id: str
    reviewer_id: str
    reason: str
    detail: str
    watermark: int | None = None


class CaseSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it stands: the fold of its events."""

    request_id: str
    workflow: str
    status: CaseStatus
    stage: CaseStage
    revision: int
    sequence: int
    review: Coordinates | None = None
    priority: Priority
    opened_at: int
    due_at: int | None = None
    request: Coordinates
    request_body: bytes | None = None
    request_fingerprint: bytes | None = None
    requested_at: int
    reason: str = ""
    recommendation: Recommendation | None = None
    classes: tuple[str, ...] = ()
    approving_class: str = ""
    rule_hits: tuple[str, ...] = ()
    risk_flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    policy_version: int = 0
    policy_digest: str = ""
    config_offsets: dict[str, int] = field(default_factory=dict)
    sealed: bytes | None = None
    escalated_by: EscalatedBy | None = None
    answers: tuple[PreviousAnswer, ...] = ()
    closed_at: int | None = None
    closed_by: ClosedBy | None = None
    label: str | None = None
    reopened_by: ReopenedBy | None = None
    appeal: Appeal | None = None
    standing: StandingDecision | None = None
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    lease: Lease | None = None
    hold: Hold | None = None
    notes: tuple[Note, ...] = ()
    counted: tuple[GivenAnswer, ...] = ()
    pending: PendingAnswer | None = None
    people: tuple[str, ...] = ()
