"""The events by which a decision is judged anew, and what an expert is shown of it."""

from typing import Final, NamedTuple

from msgspec.structs import replace

from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    CaseReopened,
    DecisionMade,
    ExpertReviewRequested,
)
from schemas.ids import derive_id
from schemas.values import (
    Appeal,
    Coordinates,
    EscalatedBy,
    PreviousAnswer,
    Priority,
    ReopenedBy,
    SampleKind,
    Split,
    StandingDecision,
)
from streams.casework.announcing import stored_request
from streams.casework.appeals import FIRST_ANNOUNCED, RefusedAppeal
from streams.casework.case import Case
from streams.casework.cases import STUB_KEPT
from streams.casework.changes import Stamp
from streams.casework.sealing import Sealed, Sealer
from streams.workflow.policies import Policy
from streams.workflow.sentences import WHY_REOPENED

AGE: Final = 1_577_836_800_000  # milliseconds since the epoch: the year 2020, so that seconds fit an Avro int till 2088
DECIDED: Final = "decided"  # what is known of whoever took part in a decision whose case was forgotten
ESCALATED_BY = {
    ReopenedBy.APPEAL: EscalatedBy.PERSON,
    ReopenedBy.AUDIT: EscalatedBy.POLICY,
    ReopenedBy.VALIDATION: EscalatedBy.POLICY,
}


class Subject(NamedTuple):
    """What is judged anew; `sequence` and `revision` are those of its case so far."""

    request_id: str
    workflow: str
    sequence: int
    revision: int
    request: Coordinates
    request_body: bytes
    request_fingerprint: bytes
    requested_at: int
    priority: Priority
    classes: tuple[str, ...]
    approving_class: str
    rule_hits: tuple[str, ...]
    risk_flags: tuple[str, ...]
    high_risk: bool
    compliance: bool
    policy_version: int
    policy_digest: str
    config_offsets: dict[str, int]
    answers: tuple[PreviousAnswer, ...]
    sealed: Sealed
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Cause(NamedTuple):
    """Why it is judged anew, which decision, and until when an expert should have answered (milliseconds)."""

    by: ReopenedBy
    standing: StandingDecision
    appeal: Appeal | None
    due_at: int


def subject_of_case(case: Case, sequence: int, sealed: Sealed, answers: tuple[PreviousAnswer, ...]) -> Subject:
    """An open case that ends with change `sequence`; `sealed` as it was opened."""
    body, fingerprint = stored_request(case)
    return Subject(
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=sequence,
        revision=case.revision,
        request=case.request,
        request_body=body,
        request_fingerprint=fingerprint,
        requested_at=case.requested_at,
        priority=case.priority,
        classes=case.classes,
        approving_class=case.approving_class,
        rule_hits=case.rule_hits,
        risk_flags=case.risk_flags,
        high_risk=case.high_risk,
        compliance=case.compliance,
        policy_version=case.policy_version,
        policy_digest=case.policy_digest,
        config_offsets=case.config_offsets,
        answers=answers,
        sealed=replace(sealed, kind=SampleKind.EXPERT, inclusion_probability=1.0, split=Split.TRAIN),
        skills=case.skills,
        tags=case.tags,
    )


def subject_of_appeal(
    case: Case | None, filed: AppealFiled, made: DecisionMade, policy: Policy, sealed: Sealed, *, now: int
) -> Subject:
    """A request without an open case, as its appeal brings it along; classes are those of the policy in force."""
    grounds = made.grounds
    begun = numbers_begun(made, now=now)
    return Subject(
        request_id=filed.request_id,
        workflow=filed.workflow,
        sequence=case.sequence if case is not None else begun,
        revision=case.revision if case is not None else FIRST_ANNOUNCED + begun,
        request=filed.request,
        request_body=filed.request_body,
        request_fingerprint=filed.request_fingerprint,
        requested_at=filed.requested_at,
        priority=Priority.HIGH,
        classes=policy.workflow_type.classes,
        approving_class=policy.workflow_type.approving_class,
        rule_hits=grounds.rule_hits,
        risk_flags=grounds.risk_flags,
        high_risk=grounds.high_risk,
        compliance=grounds.compliance,
        policy_version=policy.version,
        policy_digest=policy.digest,
        config_offsets=grounds.config_offsets,
        answers=tuple(
            PreviousAnswer(reviewer_id=who, action=DECIDED, answered_at=made.decided_at) for who in made.reviewers
        ),
        sealed=sealed,
    )


