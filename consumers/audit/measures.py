"""What the events say about one workflow, collected for its figures: counts, times, blind answers, models."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consumers.audit.ledger import belongs
from infra.kafka.scan import Entry
from schemas.events import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseClosed,
    CaseOpened,
    DecisionMade,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    PolicyPublished,
    PredictionMade,
    RetrainingRequested,
)
from schemas.topics import ASSIGNMENTS, AUDITS, MODELS, OUTCOMES, POLICIES, PREDICTIONS, RETRAINING
from schemas.values import ClosedBy, DecidedBy, SampleKind
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies
from streams.workflow.types import Costs

MEASURED_TOPICS: Final = tuple(
    t.name for t in (OUTCOMES, ASSIGNMENTS, AUDITS, PREDICTIONS, MODELS, RETRAINING, POLICIES)
)
SIMULATED: Final = "simulated-"  # what the ids of simulated people begin with


class Resolved(NamedTuple):
    """A decided request: by whom, and how long after it was asked (milliseconds)."""

    by: DecidedBy
    took: int
    label: str
    policy_version: int
    risks: tuple[str, ...]  # flags or rules that keep it for a person, however sure the model is
    reason: str  # of its route


class Predicted(NamedTuple):
    """What a model answered, or why there is no answer."""

    label: str | None
    confidence: float | None
    failure: str | None


class BlindAnswer(NamedTuple):
    """What a person said who did not see the model's answer; `probability` is the inclusion probability."""

    kind: SampleKind
    probability: float
    agrees: bool
    has_model: bool


@dataclass(slots=True)
class Measures:
    """What was collected of one workflow."""

    resolved: dict[str, Resolved] = field(default_factory=dict)  # by request id: a late repeat changes nothing
    predicted: dict[str, Predicted] = field(default_factory=dict)  # by request id, the first one, which was routed by
    answered_by: set[str] = field(default_factory=set)  # digests of the models that answered
    labels: dict[str, int] = field(default_factory=dict)  # by digest: on how many labels a model was fitted
    thresholds: dict[int, float] = field(default_factory=dict)  # by version of the policy: what automation demands
    opened_at: dict[str, int] = field(default_factory=dict)  # request id -> milliseconds
    closed_at: dict[str, tuple[int, ClosedBy]] = field(default_factory=dict)
    audit_cases: set[str] = field(default_factory=set)  # requests whose case is an audit of a decided request
    blind_answers: dict[str, BlindAnswer] = field(default_factory=dict)
    unweighable: set[str] = field(default_factory=set)  # requests answered blind with no possible inclusion probability
    expired: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    retrainings: set[str] = field(default_factory=set)
    promotions: set[str] = field(default_factory=set)  # of candidates over a running model
    refusals: set[str] = field(default_factory=set)
    model_digests: list[str] = field(default_factory=list)  # promoted, in order, the first model included

    @property
    def simulated(self) -> bool:
        """Whether any of the people who answered were simulated."""
        return any(person.startswith(SIMULATED) for person in self.people)


@dataclass(slots=True)
class Collector:
    """Measures by workflow, and the costs that its policy names. Entries of one partition come in order."""

    workflows: defaultdict[str, Measures] = field(default_factory=lambda: defaultdict(Measures))
    policies: Policies = field(default_factory=lambda: NO_POLICIES)

    def add(self, entry: Entry) -> None:
        """Collect from one more record; the account says how many are no events of their topic."""
        match entry.event:
            case event if not belongs(entry.topic, entry.key, event):
                pass
            case DecisionMade() as made:
                measures = self.workflows[made.workflow]
                measures.resolved.setdefault(made.request_id, resolved_by(made))
                if made.reviewer_id is not None:
                    measures.people.add(made.reviewer_id)
            case PredictionMade() as made:
                add_prediction(self.workflows[made.workflow], made)
            case CaseOpened() as opened:
                self.workflows[opened.workflow].opened_at.setdefault(opened.request_id, opened.occurred_at)
            case CaseClosed() as closed:
                self.workflows[closed.workflow].closed_at[closed.request_id] = (closed.occurred_at, closed.closed_by)
            case AuditDrawn() | AuditAnswered() | AuditExpired() as audit:
                add_audit(self.workflows[audit.workflow], audit)
            case PolicyPublished() as published:
                self.policies = fold_policies(self.policies, published)
                policy = self.policies.get(published.workflow)
                if policy is not None and policy.version == published.version:
                    thresholds = self.workflows[published.workflow].thresholds
                    thresholds[policy.version] = policy.workflow_type.thresholds.auto_approve
            case ModelTrained() | ModelEvaluated() | ModelPromoted() | ModelRefused() | RetrainingRequested() as event:
                add_learning(self.workflows[event.workflow], event)

    def costs(self, workflow: str) -> Costs | None:
        """US dollars per decision, where the policy names them."""
        policy = self.policies.get(workflow)
        return policy.workflow_type.costs if policy is not None else None


def resolved_by(made: DecisionMade) -> Resolved:
    """What is kept of an outcome."""
    grounds = made.grounds
    risks = (grounds.risk_flags or grounds.rule_hits) if grounds.high_risk or grounds.compliance else ()
    return Resolved(
        by=made.decided_by,
        took=made.decided_at - made.requested_at,
        label=made.label,
        policy_version=grounds.policy_version,
        risks=risks,
        reason=grounds.reason,
    )


def add_prediction(measures: Measures, made: PredictionMade) -> None:
    """Collect an answer of a model, or that there is none."""
    measures.predicted.setdefault(made.request_id, Predicted(made.label, made.confidence, made.failure))
    if made.label is not None and made.model_digest is not None:
        measures.answered_by.add(made.model_digest)


def add_audit(measures: Measures, event: AuditDrawn | AuditAnswered | AuditExpired) -> None:
    """Collect a draw or what became of it."""
    if event.kind is SampleKind.AUDIT:
        measures.audit_cases.add(event.request_id)
    if isinstance(event, AuditExpired):
        measures.expired.add(event.request_id)
    if isinstance(event, AuditAnswered):
        answer = BlindAnswer(event.kind, event.inclusion_probability, event.agrees, event.model_label is not None)
        if 0 < answer.probability <= 1 and math.isfinite(1 / answer.probability):
            measures.blind_answers.setdefault(event.request_id, answer)
        else:
            measures.unweighable.add(event.request_id)
        measures.people.add(event.reviewer_id)


def add_learning(
    measures: Measures, event: ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused | RetrainingRequested
) -> None:
    """Collect a step of learning; the first model of a workflow is promoted over nothing and so is no promotion."""
    match event:
        case ModelTrained():
            measures.labels[event.model_digest] = event.labels
        case RetrainingRequested():
            measures.retrainings.add(event.event_id)
        case ModelRefused():
            measures.refusals.add(event.event_id)
        case ModelPromoted():
            if event.previous_digest is not None:
                measures.promotions.add(event.event_id)
            if event.model_digest not in measures.model_digests:
                measures.model_digests.append(event.model_digest)
