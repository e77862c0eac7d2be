"""The live state of the pipeline, folded from the records as they are written: flow, queues, lag, shares. Pure."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    Event,
    HoldEnded,
    LeaseEnded,
    LeaseGranted,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    OutcomeAmended,
    OutcomeUpheld,
    StageTallied,
)
from schemas.topics import ASSIGNMENTS, AUDITS, DEAD_LETTERS, MODELS, OUTCOMES, TALLIES, TOPICS
from schemas.values import DecidedBy, Priority, SampleKind

FOLDED: Final = frozenset(topic.name for topic in (OUTCOMES, ASSIGNMENTS, AUDITS, DEAD_LETTERS, MODELS, TALLIES))
WINDOW: Final = 10.0  # seconds over which rates are taken
MAX_NEWS: Final = 6


class Sample(NamedTuple):
    """Counts at a moment of the watcher's clock (seconds)."""

    at: float
    counts: dict[str, int]


@dataclass(slots=True)
class Figures:
    """What was decided, audited and learnt: of one workflow, or of all together."""

    decided: Counter[DecidedBy] = field(default_factory=Counter)
    amended: int = 0  # outcomes that a later judgement changed
    upheld: int = 0  # and those that it confirmed
    audits_drawn: int = 0
    audits_expired: int = 0
    blind: list[tuple[float, bool]] = field(default_factory=list)  # inclusion probability, agrees with the model
    automatic_audits: list[bool] = field(default_factory=list)
    model: str | None = None  # digest of the running model that was promoted last
    promotions: int = 0
    refusals: int = 0
    trained: int = 0

    def fold(self, event: Event) -> None:
        """Fold one more event; those that say nothing of all this change nothing."""
        match event:
            case DecisionMade():
                self.decided[event.decided_by] += 1
            case OutcomeAmended():
                self.amended += 1
            case OutcomeUpheld():
                self.upheld += 1
            case AuditDrawn():
                self.audits_drawn += event.kind is SampleKind.AUDIT
            case AuditExpired():
                self.audits_expired += 1
            case AuditAnswered() if event.model_label is not None:
                self.blind.append((event.inclusion_probability, event.agrees))
                if event.kind is SampleKind.AUDIT:
                    self.automatic_audits.append(event.agrees)
            case ModelTrained():
                self.trained += 1
            case ModelPromoted():
                self.model = event.model_digest
                self.promotions += event.previous_digest is not None
            case ModelRefused():
                self.refusals += 1

    @property
    def decisions(self) -> int:
        return self.decided.total()

    @property
    def automation(self) -> float | None:
        """Share of the decisions that automation took."""
        return self.decided[DecidedBy.AUTOMATION] / self.decisions if self.decisions else None

    @property
    def weighted_accuracy(self) -> float | None:
        """1/π-weighted share of blind answers that are the model's: Σ (agrees/π) / Σ (1/π)."""
        weights = sum(1 / probability for probability, _ in self.blind)
        return sum(agrees / probability for probability, agrees in self.blind) / weights if weights else None

    @property
    def automatic_accuracy(self) -> float | None:
        """Share of audited automatic decisions that people confirmed."""
        return sum(self.automatic_audits) / len(self.automatic_audits) if self.automatic_audits else None


