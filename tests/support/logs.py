"""The logs that the contract suite runs against, and a group member that keeps what it was given."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from infra.kafka.client import KafkaLog
from infra.kafka.client_config import ClientOptions
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.topics import apply
from infra.settings import Settings
from schemas.topics import FEEDBACK, OUTCOMES, PREDICTIONS
from tests.support.simlog import SimulatedLog

PARTITIONS = 2
USED = (PREDICTIONS, OUTCOMES, FEEDBACK)  # the last has one partition
ROUNDS = 600  # of polls of 50 ms, before a test gives up


class World(NamedTuple):
    """A log, and how to let time pass for it (seconds)."""

    log: Log
    advance: Callable[[float], None]


class Clock:
    """Milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1_000)


def simulated() -> World:
    clock = Clock()
    return World(SimulatedLog(partitions=PARTITIONS, wall=clock), clock.advance)


def on_cluster(bootstrap_servers: str) -> World:
    """Topics of its own on a real cluster."""
    settings = Settings(
        bootstrap_servers=bootstrap_servers, topic_prefix=f"test-{uuid.uuid4().hex[:8]}.", partitions=PARTITIONS
    )
    apply(settings, USED)
    options = ClientOptions(bootstrap_servers=bootstrap_servers, prefix=settings.topic_prefix)
    return World(KafkaLog(options), time.sleep)


class Member:
    """A group member that starts at the committed positions and keeps what happens to it."""

    def __init__(
        self, log: Log, instance: str, topics: Sequence[str], *, group: str = "group", diary: list[str] | None = None
    ) -> None:
        self.log, self.instance, self.diary = log, instance, [] if diary is None else diary
        self.owned: set[TopicPartition] = set()
        self.records: list[Record] = []
        self.consumer = log.consumer(group=group, instance=instance, topics=topics, listener=self)

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.diary.append(f"{self.instance} assigned")
        self.owned |= set(partitions)
        committed = self.consumer.committed(partitions)
        self.consumer.start({p: committed[p].offset if p in committed else self.log.beginning(p) for p in partitions})

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.diary.append(f"{self.instance} revoked")
        self.owned -= set(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.diary.append(f"{self.instance} lost")
        self.owned -= set(partitions)

    def poll(self, max_records: int = 100) -> list[Record]:
        found = self.consumer.poll(max_records, 0.05)
        self.records += found
        return found

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]


def until(done: Callable[[], bool], *members: Member) -> None:
    """Poll the members in turn until something is so."""
    for _ in range(ROUNDS):
        if done():
            return
        for member in members:
            member.poll()
    raise AssertionError(f"never happened; the members' diaries: {[member.diary for member in members]}")


def read_all(log: Log, partition: TopicPartition) -> list[bytes | None]:
    """Values of everything committed before the high watermark of now."""
    reader, end = log.reader({partition: log.beginning(partition)}), log.watermark(partition)
    values: list[bytes | None] = []
    try:
        for _ in range(ROUNDS):
            if reader.position(partition) >= end:
                return values
            values += [record.value for record in reader.read(100, 0.05)]
    finally:
        reader.close()
    raise AssertionError(f"the reader stands at {reader.position(partition)} of {end}")
