"""Closed sets and the small records that events are made of; `avro/` holds the meaning of every field."""

from enum import StrEnum

import msgspec
from msgspec import field


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class Priority(StrEnum):
    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Level(StrEnum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Split(StrEnum):
    TRAIN = "train"
    GATE = "gate"
    CERTIFICATE = "certificate"


class FeedbackType(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"
    CORRECTION = "correction"
    NONE = "none"


class PayloadEncoding(StrEnum):
    PLAIN = "plain"
    ENCRYPTED = "encrypted"


class DecidedBy(StrEnum):
    AUTOMATION = "automation"
    REVIEWER = "reviewer"
    EXPERT = "expert"


class SampleKind(StrEnum):
    REVIEW = "review"
    BLIND = "blind"
    AUDIT = "audit"
    EXPERT = "expert"
    GOLD = "gold"


class FeedbackKind(StrEnum):
    REVIEW = "review"
    BLIND = "blind"
    AUDIT = "audit"
    EXPERT = "expert"
    IMPORTED = "imported"


class CaseStage(StrEnum):
    HUMAN = "human"
    EXPERT = "expert"


class CaseStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class EscalatedBy(StrEnum):
    POLICY = "policy"
    PERSON = "person"
    TIMEOUT = "timeout"


class ReopenedBy(StrEnum):
    APPEAL = "appeal"
    AUDIT = "audit"
    VALIDATION = "validation"


class EndedBy(StrEnum):
    RELEASED = "released"
    EXPIRED = "expired"


class ClosedBy(StrEnum):
    REVIEWER = "reviewer"
    EXPERT = "expert"
    EXPIRED = "expired"


class Trigger(StrEnum):
    COUNT = "count"
    CORRECTION_RATE = "correction_rate"
    MANUAL = "manual"


class Coordinates(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record lies in the log."""

    topic: str
    partition: int
    offset: int


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be decided, opaque to the pipeline when encrypted (erasure = deleting the key)."""

    encoding: PayloadEncoding = PayloadEncoding.PLAIN
    content_type: str = "application/json"
    body: bytes
    key_id: str | None = None


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """What the model would answer; absent in a blind review."""

    label: str
    confidence: float
    level: Level
    probabilities: tuple[float, ...]


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """Why a decision is as it is, and the versions behind it."""

    reason: str
    policy_version: int
    policy_digest: str
    model_digest: str | None = None
    calibrator: str | None = None
    certificate: str | None = None
    rule_hits: tuple[str, ...] = ()
    risk_flags: tuple[str, ...] = ()
    risk_score: float = 0.0
    high_risk: bool = False
    compliance: bool = False
    config_offsets: dict[str, int] = field(default_factory=dict)
    cause: Coordinates


class StandingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about a request that is in force."""

    original: str
    outcome: Outcome
    label: str
    decided_by: DecidedBy
    reviewer_id: str | None = None
    decided_at: int | None = None


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody contests a decision."""

    appeal_id: str
    statement: str = ""
    filed_by: str = ""
    filed_at: int


class PreviousAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said about a case before it went on."""

    reviewer_id: str
    action: str
    note: str = ""
    answered_at: int


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a case for themselves, and until when."""

    token: int
    reviewer_id: str
    granted_at: int
    expires_at: int


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A case that a person has set aside."""

    reviewer_id: str
    resumes_at: int
    note: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote beside a case."""

    reviewer_id: str
    note: str
    noted_at: int


class GivenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted answer that has not taken effect alone."""

    decision_id: str
    reviewer_id: str
    action: str
    label: str | None = None
    confidence: float
    feedback: str = ""
    cause: Coordinates
    answered_at: int


class PendingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in its grace period."""

    answer: GivenAnswer
    leaves_at: int


class OffsetRange(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one partition, both ends inclusive."""

    topic: str
    partition: int
    first: int
    last: int


class TallyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A count of like decisions."""

    workflow: str
    minute: int
    action: str
    priority: str | None = None
    count: int
    milliseconds: int
