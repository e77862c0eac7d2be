"""What follows from an answer beyond its case: the outcome, what is learnt, and the reckoning of audits."""

from typing import Final

from msgspec.structs import asdict

from schemas.events import (
    AuditAnswered,
    AuditExpired,
    DecisionMade,
    FeedbackRecorded,
    OutcomeAmended,
    OutcomeUpheld,
    ReviewDecided,
)
from schemas.ids import derive_id
from schemas.values import (
    CaseStage,
    ClosedBy,
    DecidedBy,
    FeedbackKind,
    Grounds,
    Outcome,
    ReopenedBy,
    SampleKind,
    StandingDecision,
)
from streams.casework.case import Case
from streams.casework.changes import Stamp, stored_request
from streams.casework.feedback import feedback_type, sample_weight
from streams.casework.sealing import Sealed

BLIND_KINDS: Final = frozenset({SampleKind.BLIND, SampleKind.AUDIT})


def decision_made(case: Case, decision: ReviewDecided, label: str, sealed: Sealed, stamp: Stamp) -> DecisionMade:
    """The outcome of a request by a person's answer, with the grounds on which it was routed to people."""
    return DecisionMade(
        event_id=derive_id("outcome", case.request_id),
        request_id=case.request_id,
        workflow=case.workflow,
        request=case.request,
        outcome=outcome_of(case, label),
        label=label,
        decided_by=answered_by(case),
        reviewer_id=decision.reviewer_id,
        confidence=decision.confidence,
        grounds=Grounds(
            reason=sealed.routed_reason,
            policy_version=case.policy_version,
            policy_digest=case.policy_digest,
            model_digest=sealed.model_digest,
            calibrator=sealed.calibrator,
            certificate=sealed.certificate,
            rule_hits=case.rule_hits,
            risk_flags=case.risk_flags,
            risk_score=sealed.risk_score,
            high_risk=case.high_risk,
            compliance=case.compliance,
            config_offsets=case.config_offsets,
            cause=stamp.cause,
        ),
        requested_at=case.requested_at,
        decided_at=stamp.now,
    )


def judged_anew(
    case: Case, decision: ReviewDecided, label: str, standing: StandingDecision, stamp: Stamp
) -> OutcomeAmended | OutcomeUpheld:
    """What an expert's answer does to the decision that is judged; never a second original."""
    amends = label != standing.label
    upheld = OutcomeUpheld(
        event_id=derive_id("amended" if amends else "upheld", case.request_id, case.revision, *_place(stamp)),
        request_id=case.request_id,
        workflow=case.workflow,
        request=case.request,
        original=standing.original,
        cause_of_review=case.reopened_by or ReopenedBy.AUDIT,
        appeal_id=case.appeal.appeal_id if case.appeal and case.reopened_by is ReopenedBy.APPEAL else None,
        outcome=outcome_of(case, label),
        label=label,
        decided_by=answered_by(case),
        reviewer_id=decision.reviewer_id,
        confidence=decision.confidence,
        note=decision.feedback,
        policy_version=case.policy_version,
        policy_digest=case.policy_digest,
        config_offsets=stamp.config_offsets,
        cause=stamp.cause,
        requested_at=case.requested_at,
        decided_at=stamp.now,
    )
    if not amends:
        return upheld
    return OutcomeAmended(
        **asdict(upheld), previous_outcome=standing.outcome, previous_label=standing.label
    )


def standing_after(case: Case, decision: ReviewDecided, label: str, stamp: Stamp) -> StandingDecision:
    """The decision in force after an answer that decides, first or anew."""
    return StandingDecision(
        original=case.standing.original if case.standing else derive_id("outcome", case.request_id),
        outcome=outcome_of(case, label),
        label=label,
        decided_by=answered_by(case),
        reviewer_id=decision.reviewer_id,
        decided_at=stamp.now,
    )


