"""A request on its way from the question to the outcome.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import (
    Coordinates,
    DecidedBy,
    Grounds,
    Level,
    Outcome,
    Payload,
    ReopenedBy,
)


class DecisionRequested(msgspec.Struct, frozen=True, kw_only=True):
    """An upstream system asks for a decision."""

    request_id: str
    workflow: str
    subject_id: str | None = None
    payload: Payload | None = None
    content_uri: str | None = None
    content_sha256: bytes | None = None
    features: bytes | None = None
    attributes: dict[str, str | float | bool] = field(default_factory=dict)
    requires_audit: bool = False
    source: str = ""
    submitted_at: int | None = None


class PredictionMade(msgspec.Struct, frozen=True, kw_only=True):
    """A model scored a request, or could not and says why."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    label: str | None = None
    confidence: float | None = None
    level: Level | None = None
    entropy: float | None = None
    margin: float | None = None
    least_confident: float | None = None
    model_digest: str | None = None
    calibrator: str | None = None
    failure: str | None = None
    config_offsets: dict[str, int] = field(default_factory=dict)
    predicted_at: int


class AutoApproved(msgspec.Struct, frozen=True, kw_only=True):
    """The model's own answer stands without a person."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    outcome: Outcome
    label: str
    confidence: float
    grounds: Grounds
    requested_at: int
    decided_at: int


class DecisionMade(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a request."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    outcome: Outcome
    label: str
    decided_by: DecidedBy
    reviewer_id: str | None = None
    confidence: float
    grounds: Grounds
    requested_at: int
    decided_at: int
    reviewers: tuple[str, ...] = ()


class AppealFiled(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody contests the decision about a request."""

    appeal_id: str
    request_id: str
    workflow: str
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    decision: Coordinates
    decision_body: bytes
    decision_fingerprint: bytes
    statement: str = ""
    filed_by: str = ""
    filed_at: int | None = None


class OutcomeAmended(msgspec.Struct, frozen=True, kw_only=True):
    """A later judgement changes the outcome; the original stays on record."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    original: str
    cause_of_review: ReopenedBy
    appeal_id: str | None = None
    outcome: Outcome
    label: str
    previous_outcome: Outcome
    previous_label: str
    decided_by: DecidedBy
    reviewer_id: str
    confidence: float
    note: str = ""
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int] = field(default_factory=dict)
    cause: Coordinates
    requested_at: int
    decided_at: int


class OutcomeUpheld(msgspec.Struct, frozen=True, kw_only=True):
    """A later judgement confirms the outcome."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    original: str
    cause_of_review: ReopenedBy
    appeal_id: str | None = None
    outcome: Outcome
    label: str
    decided_by: DecidedBy
    reviewer_id: str
    confidence: float
    note: str = ""
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int] = field(default_factory=dict)
    cause: Coordinates
    requested_at: int
    decided_at: int
