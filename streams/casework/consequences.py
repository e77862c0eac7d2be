"""What follows from an answer beyond its case: the outcome, what is learnt, and the reckoning of audits."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import asdict, replace

from schemas.events import (
    AuditAnswered,
    AuditExpired,
    DecisionMade,
    DecisionValidated,
    FeedbackRecorded,
    GoldAnswered,
    OutcomeAmended,
    OutcomeUpheld,
    OverlapAnswered,
)
from schemas.ids import derive_id
from schemas.values import (
    CaseStage,
    ClosedBy,
    DecidedBy,
    FeedbackKind,
    GivenAnswer,
    Grounds,
    Outcome,
    ReopenedBy,
    SampleKind,
    StandingDecision,
)
from streams.casework.announcing import BLIND_KINDS, stored_request
from streams.casework.case import Case
from streams.casework.changes import Stamp
from streams.casework.feedback import feedback_type, sample_weight
from streams.casework.sealing import Sealed

DRAWN_KINDS: Final = frozenset({SampleKind.BLIND, SampleKind.AUDIT})


class Verdict(NamedTuple):
    """What people came to: the class, the answer that stands for it, and all answers in their order."""

    label: str
    answer: GivenAnswer
    answers: tuple[GivenAnswer, ...]


def verdict_of(case: Case, given: GivenAnswer, label: str) -> Verdict:
    """The last answer that agrees stands for the class, as sure as those who agree are on average."""
    answers = (*case.counted, given)
    agreeing = [each for each in answers if each.label == label]
    confidence = sum(each.confidence for each in agreeing) / len(agreeing)
    return Verdict(label, replace(agreeing[-1], confidence=confidence), answers)


def decision_made(case: Case, verdict: Verdict, sealed: Sealed, stamp: Stamp) -> DecisionMade:
    """The outcome of a request by a person's answer, with the grounds on which it was routed to people."""
    return DecisionMade(
        event_id=derive_id("outcome", case.request_id),
        request_id=case.request_id,
        workflow=case.workflow,
        request=case.request,
        outcome=outcome_of(case, verdict.label),
        label=verdict.label,
        decided_by=answered_by(case),
        reviewer_id=verdict.answer.reviewer_id,
        confidence=verdict.answer.confidence,
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
        reviewers=tuple(each.reviewer_id for each in verdict.answers),
    )


def judged_anew(
    case: Case, given: GivenAnswer, label: str, standing: StandingDecision, stamp: Stamp
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
        reviewer_id=given.reviewer_id,
        confidence=given.confidence,
        note=given.feedback,
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


def standing_after(case: Case, given: GivenAnswer, label: str, stamp: Stamp) -> StandingDecision:
    """The decision in force after an answer that decides, first or anew."""
    return StandingDecision(
        original=case.standing.original if case.standing else derive_id("outcome", case.request_id),
        outcome=outcome_of(case, label),
        label=label,
        decided_by=answered_by(case),
        reviewer_id=given.reviewer_id,
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
    case: Case, given: GivenAnswer, label: str | None, sealed: Sealed, stamp: Stamp
) -> FeedbackRecorded:
    """What the answer teaches; its number is that of the change it comes with."""
    body, fingerprint = stored_request(case)
    kind = feedback_type(sealed.model_label, given.action, label)
    return FeedbackRecorded(
        event_id=derive_id("feedback", case.request_id, case.sequence + 1),
        request_id=case.request_id,
        workflow=case.workflow,
        kind=FeedbackKind(sealed.kind.value),
        type=kind,
        label=label,
        model_label=sealed.model_label,
        model_digest=sealed.model_digest,
        blind=sealed.kind in DRAWN_KINDS,
        inclusion_probability=sealed.inclusion_probability,
        split=sealed.split,
        reviewer_id=given.reviewer_id,
        reviewer_confidence=given.confidence,
        weight=sample_weight(kind, given.confidence),
        note=given.feedback,
        request_body=body,
        request_fingerprint=fingerprint,
        cause=stamp.cause,
        decided_at=stamp.now,
    )


def audit_answered(case: Case, given: GivenAnswer, label: str, sealed: Sealed, stamp: Stamp) -> AuditAnswered:
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
        reviewer_id=given.reviewer_id,
        cause=stamp.cause,
        answered_at=stamp.now,
    )


def gold_answered(case: Case, given: GivenAnswer, label: str, sealed: Sealed, stamp: Stamp) -> GoldAnswered:
    """The answer to a question whose answer is known. Raises `ValueError` when nothing sealed says which."""
    if sealed.gold_id is None or sealed.gold_label is None:
        raise ValueError(f"case {case.request_id} is sealed as a gold question without its answer")
    return GoldAnswered(
        event_id=derive_id("gold-answered", case.request_id),
        request_id=case.request_id,
        workflow=case.workflow,
        gold_id=sealed.gold_id,
        reviewer_id=given.reviewer_id,
        label=label,
        right_label=sealed.gold_label,
        agrees=label == sealed.gold_label,
        confidence=given.confidence,
        cause=given.cause,
        answered_at=stamp.now,
    )


def overlap_answered(
    case: Case, answers: tuple[GivenAnswer, ...], resolved: str | None, sealed: Sealed
) -> Iterator[OverlapAnswered]:
    """Each of several answers to the same case, with what they came to; one that settled it alone is no overlap."""
    if len(answers) < 2:
        return
    for position, given in enumerate(answers, start=1):
        if given.label is not None:
            yield OverlapAnswered(
                event_id=derive_id("overlap-answered", case.request_id, case.revision, position),
                request_id=case.request_id,
                workflow=case.workflow,
                reviewer_id=given.reviewer_id,
                label=given.label,
                position=position,
                resolved_label=resolved,
                blind=sealed.kind in BLIND_KINDS,
                cause=given.cause,
                answered_at=given.answered_at,
            )


def decision_validated(
    case: Case, given: GivenAnswer, label: str, standing: StandingDecision, sealed: Sealed, stamp: Stamp
) -> DecisionValidated:
    """What an expert says of a finished decision that chance drew."""
    return DecisionValidated(
        event_id=derive_id("validated", case.request_id, case.revision),
        request_id=case.request_id,
        workflow=case.workflow,
        label=label,
        standing_label=standing.label,
        agrees=label == standing.label,
        decided_by=standing.decided_by,
        reviewer_id=standing.reviewer_id,
        expert_id=given.reviewer_id,
        inclusion_probability=sealed.validation if sealed.validation is not None else 1.0,
        cause=stamp.cause,
        validated_at=stamp.now,
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
    if sealed.kind in (SampleKind.AUDIT, SampleKind.GOLD):
        return f"{sealed.kind}_answered"
    return "reviewed" if answered_by(case) is DecidedBy.REVIEWER else "expert"


def _place(stamp: Stamp) -> tuple[str, int, int]:
    return stamp.cause.topic, stamp.cause.partition, stamp.cause.offset
