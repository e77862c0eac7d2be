"""What a simulated cluster keeps: entries of partitions, transactions, groups; and what may go wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infra.kafka.log import Position, Record, TopicPartition

if TYPE_CHECKING:
    from tests.support.simconsumer import SimulatedConsumer
    from tests.support.simlog import SimulatedProducer


class Clock(Protocol):
    def __call__(self) -> int: ...


class Interference(Protocol):
    """What may go wrong, and when; the simulation's schedule decides."""

    def at(self, point: str) -> None:
        """Called before each call of the port; may raise (a crash, an error) or let others run meanwhile."""

    def commit(self) -> str:
        """How the next commit goes: done, refused, indefinite-done, indefinite-undone or indefinite-later."""

    def visible(self, partition: TopicPartition, records: int) -> int:
        """How many of the records that wait in a partition this poll sees."""

    def wait(self) -> bool:
        """Somebody waits for an open transaction: let others run; False when nothing helps but its timeout."""


class Calm:
    """Nothing goes wrong."""

    def at(self, point: str) -> None: ...

    def commit(self) -> str:
        return "done"

    def visible(self, partition: TopicPartition, records: int) -> int:
        return records

    def wait(self) -> bool:
        return False


@dataclass(eq=False, slots=True)
class Transaction:
    producer: SimulatedProducer
    state: str = "open"
    partitions: set[TopicPartition] = field(default_factory=set)
    positions: dict[str, dict[TopicPartition, Position]] = field(default_factory=dict)
    later: bool = False  # the commit was asked for and lands when somebody asks


@dataclass(slots=True)
class Entry:
    record: Record | None  # None is a marker
    transaction: Transaction | None


@dataclass(eq=False, slots=True)
class Partition:
    entries: list[Entry] = field(default_factory=list)
    open: list[tuple[int, Transaction]] = field(default_factory=list)  # first offset of each open transaction

    def stable(self) -> int:
        """The last stable offset."""
        self.open = [(offset, t) for offset, t in self.open if t.state == "open"]
        return min((offset for offset, _ in self.open), default=len(self.entries))


class Membership(NamedTuple):
    group: str
    member: int
    generation: int


@dataclass(eq=False, slots=True)
class Group:
    name: str
    generation: int = 0
    preparing: bool = False
    members: dict[str, SimulatedConsumer] = field(default_factory=dict)  # by instance
    positions: dict[TopicPartition, Position] = field(default_factory=dict)

    def rebalance(self) -> None:
        self.preparing = True
        for member in self.members.values():
            member.joined = False

    def complete(self, partitions: Mapping[str, int]) -> None:
        """Everybody has joined: a new generation, assigned by range."""
        if not self.preparing or not all(m.joined for m in self.members.values()):
            return
        self.preparing = False
        self.generation += 1
        members = [self.members[instance] for instance in sorted(self.members)]
        for member in members:
            member.pending = []
        for topic in members[0].topics if members else ():
            count, rest = divmod(partitions[topic], len(members))
            first = 0
            for index, member in enumerate(members):
                size = count + (index < rest)
                member.pending = [
                    *(member.pending or []),
                    *(TopicPartition(topic, p) for p in range(first, first + size)),
                ]
                first += size
        for member in members:
            member.generation = self.generation
