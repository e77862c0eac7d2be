"""A case as a reviewer app shows it: from its announcement, and from what the read model says of who has it. Pure.

Nothing here is sealed. Of a decision that is validated nothing is told: whoever sees an answer leans to it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from infra.redis.cached_case import CachedCase
from infra.redis.records import Hands, Possession
from producers.desk.cases import actions_at
from schemas.codec import Codec, Undecodable
from schemas.events import DecisionRequested, ExpertReviewRequested, ReviewRequested
from schemas.values import (
    Appeal,
    CaseStage,
    Coordinates,
    EscalatedBy,
    Note,
    Payload,
    PayloadEncoding,
    PreviousAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    StandingDecision,
)
from streams.workflow.content import content_of

Announcement = ReviewRequested | ExpertReviewRequested | CachedCase
OPENLY: Final = (ReopenedBy.APPEAL, ReopenedBy.AUDIT)  # whoever judges anew is shown what stands


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What people are asked. Times in milliseconds since the epoch."""

    workflow: str
    stage: CaseStage = CaseStage.HUMAN
    revision: int
    priority: Priority
    reason: str
    classes: tuple[str, ...]
    approving_class: str
    recommendation: Recommendation | None = None
    rule_hits: tuple[str, ...] = ()
    risk_flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    policy_version: int
    requested_at: int
    created_at: int
    due_at: int | None = None
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    answers: tuple[PreviousAnswer, ...] = ()
    escalated_by: EscalatedBy | None = None
    reopened_by: ReopenedBy | None = None
    appeal: Appeal | None = None
    standing: StandingDecision | None = None


class CaseShown(Asked, frozen=True, kw_only=True):
    """One open case. `content` is None where it cannot be read; `holder` has it or set it aside, `until` when at most.

    `body`: the content where it is no text, base64; `encrypted_with`: the key without which nobody can read it.
    `lease` and `because` when it was just given to whoever asked: the number to answer under, and why this one.
    """

    request_id: str
    review: Coordinates
    content: str | None
    content_type: str | None = None
    body: bytes | None = None
    encrypted_with: str | None = None
    content_uri: str | None = None
    content_sha256: str | None = None
    attributes: dict[str, str | bool | float] = {}
    actions: tuple[str, ...]
    holder: str | None = None
    hands: Hands = Hands.FREE
    until: int | None = None
    lease: int | None = None
    because: str | None = None
    rule: str | None = None
    notes: tuple[Note, ...] = ()


class NoCase(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no next case: a stable word, what they hold, and what to do."""

    why: str
    in_hand: int
    detail: str


def shown(
    request_id: str, announced: Announcement, review: Coordinates, request: DecisionRequested | None,
    possession: Possession | None, notes: Sequence[Note] = (),
) -> CaseShown:  # fmt: skip
    """Everything that a person may know of an open case."""
    asked = _asked(announced)
    payload = request.payload if request else None
    has = possession if possession is not None and possession.hands is not Hands.FREE else None
    return CaseShown(
        **{name: getattr(asked, name) for name in Asked.__struct_fields__},
        request_id=request_id,
        review=review,
        content=content_of(request) if request else None,
        content_type=payload.content_type if payload else None,
        body=_no_text(payload) if payload else None,
        encrypted_with=payload.key_id or "" if payload and payload.encoding is PayloadEncoding.ENCRYPTED else None,
        content_uri=request.content_uri if request else None,
        content_sha256=request.content_sha256.hex() if request and request.content_sha256 else None,
        attributes=request.attributes if request else {},
        actions=actions_at(asked.stage, asked.classes, shows_recommendation=asked.recommendation is not None),
        holder=has.reviewer_id if has else None,
        hands=has.hands if has else Hands.FREE,
        until=has.expires_at if has else None,
        notes=tuple(notes),
    )


def _no_text(payload: Payload) -> bytes | None:
    """The bytes of a payload that is not encrypted and cannot be read as text."""
    if payload.encoding is PayloadEncoding.ENCRYPTED:
        return None
    try:
        payload.body.decode()
    except UnicodeDecodeError:
        return payload.body
    return None


def request_asked(announced: Announcement, codec: Codec) -> DecisionRequested | None:
    """What is to be decided; None where the announcement does not carry it."""
    if announced.request_body is None:
        return None
    try:
        request = codec.decode_body(announced.request_body, announced.request_fingerprint)
    except Undecodable:
        return None
    return request if isinstance(request, DecisionRequested) else None


def _asked(announced: Announcement) -> Asked:
    asked = msgspec.convert(announced, Asked, from_attributes=True)
    if isinstance(announced, ExpertReviewRequested):
        asked = msgspec.structs.replace(asked, stage=CaseStage.EXPERT)
    if asked.reopened_by is not None and asked.reopened_by not in OPENLY:
        return msgspec.structs.replace(asked, reopened_by=None, appeal=None, standing=None)
    return asked
