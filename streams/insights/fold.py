"""A batch of the log as changes of the view: values in, values out. Whoever applies them does so whole or not at all.

Repeating a batch, or cutting it otherwise, ends in the same view.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, get_args

from infra.kafka.scan import Entry
from schemas.events import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    DeadLettered,
    DecisionValidated,
    Event,
    FeedbackRecorded,
    GoldAnswered,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    OverlapAnswered,
    PolicyPublished,
    ReviewerAssessed,
    StageTallied,
)
from schemas.topics import ASSIGNMENTS, AUDITS, BY_NAME, DEAD_LETTERS, FEEDBACK, MODELS, POLICIES, REVIEWERS, TALLIES
from streams.insights.models import ModelEvent, ModelFacts, with_model_event
from streams.insights.people import PersonFacts, person_facts
from streams.insights.subject import UNKNOWN, AuditEvent, CaseEvent, Subject, with_audit_event, with_case_event
from streams.insights.sums import Amount, Cell, Sums, minute_of
from streams.insights.tallies import LAST_MOMENT, Input, after, amounts, is_plausible, judged
from streams.workflow.policies import NO_POLICIES, fold_policies
from streams.workflow.types import Costs

FOLDED: Final = tuple(
    topic.name for topic in (POLICIES, MODELS, TALLIES, ASSIGNMENTS, AUDITS, FEEDBACK, REVIEWERS, DEAD_LETTERS)
)
NO_WORKFLOW: Final = "_unknown"  # as the stages count what names none
LEARNT: Final = "feedback/"  # type, kind
DEAD: Final = "dead_letter/"  # stage, reason
PROMOTED: Final = "promoted"
REFUSED: Final = "model_refused"
SubjectKey = tuple[str, str]  # workflow, request id
ModelKey = tuple[str, str]  # workflow, digest
PersonKey = tuple[str, str]  # workflow, reviewer id


class Note(str):
    """What is counted of the reading itself."""


UNREADABLE: Final = Note("unreadable")  # records that hold no event of their topic, or one that cannot be
REPEATED: Final = Note("repeated_tallies")
UNCOUNTED: Final = Note("uncounted_records")  # of repeated tallies: processed, but in no tally that counts


class Known(Protocol):
    """What the view holds before the batch."""

    def subject(self, key: SubjectKey) -> Subject | None: ...

    def covered(self, place: Input) -> int: ...

    def is_seen(self, event_id: str) -> bool: ...

    def model(self, key: ModelKey) -> ModelFacts | None: ...


@dataclass(slots=True)
class Changes:
    """What a batch makes of the view."""

    positions: dict[tuple[str, int], int] = field(default_factory=dict)  # last offset applied, by topic and partition
    sums: Sums = field(default_factory=Sums)
    subjects: dict[SubjectKey, Subject] = field(default_factory=dict)
    covered: dict[Input, int] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)  # ids of events that are counted by nothing else
    models: dict[ModelKey, ModelFacts] = field(default_factory=dict)
    people: dict[PersonKey, PersonFacts] = field(default_factory=dict)
    costs: dict[str, Costs | None] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    latest: int = 0  # record time of the last record, milliseconds


def fold(entries: Iterable[Entry], known: Known) -> Changes:
    """Entries of one partition in order; topics may interleave as they like."""
    folding = _Folding(known)
    for entry in entries:
        folding.add(entry)
    return folding.made


class _Folding:
    """One batch on its way."""

    def __init__(self, known: Known) -> None:
        self._known, self.made = known, Changes()

    def add(self, entry: Entry) -> None:
        made = self.made
        made.positions[entry.topic, entry.partition] = entry.offset
        made.latest = max(made.latest, entry.timestamp)
        event = entry.event
        if event is None or type(event) not in BY_NAME[entry.topic].events or not _is_possible(event):
            made.notes[UNREADABLE] += 1
            return
        match event:
            case StageTallied():
                self._tally(event)
            case changed if isinstance(changed, CaseEvent):
                self._case(changed)
            case audited if isinstance(audited, AuditEvent):
                self._audit(audited)
            case FeedbackRecorded():
                self._once(event.event_id, event.workflow, event.decided_at, f"{LEARNT}{event.type}/{event.kind}")
            case DeadLettered():
                measure = f"{DEAD}{event.stage}/{event.reason}"
                self._once(event.event_id, event.workflow or NO_WORKFLOW, event.dead_lettered_at, measure)
            case ModelTrained() | ModelEvaluated() | ModelPromoted() | ModelRefused():
                self._model(event)
            case ReviewerAssessed():
                self.made.people[event.workflow, event.reviewer_id] = person_facts(event)
            case PolicyPublished():
                self._policy(event)
            case _:
                pass  # a refusal, a note, or what other views tell

    def _tally(self, tally: StageTallied) -> None:
        made = self.made
        places = [Input(tally.stage, span.topic, span.partition) for span in tally.ranges]
        covered = {place: made.covered.get(place, self._known.covered(place)) for place in places}
        verdict = judged(tally, covered)
        made.covered |= after(tally, covered)
        counts = verdict.counts and (bool(tally.ranges) or self._is_first(tally.event_id))
        if not counts:
            made.notes[REPEATED] += 1
            made.notes[UNCOUNTED] += verdict.uncounted
            return
        for cell, amount in amounts(tally):
            made.sums.add(cell, amount)

    def _case(self, event: CaseEvent) -> None:
        key = event.workflow, event.request_id
        self._keep(key, with_case_event(self._subject(key), event, self.made.sums))

    def _audit(self, event: AuditEvent) -> None:
        key = event.workflow, event.request_id
        self._keep(key, with_audit_event(self._subject(key), event, self.made.sums))

    def _subject(self, key: SubjectKey) -> Subject:
        return self.made.subjects.get(key) or self._known.subject(key) or UNKNOWN

    def _keep(self, key: SubjectKey, subject: Subject) -> None:
        if subject is not UNKNOWN:
            self.made.subjects[key] = subject

    def _once(self, event_id: str, workflow: str, at: int, measure: str) -> None:
        if self._is_first(event_id):
            self.made.sums.add(Cell(workflow, minute_of(at), measure), Amount(1))

    def _is_first(self, event_id: str) -> bool:
        if event_id in self.made.seen or self._known.is_seen(event_id):
            return False
        self.made.seen[event_id] = None
        return True

    def _model(self, event: ModelEvent) -> None:
        if not self._is_first(event.event_id):
            return
        key = event.workflow, event.model_digest
        facts = self.made.models.get(key) or self._known.model(key) or ModelFacts()
        self.made.models[key] = with_model_event(facts, event)
        if isinstance(event, ModelPromoted) and event.previous_digest is not None:
            self.made.sums.add(Cell(event.workflow, minute_of(event.promoted_at), PROMOTED), Amount(1))
        if isinstance(event, ModelRefused):
            self.made.sums.add(Cell(event.workflow, minute_of(event.refused_at), REFUSED), Amount(1))

    def _policy(self, event: PolicyPublished) -> None:
        policy = fold_policies(NO_POLICIES, event).get(event.workflow)
        if policy is not None:
            self.made.costs[event.workflow] = policy.workflow_type.costs


_MOMENTS: Final = {
    **dict.fromkeys(get_args(CaseEvent), "occurred_at"),
    AuditDrawn: "drawn_at", AuditAnswered: "answered_at", AuditExpired: "expired_at",
    GoldAnswered: "answered_at", OverlapAnswered: "answered_at", DecisionValidated: "validated_at",
    FeedbackRecorded: "decided_at", DeadLettered: "dead_lettered_at",
    ModelPromoted: "promoted_at", ModelRefused: "refused_at",
}  # fmt: skip


def _is_possible(event: Event) -> bool:
    """Whether what it says can be summed: times of this age, counts that are counts."""
    if isinstance(event, StageTallied):
        return is_plausible(event)
    name = _MOMENTS.get(type(event))
    return name is None or 0 <= getattr(event, name) < LAST_MOMENT
