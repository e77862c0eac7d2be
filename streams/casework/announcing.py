"""What people are asked when casework announces a case again: the next revision shows no more than the one before."""

from typing import TypedDict

from schemas.events import CaseEscalated, CaseReprioritised, CaseReturned, ExpertReviewRequested, ReviewRequested
from schemas.ids import derive_id
from schemas.topics import EXPERT, REVIEW, Outgoing
from schemas.values import (
    CaseStage,
    Coordinates,
    EscalatedBy,
    GivenAnswer,
    PreviousAnswer,
    Priority,
    Recommendation,
    ReopenedBy,
    SampleKind,
)
from streams.casework.case import Announcement, Case
from streams.casework.sealing import Sealed, Sealer
from streams.workflow.sentences import WHY_EXPERT

BLIND_KINDS = frozenset({SampleKind.BLIND, SampleKind.AUDIT, SampleKind.GOLD})
RETURN = "return"


class Asked(TypedDict):
    """What both kinds of announcement say."""

    event_id: str
    request_id: str
    workflow: str
    revision: int
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    recommendation: Recommendation | None
    classes: tuple[str, ...]
    approving_class: str
    rule_hits: tuple[str, ...]
    risk_flags: tuple[str, ...]
    high_risk: bool
    compliance: bool
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int]
    cause: Coordinates
    sealed: bytes
    created_at: int
    skills: tuple[str, ...]
    tags: tuple[str, ...]


def expert_asked(case: Case, escalated: CaseEscalated, sealed: Sealed, sealer: Sealer) -> ExpertReviewRequested:
    """The announcement that belongs to an escalation; it shows no more than the reviewer saw, so blind stays blind.

    The deadline stays: for an audit it is when it expires, for all others it is what the service level promised.
    """
    said = () if escalated.answer is None else (escalated.answer,)
    counted = () if sealed.kind in BLIND_KINDS else tuple(map(previous_answer, case.counted))
    return ExpertReviewRequested(
        **_asked(case, escalated, sealed, sealer),
        priority=Priority.URGENT if case.priority is Priority.URGENT else Priority.HIGH,
        reason=f"{WHY_EXPERT[escalated.escalated_by]}; {case.reason}",
        due_at=case.due_at,
        escalated_by=escalated.escalated_by,
        answers=(*case.answers, *counted, *said),
    )


def returned_to_reviewers(
    case: Case, returned: CaseReturned, sealed: Sealed, sealer: Sealer, *, due_at: int | None
) -> ReviewRequested:
    """The announcement by which a case comes back to reviewers, with what the expert said about it."""
    said = PreviousAnswer(
        reviewer_id=returned.reviewer_id, action=RETURN, note=returned.note, answered_at=returned.occurred_at
    )
    return ReviewRequested(
        **_asked(case, returned, sealed, sealer),
        priority=case.priority,
        reason="an expert gave it back",
        due_at=due_at,
        answers=(*case.answers, said),
    )


def with_priority(case: Case, changed: CaseReprioritised, sealed: Sealed, sealer: Sealer) -> Announcement:
    """The same announcement with another priority, at the stage where the case is. The deadline stays."""
    asked = _asked(case, changed, sealed, sealer)
    if case.stage is CaseStage.HUMAN:
        return ReviewRequested(
            **asked, priority=changed.priority, reason=case.reason, due_at=case.due_at, answers=case.answers
        )
    open_to_all = case.reopened_by is not ReopenedBy.VALIDATION
    return ExpertReviewRequested(
        **asked,
        priority=changed.priority,
        reason=case.reason,
        due_at=case.due_at,
        escalated_by=case.escalated_by or EscalatedBy.POLICY,
        answers=case.answers,
        reopened_by=case.reopened_by if open_to_all else None,
        appeal=case.appeal if case.reopened_by is ReopenedBy.APPEAL else None,
        standing=case.standing if open_to_all and case.reopened_by is not None else None,
    )


def announced(asked: Announcement) -> Outgoing:
    """The record on the topic where whom it asks is reading."""
    return REVIEW[asked.priority].message(asked) if isinstance(asked, ReviewRequested) else EXPERT.message(asked)


def expires(sealed: Sealed) -> bool:
    """Whether the deadline ends the case, so that it must never move."""
    return sealed.kind in (SampleKind.AUDIT, SampleKind.GOLD)


def previous_answer(given: GivenAnswer) -> PreviousAnswer:
    """An answer as whoever looks at the case next may see it."""
    said = given.action if given.label is None else f"{given.action} ({given.label})"
    return PreviousAnswer(
        reviewer_id=given.reviewer_id, action=said, note=given.feedback, answered_at=given.answered_at
    )


def stored_request(case: Case) -> tuple[bytes, bytes]:
    """Body and fingerprint of an open case's request. Raises `ValueError` for a closed one."""
    if case.request_body is None or case.request_fingerprint is None:
        raise ValueError(f"case {case.request_id} is closed: its request is kept in the log only")
    return case.request_body, case.request_fingerprint


def _asked(
    case: Case, event: CaseEscalated | CaseReturned | CaseReprioritised, sealed: Sealed, sealer: Sealer
) -> Asked:
    body, fingerprint = stored_request(case)
    return Asked(
        event_id=derive_id("review", case.request_id, event.revision),
        request_id=case.request_id,
        workflow=case.workflow,
        revision=event.revision,
        request=case.request,
        request_body=body,
        request_fingerprint=fingerprint,
        requested_at=case.requested_at,
        recommendation=case.recommendation,
        classes=case.classes,
        approving_class=case.approving_class,
        rule_hits=case.rule_hits,
        risk_flags=case.risk_flags,
        high_risk=case.high_risk,
        compliance=case.compliance,
        policy_version=case.policy_version,
        policy_digest=case.policy_digest,
        config_offsets=case.config_offsets,
        cause=event.cause,
        sealed=sealer.seal(sealed, request_id=case.request_id, revision=event.revision),
        created_at=event.occurred_at,
        skills=case.skills,
        tags=case.tags,
    )
