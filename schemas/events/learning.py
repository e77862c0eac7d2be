"""Blind answers, labels, and the models that come of them.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import (
    Coordinates,
    DecidedBy,
    FeedbackKind,
    FeedbackType,
    SampleKind,
    Split,
    Trigger,
)


class AuditDrawn(msgspec.Struct, frozen=True, kw_only=True):
    """Chance chose a decision for a blind answer."""

    event_id: str
    request_id: str
    workflow: str
    request: Coordinates
    kind: SampleKind
    inclusion_probability: float
    split: Split
    model_label: str | None = None
    model_digest: str | None = None
    calibrator: str | None = None
    confidence: float | None = None
    policy_version: int
    cause: Coordinates
    config_offsets: dict[str, int] = field(default_factory=dict)
    drawn_at: int
    due_at: int | None = None


class AuditAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """A person answered a drawn case without seeing the model's answer."""

    event_id: str
    request_id: str
    workflow: str
    kind: SampleKind
    inclusion_probability: float
    split: Split
    label: str
    model_label: str | None = None
    model_digest: str | None = None
    confidence: float | None = None
    agrees: bool
    answered_by: DecidedBy
    reviewer_id: str
    cause: Coordinates
    answered_at: int


class AuditExpired(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn audit was not answered in time; it counts as an error."""

    event_id: str
    request_id: str
    workflow: str
    kind: SampleKind
    inclusion_probability: float
    split: Split
    model_label: str | None = None
    model_digest: str | None = None
    confidence: float | None = None
    cause: Coordinates
    expired_at: int


class FeedbackRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """One label for learning, with how it came about."""

    event_id: str
    request_id: str
    workflow: str
    kind: FeedbackKind
    type: FeedbackType
    label: str | None = None
    model_label: str | None = None
    model_digest: str | None = None
    blind: bool = False
    inclusion_probability: float = 1.0
    split: Split
    reviewer_id: str
    reviewer_confidence: float
    weight: float
    note: str = ""
    request_body: bytes
    request_fingerprint: bytes
    cause: Coordinates | None = None
    decided_at: int


class RetrainingRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Enough was learnt to fit a candidate."""

    event_id: str
    workflow: str
    trigger: Trigger
    reason: str
    feedback_end_offset: int
    labels: int
    correction_rate: float
    cause: Coordinates | None = None
    requested_at: int


class ModelTrained(msgspec.Struct, frozen=True, kw_only=True):
    """A model was fitted and stored."""

    event_id: str
    workflow: str
    model_digest: str
    uri: str
    classes: tuple[str, ...]
    feedback_end_offset: int
    labels: int
    profile: str
    figures: dict[str, float] = field(default_factory=dict)
    cause: Coordinates | None = None
    trained_at: int


class ModelEvaluated(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate was measured against the running model."""

    event_id: str
    workflow: str
    model_digest: str
    champion_digest: str | None = None
    figures: dict[str, float] = field(default_factory=dict)
    cause: Coordinates | None = None
    evaluated_at: int


class ModelPromoted(msgspec.Struct, frozen=True, kw_only=True):
    """From here on this model decides."""

    event_id: str
    workflow: str
    model_digest: str
    uri: str
    previous_digest: str | None = None
    version: int
    reason: str
    figures: dict[str, float] = field(default_factory=dict)
    feedback_end_offset: int
    cause: Coordinates | None = None
    promoted_at: int


class ModelRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate was not good enough; the running model stays."""

    event_id: str
    workflow: str
    model_digest: str
    champion_digest: str | None = None
    reason: str
    figures: dict[str, float] = field(default_factory=dict)
    cause: Coordinates | None = None
    refused_at: int
