"""The people who answer: who they are, what they know, how reliable they are, and how they prove it.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import Coordinates, DecidedBy


class GoldAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A question whose answer is known, to be asked without a sign."""

    event_id: str
    workflow: str
    gold_id: str
    request_body: bytes
    request_fingerprint: bytes
    label: str
    note: str = ""
    added_by: str
    added_at: int


class GoldRetired(msgspec.Struct, frozen=True, kw_only=True):
    """A question that is not asked any more."""

    event_id: str
    workflow: str
    gold_id: str
    retired_by: str
    retired_at: int


class GoldAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """A person answered a question whose answer is known."""

    event_id: str
    request_id: str
    workflow: str
    gold_id: str
    reviewer_id: str
    label: str
    right_label: str
    agrees: bool
    confidence: float
    cause: Coordinates
    answered_at: int


class OverlapAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """One of several people's answers to the same case."""

    event_id: str
    request_id: str
    workflow: str
    reviewer_id: str
    label: str
    position: int
    resolved_label: str | None = None
    blind: bool
    cause: Coordinates
    answered_at: int


class DecisionValidated(msgspec.Struct, frozen=True, kw_only=True):
    """An expert judged a finished decision of a random sample anew."""

    event_id: str
    request_id: str
    workflow: str
    label: str
    standing_label: str
    agrees: bool
    decided_by: DecidedBy
    reviewer_id: str | None = None
    expert_id: str
    inclusion_probability: float
    cause: Coordinates
    validated_at: int


class ReviewerEnrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may do and knows; the newest is in force."""

    event_id: str
    reviewer_id: str
    roles: tuple[str, ...] = ("reviewer",)
    skills: tuple[str, ...] = ()
    wip_limit: int | None = None
    active: bool = True
    enrolled_by: str
    enrolled_at: int


class ReviewerAssessed(msgspec.Struct, frozen=True, kw_only=True):
    """How reliable a person's answers are; the newest of a workflow is in force."""

    event_id: str
    reviewer_id: str
    workflow: str
    gold_answers: int = 0
    gold_right: int = 0
    overlap_answers: int = 0
    overlap_agreed: int = 0
    accuracy: float | None = None
    accuracy_lower: float | None = None
    accuracy_upper: float | None = None
    estimated_accuracy: float | None = None
    consistency: float | None = None
    repeats: int = 0
    suspect: bool = False
    may_adjudicate: bool = True
    reason: str = ""
    offsets: dict[str, int] = field(default_factory=dict)
    assessed_at: int


class SigningKeyPublished(msgspec.Struct, frozen=True, kw_only=True):
    """From here on tokens signed with this key are good, and every answer needs one."""

    event_id: str
    key_id: str
    public_key: bytes
    published_by: str
    published_at: int


class SigningKeyRetired(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens signed with this key are no longer good."""

    event_id: str
    key_id: str
    retired_by: str
    retired_at: int


class TokenRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """One token is no longer good."""

    event_id: str
    key_id: str
    token_id: str
    revoked_by: str
    revoked_at: int
