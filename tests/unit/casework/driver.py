"""Casework on a table: topics are lists, every lane of one partition, and the test decides what is read when."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hypothesis import strategies as st

from infra.kafka.errors import InvalidMessage
from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Batch, Handled, Lane, Message
from schemas.codec import Codec
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    CaseActionRequested,
    CaseOpened,
    CaseSnapshot,
    Event,
    ExpertReviewRequested,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import CASES, EXPERT, REVIEW, REVIEW_COMMANDS, REVIEW_DECISIONS, Outgoing
from schemas.values import Coordinates, EscalatedBy, GivenAnswer, Level, Priority, Recommendation, SampleKind, Split
from streams.casework.answer import given_answer, read_answer
from streams.casework.case import Announcement, Case, CaseEvent, evolve
from streams.casework.cases import Cases
from streams.casework.config import Config
from streams.casework.refusal import Refused
from streams.casework.sealing import Sealed, Sealer
from streams.casework.stage import CaseworkStage
from streams.workflow.policies import Policies, Policy
from streams.workflow.types import parse_workflow

CODEC = Codec.of_repository()
SEALER = Sealer(bytes(range(64)))
SALT = bytes(32)
PARTITIONS = 3
HOUR = 3_600_000
START = 1_700_000_000_000  # milliseconds since the epoch
CLASSES = ("neither", "hate", "offensive")
WORKFLOW = "content_moderation"
DOCUMENT = f"""
name = "{WORKFLOW}"
classes = {list(CLASSES)}
approving_class = "{CLASSES[0]}"
featurizer = "text"
"""
Read = tuple[str, int]  # topic and offset
Said = Announcement | GivenAnswer | None  # what a change of a case comes with


class Given(NamedTuple):
    """One call of the stage and what it made of it, for a replay."""

    messages: tuple[Message, ...]  # empty for a tick
    now: int
    reached: dict[str, int]
    watermarks: dict[str, int]
    outgoing: tuple[Outgoing, ...]
    committed: bool
    restarted: bool = False  # the process ended and another took over, nothing else


class Table:
    """A log of one partition, and casework reading it at the test's bidding."""

    def __init__(self, partition: int, stage: CaseworkStage | None = None) -> None:
        self.partition = partition
        self.stage = stage or CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT, topic_prefix="hitl.")
        self.topics: dict[str, list[tuple[bytes, Event]]] = defaultdict(list)
        self.appended: dict[Read, int] = {}  # when a record was, where the test says so (milliseconds)
        self.reached: dict[str, int] = defaultdict(int)
        self.events: list[Event] = []  # everything casework wrote and committed, in order
        self.outgoing: list[Outgoing] = []
        self.given: list[Given] = []
        self.config = Config()
        self.invalid: list[tuple[Message, InvalidMessage]] = []
        self.lane: Lane[Cases] = Lane(
            partition=partition,
            state=self.stage.initial_state(partition),
            now=START,
            config_offsets={"policies": 3},
            reached=lambda topic: self.reached[topic],
            watermark=lambda topic: len(self.topics[topic]),
        )

    def write(self, topic: str, event: Event, key: bytes | None = None, *, at: int | None = None) -> Coordinates:
        """Append a record, at a time (milliseconds), and say where it lies."""
        request_id = getattr(event, "request_id")  # noqa: B009
        self.topics[topic].append((request_id.encode() if key is None else key, event))
        offset = len(self.topics[topic]) - 1
        if at is not None:
            self.appended[topic, offset] = at
        return Coordinates(topic=topic, partition=self.partition, offset=offset)

    def announce(self, announcement: Announcement) -> Coordinates:
        """Write an announcement as the router does, and let casework read it."""
        written = self.write(topic_of(announcement), announcement)
        self.read_all(written.topic)
        assert not self.invalid
        return written

    def answer(self, decision: ReviewDecided, key: bytes | None = None, *, at: int | None = None) -> list[Event]:
        """Write an answer and let casework read it; what casework wrote about it."""
        self.write(REVIEW_DECISIONS.name, decision, key, at=at)
        return self.read_all(REVIEW_DECISIONS.name)

    def command(
        self, command: CaseActionRequested, key: bytes | None = None, *, at: int | None = None
    ) -> list[Event]:
        """Write a command and let casework read it; what casework wrote about it."""
        self.write(REVIEW_COMMANDS.name, command, key, at=at)
        return self.read_all(REVIEW_COMMANDS.name)

    def message(self, topic: str, offset: int) -> Message:
        key, event = self.topics[topic][offset]
        appended = self.appended.get((topic, offset), START - HOUR)
        return Message(event, topic, self.partition, offset, appended, key, b"")

    def read_all(self, topic: str) -> list[Event]:
        """Read what is left of a topic in one batch."""
        return self.read((topic, offset) for offset in range(self.reached[topic], len(self.topics[topic])))

    def read(self, records: Iterable[Read], *, commit: bool = True) -> list[Event]:
        """Handle these records as one batch; what was held stays unread. Events of an abort count for nothing."""
        messages = tuple(self.message(*record) for record in records)
        if not messages:
            return []
        batch = self.stage.handle(messages, {self.partition: self.lane}, self.config)
        self.invalid += batch.invalid
        made = self._settle(messages, batch, commit)
        if commit:
            held = {(message.topic, message.offset) for message in batch.held}
            for message in messages:
                if (message.topic, message.offset) not in held:
                    self.reached[message.topic] = message.offset + 1
        return made

    def tick(self, *, commit: bool = True) -> list[Event]:
        """What the clock alone does."""
        return self._settle((), self.stage.tick(self.lane, self.config), commit)

    def restart(self) -> None:
        """The process is gone; the next one knows what lies in the topic of cases."""
        self.lane.state = restored(self.cases())
        self.given.append(Given((), self.lane.now, {}, {}, (), committed=True, restarted=True))

    def _settle(self, messages: tuple[Message, ...], handled: Handled | Batch, commit: bool) -> list[Event]:
        outgoing = tuple(handled.outgoing)
        ends = {topic: len(records) for topic, records in self.topics.items()}
        self.given.append(Given(messages, self.lane.now, dict(self.reached), ends, outgoing, commit))
        if not commit:
            self.lane.state.discard()
            return []
        self.lane.state.commit()
        self.outgoing += outgoing
        made = [record.event for record in outgoing if record.event is not None]
        self.events += made
        for record in outgoing:
            if isinstance(record.event, Announcement):
                self.write(record.topic, record.event)
        return made

    def cases(self) -> dict[str, Case]:
        """The compacted topic of snapshots, as a restore reads it."""
        last = {record.key.decode(): record.event for record in self.outgoing if record.topic == CASES.name}
        return {key: event for key, event in last.items() if isinstance(event, CaseSnapshot)}

    def history(self) -> list[tuple[CaseEvent, Said] | str]:
        """The events of all cases, each with what it needs; the request id where a case was forgotten."""
        made: list[tuple[CaseEvent, Said] | str] = []
        cases: dict[str, Case] = {}
        asked: Announcement | None = None
        for record in self.outgoing:
            if record.event is None:
                made.append(record.key.decode())
                cases.pop(record.key.decode())
            elif isinstance(record.event, Announcement):
                asked = record.event
            elif isinstance(record.event, CaseEvent):
                event = record.event
                case = cases.get(event.request_id)
                made.append((event, self._said(case, event) or asked))
                cases[event.request_id] = evolve(case, *made[-1])
        return made

    def _said(self, case: Case | None, event: CaseEvent) -> Said:
        """What lies where the change says: the announcement that opened the case, the answer that it is about."""
        if isinstance(event, CaseOpened):
            _, announcement = self.topics[event.review.topic][event.review.offset]
            assert isinstance(announcement, Announcement)
            return announcement
        if not isinstance(event, AnswerReceived | AnswerCounted) or case is None or case.pending is not None:
            return None
        _, decision = self.topics[event.cause.topic][event.cause.offset]
        assert isinstance(decision, ReviewDecided)
        said = read_answer(case, decision)
        assert not isinstance(said, Refused)
        return given_answer(decision, said, cause=event.cause, at=event.occurred_at)


