"""The operator's pages without brokers: a simulated log, a look made by hand, figures as the view would answer."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from infra.errors import HitlError
from infra.kafka.log import TopicPartition
from infra.kafka.offsets import Offsets
from infra.observe.looking import Seen
from infra.observe.pipeline import STAGES_ON_THE_WAY
from producers.desk.pages.operate.asking import Answers
from producers.desk.pages.operate.buried import DeadLetters
from producers.desk.pages.operate.looking import Look
from producers.desk.pages.operate.sending import Sending
from schemas.events import DeadLettered
from schemas.topics import DEAD_LETTERS, TOPICS, Outgoing
from schemas.values import Coordinates
from streams.insights.answers import Answer, AsOf, WindowFigures, WorkflowFigures
from streams.insights.figures import Durations, Figures
from streams.insights.kpis import kpis
from streams.insights.reading import metrics_of
from streams.insights.sums import Amount
from streams.insights.tallies import tallied
from tests.support.recorded import CODEC
from tests.support.simlog import SimulatedLog

T = TypeVar("T")
NOW = 1_800_000_000_000  # milliseconds, and the start of an hour
HOUR = 3_600_000
PARTITIONS = 2


def dead(
    reason: str = "unknown_workflow", *, stage: str = "inference", topic: str = "requests", value: bytes | None = b"{}",
    key: bytes | None = b"k", detail: str = "no policy is published", request_id: str | None = "r1",
    workflow: str | None = "medical", offset: int = 7,
) -> DeadLettered:  # fmt: skip
    """A dead letter as a stage writes it."""
    return DeadLettered(
        event_id=f"dead:{offset}", stage=stage, reason=reason, detail=detail,
        origin=Coordinates(topic=topic, partition=0, offset=offset), original_key=key, original_value=value,
        original_sha256=bytes(32), original_size=len(value or b""), original_timestamp=NOW, workflow=workflow,
        request_id=request_id, config_offsets={"policies": 3}, dead_lettered_at=NOW,
    )  # fmt: skip


@dataclass
class Written:
    """Implements `infra.kafka.writing.WritingBytes` on the simulated log."""

    log: SimulatedLog
    fails: HitlError | None = None

    def write_bytes(self, topic: str, key: bytes | None, value: bytes) -> Coordinates:
        if self.fails is not None:
            raise self.fails
        self.log.producer(transactional_id=None).send(topic, key, value, None)
        return self._last(topic)

    def write(self, outgoing: Outgoing) -> Coordinates:
        assert outgoing.event is not None
        return self.write_bytes(outgoing.topic, outgoing.key, CODEC.encode(outgoing.event))

    def _last(self, topic: str) -> Coordinates:
        last = max(self.log.read_all(topic), key=lambda record: record.timestamp)
        return Coordinates(topic=topic, partition=last.partition, offset=last.offset)


@dataclass
class Now(Generic[T]):
    """What `now` gives, or raises."""

    value: T
    fails: HitlError | None = None

    def now(self) -> T:
        if self.fails is not None:
            raise self.fails
        return self.value


def look(*seen: Seen, ends: int = 100, reached: int = 100, failure: str = "") -> Look:
    """A quiet moment: everything was read, unless said otherwise."""
    places = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(PARTITIONS)]
    groups = {
        stage.name: {place: reached for place in places if place.topic in stage.inputs} for stage in STAGES_ON_THE_WAY
    }
    offsets = Offsets(dict.fromkeys(places, 0), dict.fromkeys(places, ends), groups)
    rates = {topic.name: 12.34 for topic in TOPICS}
    return Look(NOW, None if failure else offsets, failure, rates, {}, seen)


def answer(
    *, workflows: Sequence[str] = ("posts",), decided: int = 90, stale: float | None = 0.3, now: int = NOW
) -> Answers:
    """As the view answers: one workflow, and each of three hours before `now`."""
    made = Figures(automatic=decided, reviewed=10, resolution=Durations(decided + 10, 5_000 * (decided + 10)))
    amounts = {tallied("router", "auto_approve"): Amount(decided), tallied("casework", "reviewed"): Amount(10)}
    one = WorkflowFigures(kpis=kpis(made), system=metrics_of(amounts if decided else {}, now={}, models={}))
    as_of = AsOf(
        bootstrap_servers="here:1", topic_prefix="hitl.", complete_at=NOW, stale_seconds=stale, latest_record_at=NOW,
        positions={},
    )  # fmt: skip
    named = dict.fromkeys(workflows, one)
    hours = [now - 5 * HOUR, now - 4 * HOUR, now - HOUR]
    windows = tuple(WindowFigures(start=at, end=at + HOUR, workflows=named) for at in hours)
    whole = Answer(as_of=as_of, window="all", windows=(WindowFigures(start=None, end=None, workflows=named),))
    return Answers(whole, Answer(as_of=as_of, window="hour", windows=windows))


def this_hour() -> int:
    """Its start, in milliseconds."""
    now = time.time_ns() // 1_000_000
    return now - now % HOUR


@dataclass
class Stand:
    """Implements `producers.desk.pages.operate.operating.Operating`."""

    flow: Now[Look] = field(default_factory=lambda: Now(look()))
    figures: Now[Answers] = field(default_factory=lambda: Now(answer(now=this_hour())))

    def __post_init__(self) -> None:
        ticks = count(NOW)
        self.log = SimulatedLog(partitions=PARTITIONS, wall=lambda: next(ticks))
        self.codec = CODEC
        self.clock = 0.0
        self.letters = DeadLetters(self.log, CODEC, clock=self._ticked)
        self.written = Written(self.log)
        self.sending = Sending(self.letters, self._opened, wall=lambda: NOW)

    def bury(self, letter: DeadLettered, partition: int = 0) -> tuple[int, int]:
        """Where it lies."""
        place = TopicPartition(DEAD_LETTERS.name, partition)
        self.log.producer(transactional_id=None).send(place.topic, b"k", CODEC.encode(letter), partition)
        return partition, self.log.watermark(place) - 1

    def _ticked(self) -> float:
        """Each look is a second later, so that none is old."""
        self.clock += 1
        return self.clock

    @contextmanager
    def _opened(self) -> Iterator[Written]:
        yield self.written
