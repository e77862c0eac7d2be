"""What a list or a page shows of an open case, kept in Redis for a while. Times in milliseconds since the epoch."""

import msgspec

from infra.redis.records import Place, readable
from schemas.values import (
    Appeal,
    CaseStage,
    EscalatedBy,
    PreviousAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)


class CachedCase(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a list or a page shows of an open case; the body by coordinates where it is large. Nothing sealed."""

    workflow: str
    revision: int
    stage: CaseStage
    priority: Priority
    reason: str
    classes: tuple[str, ...]
    approving_class: str
    recommendation: Recommendation | None
    rule_hits: tuple[str, ...]
    risk_flags: tuple[str, ...]
    high_risk: bool
    compliance: bool
    policy_version: int
    created_at: int
    requested_at: int
    due_at: int | None
    request: Place
    review: Place
    request_body: bytes | None
    request_fingerprint: bytes
    escalated_by: EscalatedBy | None
    answers: tuple[PreviousAnswer, ...]
    skills: tuple[str, ...]
    tags: tuple[str, ...]
    reopened_by: ReopenedBy | None
    appeal: Appeal | None
    standing: StandingDecision | None


_cases = msgspec.msgpack.Decoder(CachedCase)


def decode_case(value: bytes) -> CachedCase:
    """Raises `RecordUnreadable`."""
    return readable(_cases.decode, value)
