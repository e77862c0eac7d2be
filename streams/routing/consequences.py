"""What a route leads to: the records that the router writes. Every id derives from the request id."""

from typing import Final, NamedTuple

from msgspec import Struct

from schemas.events import (
    AuditDrawn,
    AutoApproved,
    DecisionMade,
    DecisionRequested,
    ExpertReviewRequested,
    PredictionMade,
    ReviewRequested,
)
from schemas.ids import derive_id
from schemas.values import (
    Coordinates,
    DecidedBy,
    EscalatedBy,
    Grounds,
    Level,
    Outcome,
    Priority,
    Recommendation,
    SampleKind,
    Split,
)
from streams.casework.sealing import Sealed, Sealer, fitting
from streams.routing.policy import Route
from streams.routing.risk import Risk
from streams.workflow.policies import Policy
from streams.workflow.types import WorkflowType, request_fields

LONGEST_TAG: Final = 100  # characters
REVISION: Final = 1  # later ones are announced by casework
APPROVED, REJECTED, AUTOMATION = Outcome.APPROVED, Outcome.REJECTED, DecidedBy.AUTOMATION  # looked up once
BLIND_REASON: Final = "needs human validation"  # the same for every blind review, whatever chose it


class Answer(NamedTuple):
    """What a model answered, as far as it is an answer under the policy in force."""

    label: str
    confidence: float
    level: Level
    probabilities: tuple[float, ...]  # in the order of the policy's classes


class Decision(Struct, frozen=True, kw_only=True, gc=False):
    """A request with everything that its route came of; times in milliseconds."""

    prediction: PredictionMade
    request: DecisionRequested
    cause: Coordinates
    policy: Policy
    answer: Answer | None
    risk: Risk
    route: Route
    now: int
    config_offsets: dict[str, int]


class Sample(NamedTuple):
    """How a case came to be answered by a person, for the figures: π and the use of the answer."""

    kind: SampleKind
    inclusion_probability: float = 1.0
    split: Split = Split.TRAIN
    overlaps: bool = False  # several people answer
    validated: bool = False  # an expert judges the decision anew

    @property
    def blind(self) -> bool:
        return self.kind in (SampleKind.BLIND, SampleKind.AUDIT)


def automatic(decision: Decision, answer: Answer) -> tuple[AutoApproved, DecisionMade]:
    """The model's answer stands: for the record, and as the outcome."""
    prediction, grounds = decision.prediction, _grounds(decision)
    approving = decision.policy.workflow_type.approving_class
    outcome = APPROVED if answer.label == approving else REJECTED
    approved = AutoApproved(
        event_id=derive_id("auto", prediction.request_id),
        request_id=prediction.request_id,
        workflow=prediction.workflow,
        request=prediction.request,
        outcome=outcome,
        label=answer.label,
        confidence=answer.confidence,
        grounds=grounds,
        requested_at=prediction.requested_at,
        decided_at=decision.now,
    )
    made = DecisionMade(
        event_id=derive_id("outcome", prediction.request_id),
        request_id=prediction.request_id,
        workflow=prediction.workflow,
        request=prediction.request,
        outcome=outcome,
        label=answer.label,
        decided_by=AUTOMATION,
        confidence=answer.confidence,
        grounds=grounds,
        requested_at=prediction.requested_at,
        decided_at=decision.now,
    )
    return approved, made


def _grounds(decision: Decision) -> Grounds:
    risk = decision.risk
    return Grounds(
        reason=decision.route.reason,
        policy_version=decision.policy.version,
        policy_digest=decision.policy.digest,
        model_digest=decision.prediction.model_digest,
        calibrator=decision.prediction.calibrator,
        rule_hits=risk.rule_hits,
        risk_flags=risk.flags,
        risk_score=risk.score,
        high_risk=risk.high_risk,
        compliance=risk.compliance,
        config_offsets=decision.config_offsets,
        cause=decision.cause,
    )


def blind_priority(risk: Risk) -> Priority:
    """How urgent a blind review looks: by what is known of the request, not by what the model thinks of it."""
    if risk.priority is not None:
        return risk.priority
    return Priority.HIGH if risk.high_risk else Priority.NORMAL


def review_asked(decision: Decision, sample: Sample, sealer: Sealer) -> ReviewRequested:
    """A person is asked. Audits and blind reviews differ in nothing but what is sealed."""
    prediction, policy, risk, route = decision.prediction, decision.policy, decision.risk, decision.route
    ordinary = route.priority if route.priority is not None else Priority.NORMAL
    priority = blind_priority(risk) if sample.blind else ordinary
    return ReviewRequested(
        event_id=derive_id("review", prediction.request_id, REVISION),
        request_id=prediction.request_id,
        workflow=prediction.workflow,
        revision=REVISION,
        request=prediction.request,
        request_body=prediction.request_body,
        request_fingerprint=prediction.request_fingerprint,
        requested_at=prediction.requested_at,
        priority=priority,
        reason=BLIND_REASON if sample.blind else route.reason,
        recommendation=None if sample.blind else recommendation(decision.answer),
        classes=policy.workflow_type.classes,
        approving_class=policy.workflow_type.approving_class,
        rule_hits=risk.rule_hits,
        risk_flags=risk.flags,
        high_risk=risk.high_risk,
        compliance=risk.compliance,
        policy_version=policy.version,
        policy_digest=policy.digest,
        config_offsets=decision.config_offsets,
        cause=decision.cause,
        sealed=_sealed(decision, sample, sealer),
        created_at=decision.now,
        due_at=due_at(decision, priority),
        skills=skills_for(risk, policy.workflow_type),
        tags=tags_of(decision.request, policy.workflow_type),
    )