@dataclass(slots=True)
class FlowState(Figures):
    """The figures of all and of each workflow, counts by topic, open cases, what each stage has processed, and news."""

    workflows: defaultdict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    records: Counter[str] = field(default_factory=Counter)
    last: dict[TopicPartition, int] = field(default_factory=dict)  # last offset that holds a record
    processed: defaultdict[str, dict[TopicPartition, int]] = field(default_factory=lambda: defaultdict(dict))
    open_cases: dict[str, Priority] = field(default_factory=dict)
    with_expert: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)  # open cases that somebody has for themselves
    on_hold: set[str] = field(default_factory=set)  # and those that somebody has set aside
    dead: Counter[str] = field(default_factory=Counter)  # by reason
    refused: Counter[str] = field(default_factory=Counter)  # answers by reason
    refused_commands: Counter[str] = field(default_factory=Counter)  # by reason
    news: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_NEWS))
    samples: deque[Sample] = field(default_factory=deque)

    def add(self, entry: Entry) -> None:
        """Fold one more record; those outside `FOLDED` are counted only and need not be decoded."""
        self.records[entry.topic] += 1
        self.last[TopicPartition(entry.topic, entry.partition)] = entry.offset
        match entry.event:
            case DecisionMade() | OutcomeAmended() | OutcomeUpheld() as decided:
                self._count(decided.workflow, decided)
            case AuditDrawn() | AuditAnswered() | AuditExpired() as audit:
                self._count(audit.workflow, audit)
            case StageTallied() as tallied:
                self._note_progress(tallied)
            case DeadLettered() as letter:
                self.dead[letter.reason] += 1
            case DecisionRefused() as refused:
                self.refused[refused.reason] += 1
            case CommandRefused() as refused_command:
                self.refused_commands[refused_command.reason] += 1
            case ModelTrained() | ModelEvaluated() | ModelPromoted() | ModelRefused() as step:
                self._count(step.workflow, step)
                self._tell(step)
            case change if change is not None:
                self._fold_hands(change)
                self._fold_case(change)

    def sample(self, now: float) -> None:
        """Remember the counts of now, for rates; `now` in seconds of a clock that never goes back."""
        self.samples.append(Sample(now, {**self.records, "decisions": self.decisions}))
        while len(self.samples) > 2 and now - self.samples[0].at > WINDOW:
            self.samples.popleft()

    def rate(self, name: str) -> float:
        """Records of a topic, or `decisions`, per second over the last ten seconds."""
        if len(self.samples) < 2 or self.samples[-1].at <= self.samples[0].at:
            return 0.0
        first, last = self.samples[0], self.samples[-1]
        return (last.counts.get(name, 0) - first.counts.get(name, 0)) / (last.at - first.at)

    def queues(self) -> dict[Priority, int]:
        """Open cases by priority, the most urgent first."""
        counted = Counter(self.open_cases.values())
        return {priority: counted[priority] for priority in Priority}

    def lags(self) -> dict[str, int]:
        """By stage: offsets between its last processed record and the last one written, over the topics it reads."""
        made: dict[str, int] = {}
        for topic in TOPICS:
            for reader in topic.readers:
                if reader in self.processed:
                    made[reader] = made.get(reader, 0) + self._lag(reader, topic.name)
        return made

    def _lag(self, stage: str, topic: str) -> int:
        done = self.processed[stage]
        if not any(place.topic == topic for place in done):
            return 0  # a topic that it follows as configuration or for its restore
        return sum(max(0, last - done.get(at, -1)) for at, last in self.last.items() if at.topic == topic)

    def _note_progress(self, tallied: StageTallied) -> None:
        done = self.processed[tallied.stage]
        for each in tallied.ranges:
            place = TopicPartition(each.topic, each.partition)
            done[place] = max(done.get(place, -1), each.last)

    def _fold_hands(self, change: Event) -> None:
        """Who has a case, or has set it aside; whatever sends it on or answers it ends both."""
        match change:
            case LeaseGranted():
                self.claimed.add(change.request_id)
                self.on_hold.discard(change.request_id)
            case CaseHeld():
                self.claimed.discard(change.request_id)
                self.on_hold.add(change.request_id)
            case LeaseEnded() | AnswerReceived() | AnswerCounted() | CaseEscalated() | CaseReturned() | CaseClosed():
                self.claimed.discard(change.request_id)
                self.on_hold.discard(change.request_id)
            case HoldEnded():
                self.on_hold.discard(change.request_id)

    def _fold_case(self, change: Event) -> None:
        match change:
            case CaseOpened():
                self.open_cases[change.request_id] = change.priority
                if change.stage == "expert":
                    self.with_expert.add(change.request_id)
            case CaseReopened():
                self.open_cases[change.request_id] = Priority.HIGH
                self.with_expert.add(change.request_id)
            case CaseEscalated():
                self.with_expert.add(change.request_id)
                if self.open_cases.get(change.request_id) is not Priority.URGENT:
                    self.open_cases[change.request_id] = Priority.HIGH  # as casework announces it to experts
            case CaseReturned():
                self.with_expert.discard(change.request_id)
            case CaseReprioritised():
                self.open_cases[change.request_id] = change.priority
            case CaseClosed():
                self.open_cases.pop(change.request_id, None)
                self.with_expert.discard(change.request_id)

    def _count(self, workflow: str, event: Event) -> None:
        self.fold(event)
        self.workflows[workflow].fold(event)

    def _tell(self, step: ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused) -> None:
        digest = step.model_digest[:12]
        match step:
            case ModelTrained():
                self.news.append(f"{step.workflow}: {digest} trained on {step.labels:,} labels ({step.profile})")
            case ModelPromoted():
                self.news.append(f"{step.workflow}: {digest} promoted: {step.reason}")
            case ModelRefused():
                self.news.append(f"{step.workflow}: {digest} refused: {step.reason}")