def restored(cases: Mapping[str, Case]) -> Cases:
    """The state of a process that starts over these snapshots."""
    state = Cases()
    for name, case in cases.items():
        state.put(name, case)
    state.commit()
    return state


def policies(more: str = "") -> Policies:
    """A policy in force for the cases of this table."""
    workflow_type = parse_workflow(DOCUMENT + more)
    return MappingProxyType({WORKFLOW: Policy(workflow_type=workflow_type, version=5, digest="q" * 64)})


def topic_of(announcement: Announcement) -> str:
    """Where the router writes an announcement."""
    return EXPERT.name if isinstance(announcement, ExpertReviewRequested) else REVIEW[announcement.priority].name


def sealed(kind: SampleKind, *, model_label: str | None = "hate", **more: Any) -> Sealed:
    """What the router sealed; `more` are the fields about several people, and about validation."""
    return Sealed(
        kind=kind,
        model_label=model_label,
        confidence=None if model_label is None else 0.85,
        model_digest=None if model_label is None else "d" * 64,
        calibrator=None if model_label is None else "platt:1",
        inclusion_probability=0.3 if kind in (SampleKind.BLIND, SampleKind.AUDIT) else 1.0,
        split=Split.GATE if kind in (SampleKind.BLIND, SampleKind.AUDIT) else Split.TRAIN,
        routed_reason="medium confidence, needs human validation",
        risk_score=0.25,
        **more,
    )