def due_at(decision: Decision, priority: Priority) -> int:
    """When an unanswered review goes on by itself, and when an audit expires."""
    return decision.now + decision.policy.workflow_type.deadline_ms(priority)


def skills_for(risk: Risk, workflow: WorkflowType) -> tuple[str, ...]:
    """What whoever answers must know: what the workflow asks for, and what rules add."""
    return tuple(sorted({*workflow.review.skills, *risk.skills}))


def tags_of(request: DecisionRequested, workflow: WorkflowType) -> tuple[str, ...]:
    """What the request is about, by the fields that the workflow names."""
    names = workflow.review.tag_fields
    if not names:
        return ()
    fields = request_fields(request)
    return tuple(f"{name}:{fields[name]}"[:LONGEST_TAG] for name in names if name in fields)


def expert_asked(decision: Decision, sample: Sample, sealer: Sealer) -> ExpertReviewRequested:
    """An expert is asked at once; such a case never times out."""
    prediction, policy, risk, route = decision.prediction, decision.policy, decision.risk, decision.route
    return ExpertReviewRequested(
        event_id=derive_id("review", prediction.request_id, REVISION),
        request_id=prediction.request_id,
        workflow=prediction.workflow,
        revision=REVISION,
        request=prediction.request,
        request_body=prediction.request_body,
        request_fingerprint=prediction.request_fingerprint,
        requested_at=prediction.requested_at,
        priority=Priority.URGENT,
        reason=route.reason,
        recommendation=recommendation(decision.answer),
        classes=policy.workflow_type.classes,
        approving_class=policy.workflow_type.approving_class,
        rule_hits=risk.rule_hits,
        risk_flags=risk.flags,
        high_risk=risk.high_risk,
        compliance=risk.compliance,
        policy_version=policy.version,
        policy_digest=policy.digest,
        config_offsets=decision.config_offsets,
        cause=decision.cause,
        sealed=_sealed(decision, sample, sealer),
        created_at=decision.now,
        escalated_by=EscalatedBy.POLICY,
        skills=skills_for(risk, policy.workflow_type),
        tags=tags_of(decision.request, policy.workflow_type),
    )


def recommendation(answer: Answer | None) -> Recommendation | None:
    """What a reviewer is shown of the model's answer."""
    if answer is None:
        return None
    return Recommendation(
        label=answer.label, confidence=answer.confidence, level=answer.level, probabilities=answer.probabilities
    )


def audit_drawn(decision: Decision, sample: Sample) -> AuditDrawn:
    """That chance chose this request for a blind answer, with its probability, for ever on record."""
    prediction, answer = decision.prediction, decision.answer
    return AuditDrawn(
        event_id=derive_id("audit", prediction.request_id),
        request_id=prediction.request_id,
        workflow=prediction.workflow,
        request=prediction.request,
        kind=sample.kind,
        inclusion_probability=sample.inclusion_probability,
        split=sample.split,
        model_label=answer.label if answer else None,
        model_digest=prediction.model_digest,
        calibrator=prediction.calibrator,
        confidence=answer.confidence if answer else None,
        policy_version=decision.policy.version,
        cause=decision.cause,
        config_offsets=decision.config_offsets,
        drawn_at=decision.now,
        due_at=due_at(decision, blind_priority(decision.risk)),
    )


def _sealed(decision: Decision, sample: Sample, sealer: Sealer) -> bytes:
    prediction, answer, workflow = decision.prediction, decision.answer, decision.policy.workflow_type
    review = workflow.review
    sealed = Sealed(
        kind=sample.kind,
        model_label=answer.label if answer else None,
        confidence=answer.confidence if answer else None,
        model_digest=prediction.model_digest,
        calibrator=prediction.calibrator,
        inclusion_probability=sample.inclusion_probability,
        split=sample.split,
        routed_reason=fitting(decision.route.reason),
        risk_score=decision.risk.score,
        overlap=review.overlap if sample.overlaps else 1,
        adaptive=review.adaptive,
        most_answers=review.most_answers if sample.overlaps else 1,
        four_eyes=tuple(workflow.classes.index(name) for name in review.four_eyes),
        validation=review.validation_share if sample.validated else None,
    )
    return sealer.seal(sealed, request_id=prediction.request_id, revision=REVISION)
