"""What the events say about one workflow, collected for its figures: counts, times, blind answers, models.

Cases and audits are told by the very facts that the online view keeps (`streams.insights.subject`); decisions are
taken from `outcomes`, request by request, where the view takes them from the stages' counts.
"""

from collections import Counter, defaultdict
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec.structs import replace

from consumers.audit.ledger import belongs
from infra.kafka.scan import Entry
from schemas.events import (
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
from schemas.values import DecidedBy
from streams.insights.figures import Durations, Figures, durations
from streams.insights.reading import figures_of
from streams.insights.subject import (
    SIMULATED,
    UNKNOWN,
    AuditEvent,
    CaseEvent,
    Subject,
    review_took,
    with_audit_event,
    with_case_event,
)
from streams.insights.sums import Amount, Sums
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies
from streams.workflow.types import Costs

MEASURED_TOPICS: Final = tuple(
    t.name for t in (OUTCOMES, ASSIGNMENTS, AUDITS, PREDICTIONS, MODELS, RETRAINING, POLICIES)
)

QUESTION: Final = replace(UNKNOWN, is_gold=True)


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


@dataclass(slots=True)
class Measures:
    """What was collected of one workflow."""

    resolved: dict[str, Resolved] = field(default_factory=dict)  # by request id: a late repeat changes nothing
    predicted: dict[str, Predicted] = field(default_factory=dict)  # by request id, the first one, which was routed by
    answered_by: set[str] = field(default_factory=set)  # digests of the models that answered
    labels: dict[str, int] = field(default_factory=dict)  # by digest: on how many labels a model was fitted
    thresholds: dict[int, float] = field(default_factory=dict)  # by version of the policy: what automation demands
    subjects: dict[str, Subject] = field(default_factory=dict)  # by request id: cases and audits
    sums: Sums = field(default_factory=Sums)  # of the subjects
    people: set[str] = field(default_factory=set)
    retrainings: set[str] = field(default_factory=set)
    promotions: set[str] = field(default_factory=set)  # of candidates over a running model
    refusals: set[str] = field(default_factory=set)
    model_digests: list[str] = field(default_factory=list)  # promoted, in order, the first model included

    @property
    def simulated(self) -> bool:
        """Whether any of the people who answered were simulated."""
        return self.figures.simulated

    @property
    def figures(self) -> Figures:
        """What the KPIs are computed from, with the quantiles that only single times give."""
        counted = Counter(resolved.by for resolved in self.resolved.values())
        amounts: dict[str, Amount] = {}
        for cell, amount in self.sums.items():
            before = amounts.get(cell.measure, Amount(0))
            amounts[cell.measure] = Amount(before.count + amount.count, before.total + amount.total)
        cases = figures_of(amounts)
        return Figures(
            automatic=counted[DecidedBy.AUTOMATION],
            reviewed=counted[DecidedBy.REVIEWER],
            expert=counted[DecidedBy.EXPERT],
            waiting=cases.waiting,
            resolution=durations([resolved.took for resolved in self.resolved.values()]),
            latency=self._latency(),
            work=cases.work,
            blind=cases.blind,
            unweighable=cases.unweighable,
            expired=cases.expired,
            pairs=cases.pairs,
            validated=cases.validated,
            simulated=cases.simulated or any(person.startswith(SIMULATED) for person in self.people),
        )

    def _latency(self) -> Durations:
        return durations([took for each in self.subjects.values() if (took := review_took(each)) is not None])


@dataclass(slots=True)
class Collector:
    """Measures by workflow, and the costs that its policy names. Entries of one partition come in order."""

    workflows: defaultdict[str, Measures] = field(default_factory=lambda: defaultdict(Measures))
    policies: Policies = field(default_factory=lambda: NO_POLICIES)
    gold: Container[str] = frozenset()  # request ids of questions whose answer is known, open ones included

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
            case changed if isinstance(changed, CaseEvent | AuditEvent):
                add_subject(self.workflows[changed.workflow], changed, is_gold=changed.request_id in self.gold)
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


def add_subject(measures: Measures, event: CaseEvent | AuditEvent, *, is_gold: bool) -> None:
    """Collect a change of a case, a draw, or what became of it."""
    before = measures.subjects.get(event.request_id, QUESTION if is_gold else UNKNOWN)
    if isinstance(event, AuditEvent):
        measures.subjects[event.request_id] = with_audit_event(before, event, measures.sums)
    else:
        measures.subjects[event.request_id] = with_case_event(before, event, measures.sums)


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