def review(
    request_id: str = "r",
    *,
    kind: SampleKind = SampleKind.REVIEW,
    priority: Priority = Priority.NORMAL,
    due_at: int | None = START + 24 * HOUR,
    classes: tuple[str, ...] = CLASSES,
    model_label: str | None = "hate",
    revision: int = 1,
    skills: tuple[str, ...] = (),
    **more: Any,
) -> ReviewRequested:
    """A review as the router asks for it; blind ones and audits show no recommendation. `more` is sealed."""
    shown = kind is SampleKind.REVIEW and model_label is not None
    return ReviewRequested(
        event_id=f"review:{request_id}:1",
        request_id=request_id,
        workflow="content_moderation",
        revision=revision,
        request=Coordinates(topic="requests", partition=0, offset=7),
        request_body=b"a request",
        request_fingerprint=b"12345678",
        requested_at=START - HOUR,
        priority=priority,
        reason="selected for review",
        recommendation=recommendation(model_label or "") if shown else None,
        classes=classes,
        approving_class=classes[0],
        rule_hits=("link",),
        risk_flags=("amount",),
        policy_version=4,
        policy_digest="p" * 64,
        config_offsets={"models": 9, "policies": 2},
        cause=Coordinates(topic="predictions", partition=0, offset=7),
        sealed=SEALER.seal(sealed(kind, model_label=model_label, **more), request_id=request_id, revision=1),
        created_at=START,
        due_at=due_at,
        skills=skills,
    )


def expert_review(request_id: str = "r", *, due_at: int | None = START + 24 * HOUR) -> ExpertReviewRequested:
    """What the router asks of an expert at once."""
    base = review(request_id, priority=Priority.URGENT, due_at=due_at)
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    fields["sealed"] = SEALER.seal(sealed(SampleKind.EXPERT), request_id=request_id, revision=1)
    return ExpertReviewRequested(**fields, escalated_by=EscalatedBy.POLICY)


def recommendation(label: str) -> Recommendation:
    return Recommendation(label=label, confidence=0.85, level=Level.MEDIUM, probabilities=(0.1, 0.85, 0.05))


def decision(
    at: Coordinates, action: str = "approve", *, request_id: str = "r", label: str | None = None,
    confidence: float = 0.9, feedback: str = "", reviewer_id: str = "ada", decision_id: str = "d1",
    lease: int | None = None, grace_seconds: float = 0.0,
) -> ReviewDecided:  # fmt: skip
    return ReviewDecided(
        decision_id=decision_id, request_id=request_id, review=at, reviewer_id=reviewer_id, action=action, label=label,
        confidence=confidence, feedback=feedback, lease=lease, grace_seconds=grace_seconds,
    )  # fmt: skip


def action(
    name: str, who: str = "ada", *, request_id: str = "r", lease: int | None = None, **more: Any
) -> CaseActionRequested:
    """A command about a case; `more` are its other fields."""
    return CaseActionRequested(
        command_id=f"{name}:{who}", request_id=request_id, reviewer_id=who, action=name, lease=lease, **more
    )


def encoded(outgoing: Iterable[Outgoing]) -> list[tuple[str, bytes, bytes | None]]:
    """Records as they would stand in the log."""
    return [(o.topic, o.key, None if o.event is None else CODEC.encode(o.event)) for o in outgoing]


def request_ids(partition: int, count: int) -> list[str]:
    """Ids that belong to a partition."""
    ids = (f"r{number}" for number in range(10_000))
    return [i for i in ids if partition_of(i.encode(), PARTITIONS) == partition][:count]


kinds = st.sampled_from([SampleKind.REVIEW, SampleKind.BLIND, SampleKind.AUDIT])