def numbers_begun(made: DecisionMade, *, now: int) -> int:
    """From where a case that casework does not know counts its changes and revisions; `now` in milliseconds.

    A request decided lately never had a case. One decided before may have had one that was forgotten, and numbers once
    given are never given again: seconds of this age are more than any case has had changes.
    """
    return 0 if now - made.decided_at < STUB_KEPT else max(0, now - AGE) // 1_000


def appeal_of(filed: AppealFiled, appended_at: int) -> Appeal:
    """An appeal as it is kept."""
    return Appeal(
        appeal_id=filed.appeal_id, statement=filed.statement, filed_by=filed.filed_by, filed_at=appended_at
    )


def case_reopened(subject: Subject, cause: Cause, stamp: Stamp) -> CaseReopened:
    """The next change of its case, under its next revision."""
    sequence = subject.sequence + 1
    return CaseReopened(
        event_id=derive_id("case", subject.request_id, sequence),
        request_id=subject.request_id,
        workflow=subject.workflow,
        sequence=sequence,
        revision=subject.revision + 1,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        reopened_by=cause.by,
        appeal=cause.appeal,
        standing=cause.standing,
    )


def expert_asked_again(subject: Subject, cause: Cause, reopened: CaseReopened, sealer: Sealer) -> ExpertReviewRequested:
    """The announcement that belongs to a reopening; it shows what was decided, and who said what before.

    For expert validation it shows neither: whoever sees an answer leans to it.
    """
    is_blind = cause.by is ReopenedBy.VALIDATION
    return ExpertReviewRequested(
        event_id=derive_id("review", subject.request_id, reopened.revision),
        request_id=subject.request_id,
        workflow=subject.workflow,
        revision=reopened.revision,
        request=subject.request,
        request_body=subject.request_body,
        request_fingerprint=subject.request_fingerprint,
        requested_at=subject.requested_at,
        priority=Priority.URGENT if subject.priority is Priority.URGENT else Priority.HIGH,
        reason=WHY_REOPENED[cause.by],
        classes=subject.classes,
        approving_class=subject.approving_class,
        rule_hits=subject.rule_hits,
        risk_flags=subject.risk_flags,
        high_risk=subject.high_risk,
        compliance=subject.compliance,
        policy_version=subject.policy_version,
        policy_digest=subject.policy_digest,
        config_offsets=subject.config_offsets,
        cause=reopened.cause,
        sealed=sealer.seal(subject.sealed, request_id=subject.request_id, revision=reopened.revision),
        created_at=reopened.occurred_at,
        due_at=cause.due_at,
        escalated_by=ESCALATED_BY[cause.by],
        answers=() if is_blind else subject.answers,
        reopened_by=None if is_blind else cause.by,
        appeal=cause.appeal,
        standing=None if is_blind else cause.standing,
        skills=subject.skills,
        tags=subject.tags,
    )


def appeal_noted(case: Case, appeal: Appeal, standing: StandingDecision, stamp: Stamp) -> AppealNoted:
    """The appeal waits for the end of the review that is under way; for that review nothing changes."""
    return AppealNoted(
        event_id=derive_id("appeal", case.request_id, appeal.appeal_id),
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=case.sequence,
        revision=case.revision,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        appeal=appeal,
        standing=standing,
    )


def appeal_refused(case: Case | None, filed: AppealFiled, refused: RefusedAppeal, stamp: Stamp) -> AppealRefused:
    """An appeal that changed nothing, and why."""
    cause = stamp.cause
    return AppealRefused(
        event_id=derive_id("refused", cause.topic, cause.partition, cause.offset),
        request_id=filed.request_id,
        workflow=filed.workflow,
        sequence=case.sequence if case is not None else 0,
        cause=cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        appeal_id=filed.appeal_id,
        reason=refused.reason.value,
        detail=refused.detail,
    )
