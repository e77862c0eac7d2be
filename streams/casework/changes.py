"""The events of a case, each with its place in the case's history, its cause and its clock."""

from typing import NamedTuple

from schemas.events import (
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    DecisionRefused,
    ExpertReviewRequested,
    ReviewDecided,
)
from schemas.ids import derive_id
from schemas.values import (
    ClosedBy,
    Coordinates,
    EscalatedBy,
    PreviousAnswer,
    Priority,
    StandingDecision,
)
from streams.casework.case import Announcement, Case, stage_of
from streams.casework.refusal import Refused
from streams.casework.sealing import Sealed, Sealer
from streams.workflow.sentences import WHY_EXPERT


class Stamp(NamedTuple):
    """What every change carries: the record that led to it, the clock (milliseconds), the configuration in force."""

    cause: Coordinates
    now: int
    config_offsets: dict[str, int]


def case_opened(announcement: Announcement, review: Coordinates, stamp: Stamp) -> CaseOpened:
    """Casework takes on what was announced at `review`."""
    return CaseOpened(
        event_id=derive_id("case", announcement.request_id, 1),
        request_id=announcement.request_id,
        workflow=announcement.workflow,
        sequence=1,
        revision=announcement.revision,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        stage=stage_of(announcement),
        review=review,
        priority=announcement.priority,
        due_at=announcement.due_at,
        sealed=announcement.sealed,
    )


def case_announced(case: Case, review: Coordinates, stamp: Stamp) -> CaseAnnounced:
    """The case's current revision was seen at `review` and can be answered there."""
    sequence = case.sequence + 1
    return CaseAnnounced(
        event_id=derive_id("case", case.request_id, sequence),
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=sequence,
        revision=case.revision,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        review=review,
    )


def case_escalated(case: Case, by: EscalatedBy, answer: PreviousAnswer | None, stamp: Stamp) -> CaseEscalated:
    """The case goes to an expert, under its next revision."""
    sequence = case.sequence + 1
    return CaseEscalated(
        event_id=derive_id("case", case.request_id, sequence),
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=sequence,
        revision=case.revision + 1,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        escalated_by=by,
        answer=answer,
    )


def case_closed(
    case: Case, by: ClosedBy, stamp: Stamp, *, reviewer_id: str | None = None, label: str | None = None,
    standing: StandingDecision | None = None,
) -> CaseClosed:  # fmt: skip
    """The case is finished, with this answer or with none; `standing` where the answer made a decision."""
    sequence = case.sequence + 1
    return CaseClosed(
        event_id=derive_id("case", case.request_id, sequence),
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=sequence,
        revision=case.revision,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        closed_by=by,
        reviewer_id=reviewer_id,
        label=label,
        standing=standing,
    )


def expert_asked(case: Case, escalated: CaseEscalated, sealed: Sealed, sealer: Sealer) -> ExpertReviewRequested:
    """The announcement that belongs to an escalation; it shows no more than the reviewer saw, so blind stays blind.

    The deadline stays: for an audit it is when it expires, for all others it is what the service level promised.
    """
    body, fingerprint = stored_request(case)
    return ExpertReviewRequested(
        event_id=derive_id("review", case.request_id, escalated.revision),
        request_id=case.request_id,
        workflow=case.workflow,
        revision=escalated.revision,
        request=case.request,
        request_body=body,
        request_fingerprint=fingerprint,
        requested_at=case.requested_at,
        priority=Priority.URGENT if case.priority is Priority.URGENT else Priority.HIGH,
        reason=f"{WHY_EXPERT[escalated.escalated_by]}; {case.reason}",
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
        cause=escalated.cause,
        sealed=sealer.seal(sealed, request_id=case.request_id, revision=escalated.revision),
        created_at=escalated.occurred_at,
        due_at=case.due_at,
        escalated_by=escalated.escalated_by,
        answers=case.answers if escalated.answer is None else (*case.answers, escalated.answer),
    )


def decision_refused(case: Case | None, decision: ReviewDecided, refused: Refused, stamp: Stamp) -> DecisionRefused:
    """An answer that changed nothing, and why."""
    cause = stamp.cause
    return DecisionRefused(
        event_id=derive_id("refused", cause.topic, cause.partition, cause.offset),
        request_id=decision.request_id,
        workflow=case.workflow if case is not None else None,
        sequence=case.sequence if case is not None else 0,
        cause=cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        decision_id=decision.decision_id,
        reviewer_id=decision.reviewer_id,
        reason=refused.reason.value,
        detail=refused.detail,
        watermark=refused.watermark,
    )


def stored_request(case: Case) -> tuple[bytes, bytes]:
    """Body and fingerprint of an open case's request. Raises `ValueError` for a closed one."""
    if case.request_body is None or case.request_fingerprint is None:
        raise ValueError(f"case {case.request_id} is closed: its request is kept in the log only")
    return case.request_body, case.request_fingerprint