def automatic_standing(case: Case, model_label: str) -> StandingDecision:
    """The automatic decision that an audit looks at."""
    return StandingDecision(
        original=derive_id("outcome", case.request_id),
        outcome=outcome_of(case, model_label),
        label=model_label,
        decided_by=DecidedBy.AUTOMATION,
    )


def outcome_of(case: Case, label: str) -> Outcome:
    """What choosing a class means."""
    return Outcome.APPROVED if label == case.approving_class else Outcome.REJECTED


def feedback_recorded(
    case: Case, decision: ReviewDecided, label: str | None, sealed: Sealed, stamp: Stamp
) -> FeedbackRecorded:
    """What the answer teaches; its number is that of the change it comes with."""
    body, fingerprint = stored_request(case)
    kind = feedback_type(sealed.model_label, decision.action, label)
    return FeedbackRecorded(
        event_id=derive_id("feedback", case.request_id, case.sequence + 1),
        request_id=case.request_id,
        workflow=case.workflow,
        kind=FeedbackKind(sealed.kind.value),
        type=kind,
        label=label,
        model_label=sealed.model_label,
        model_digest=sealed.model_digest,
        blind=sealed.kind in BLIND_KINDS,
        inclusion_probability=sealed.inclusion_probability,
        split=sealed.split,
        reviewer_id=decision.reviewer_id,
        reviewer_confidence=decision.confidence,
        weight=sample_weight(kind, decision.confidence),
        note=decision.feedback,
        request_body=body,
        request_fingerprint=fingerprint,
        cause=stamp.cause,
        decided_at=stamp.now,
    )


def audit_answered(case: Case, decision: ReviewDecided, label: str, sealed: Sealed, stamp: Stamp) -> AuditAnswered:
    """The blind answer to a drawn case, beside what the model had answered."""
    return AuditAnswered(
        event_id=derive_id("audit-answered", case.request_id),
        request_id=case.request_id,
        workflow=case.workflow,
        kind=sealed.kind,
        inclusion_probability=sealed.inclusion_probability,
        split=sealed.split,
        label=label,
        model_label=sealed.model_label,
        model_digest=sealed.model_digest,
        confidence=sealed.confidence,
        agrees=label == sealed.model_label,
        answered_by=answered_by(case),
        reviewer_id=decision.reviewer_id,
        cause=stamp.cause,
        answered_at=stamp.now,
    )


def audit_expired(case: Case, sealed: Sealed, stamp: Stamp) -> AuditExpired:
    """Nobody answered a drawn audit in time."""
    return AuditExpired(
        event_id=derive_id("audit-expired", case.request_id),
        request_id=case.request_id,
        workflow=case.workflow,
        kind=sealed.kind,
        inclusion_probability=sealed.inclusion_probability,
        split=sealed.split,
        model_label=sealed.model_label,
        model_digest=sealed.model_digest,
        confidence=sealed.confidence,
        cause=stamp.cause,
        expired_at=stamp.now,
    )


def answered_by(case: Case) -> DecidedBy:
    """Who answers a case at its present stage."""
    return DecidedBy.EXPERT if case.stage is CaseStage.EXPERT else DecidedBy.REVIEWER


def closed_by(case: Case) -> ClosedBy:
    """Who ends a case at its present stage by an answer."""
    return ClosedBy.EXPERT if case.stage is CaseStage.EXPERT else ClosedBy.REVIEWER


def action_of(case: Case, sealed: Sealed, label: str) -> str:
    """What an answer that ends a case is counted as."""
    if case.reopened_by is not None and case.standing is not None:
        return "upheld" if label == case.standing.label else "amended"
    if sealed.kind is SampleKind.AUDIT:
        return "audit_answered"
    return "reviewed" if answered_by(case) is DecidedBy.REVIEWER else "expert"


def _place(stamp: Stamp) -> tuple[str, int, int]:
    return stamp.cause.topic, stamp.cause.partition, stamp.cause.offset
