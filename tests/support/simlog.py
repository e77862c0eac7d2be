"""The simulated transactional log: one process, no threads, deterministic; it passes the suite the real client passes.

It models what exactly-once rests on: transactions with markers that take offsets, read_committed up to the last stable
offset, fencing by transactional id, consumer groups that rebalance eagerly with the range assignor, static members,
positions fenced by generation, and positions that stay unstable while their transaction is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from infra.kafka.errors import CommitIndefinite, InstanceFenced, ProducerFenced, TransactionAborted
from infra.kafka.log import Metadata, Position, RebalanceListener, Record, TopicPartition
from infra.kafka.partitioner import partition_of
from schemas.topics import BY_NAME


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
class _Transaction:
    producer: "SimulatedProducer"
    state: str = "open"
    partitions: set[TopicPartition] = field(default_factory=set)
    positions: dict[str, dict[TopicPartition, Position]] = field(default_factory=dict)
    later: bool = False  # the commit was asked for and lands when somebody asks


@dataclass(slots=True)
class _Entry:
    record: Record | None  # None is a marker
    transaction: _Transaction | None


@dataclass(eq=False, slots=True)
class _Partition:
    entries: list[_Entry] = field(default_factory=list)
    open: list[tuple[int, _Transaction]] = field(default_factory=list)  # first offset of each open transaction

    def stable(self) -> int:
        """The last stable offset."""
        self.open = [(offset, t) for offset, t in self.open if t.state == "open"]
        return min((offset for offset, _ in self.open), default=len(self.entries))


class _Membership(NamedTuple):
    group: str
    member: int
    generation: int


@dataclass(eq=False, slots=True)
class _Group:
    name: str
    generation: int = 0
    preparing: bool = False
    members: dict[str, "SimulatedConsumer"] = field(default_factory=dict)  # by instance
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


class SimulatedLog:
    """A cluster in memory, with the catalogue's topics."""

    def __init__(self, *, partitions: int, wall: "Clock", interference: Interference | None = None) -> None:
        self.count, self.wall = partitions, wall
        self.interference: Interference = interference or Calm()
        self.data = {
            TopicPartition(name, p): _Partition() for name in BY_NAME for p in range(self.partitions(name))
        }
        self.groups: dict[str, _Group] = {}
        self.producers: dict[str, SimulatedProducer] = {}
        self.next_member = 0

    # ---- the port ----

    def consumer(
        self, *, group: str, instance: str, topics: Sequence[str], listener: RebalanceListener
    ) -> "SimulatedConsumer":
        return SimulatedConsumer(self, self.groups.setdefault(group, _Group(group)), instance, topics, listener)

    def producer(self, *, transactional_id: str | None) -> "SimulatedProducer":
        self.interference.at("init")
        return SimulatedProducer(self, transactional_id)

    def reader(self, start: Mapping[TopicPartition, int]) -> "SimulatedReader":
        return SimulatedReader(self, start)

    def partitions(self, topic: str) -> int:
        return self.count if BY_NAME[topic].partitioned else 1

    def beginning(self, partition: TopicPartition) -> int:
        return 0

    def watermark(self, partition: TopicPartition) -> int:
        return len(self.data[partition].entries)

    def offset_at(self, partition: TopicPartition, timestamp: int) -> int:
        for offset, entry in enumerate(self.data[partition].entries):
            if entry.record is not None and entry.record.timestamp >= timestamp:
                return offset
        return self.watermark(partition)

    # ---- inside ----

    def append(
        self, place: TopicPartition, key: bytes | None, value: bytes | None, transaction: _Transaction | None
    ) -> None:
        partition = self.data[place]
        if transaction is not None and place not in transaction.partitions:
            transaction.partitions.add(place)
            partition.open.append((len(partition.entries), transaction))
        record = Record(place.topic, place.partition, len(partition.entries), self.wall(), key, value)
        partition.entries.append(_Entry(record, transaction))

    def end(self, transaction: _Transaction, *, commit: bool) -> None:
        """Write the markers; positions of a committed transaction take effect."""
        if transaction.state != "open":
            return
        transaction.state = "committed" if commit else "aborted"
        for place in sorted(transaction.partitions):
            self.data[place].entries.append(_Entry(None, None))
        if commit:
            for group, positions in transaction.positions.items():
                self.groups[group].positions.update(positions)

    def time_out(self, transaction: _Transaction) -> None:
        """The coordinator ends a transaction that took too long, and fences its producer."""
        transaction.producer.fenced = True
        self.end(transaction, commit=transaction.later)

    def committed_records(self, place: TopicPartition, start: int, end: int) -> list[Record]:
        return [
            entry.record
            for entry in self.data[place].entries[start:end]
            if entry.record is not None and (entry.transaction is None or entry.transaction.state == "committed")
        ]

    def read_all(self, topic: str) -> list[Record]:
        """Everything committed of a topic, partition by partition, for assertions."""
        return [
            record
            for p in range(self.partitions(topic))
            for record in self.committed_records(
                TopicPartition(topic, p), 0, self.data[TopicPartition(topic, p)].stable()
            )
        ]

    def open_transactions(self, place: TopicPartition) -> list[_Transaction]:
        self.data[place].stable()
        return [transaction for _, transaction in self.data[place].open]

    def wait_for(self, transactions: Iterable[_Transaction]) -> None:
        if not self.interference.wait():
            for transaction in transactions:
                self.time_out(transaction)


class Clock(Protocol):
    def __call__(self) -> int: ...


class SimulatedProducer:
    """Transactional with an id, else idempotent: visible at once."""

    def __init__(self, log: SimulatedLog, transactional_id: str | None) -> None:
        self._log, self._id = log, transactional_id
        self.fenced = False
        self._transaction: _Transaction | None = None
        if transactional_id is not None:
            if earlier := log.producers.get(transactional_id):
                earlier.fence()
            log.producers[transactional_id] = self

    def fence(self) -> None:
        self.fenced = True
        if self._transaction is not None:
            self._log.end(self._transaction, commit=self._transaction.later)

    def begin(self) -> None:
        self._check("begin")
        self._transaction = _Transaction(self)

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None) -> None:
        self._check("send")
        count = self._log.partitions(topic)
        place = TopicPartition(topic, partition_of(key or b"", count) if partition is None else partition)
        if self._id is not None and self._transaction is None:
            raise AssertionError("send outside a transaction")
        self._log.append(place, key, value, self._transaction)

    def send_positions(self, positions: Mapping[TopicPartition, Position], metadata: Metadata) -> None:
        self._check("send_positions")
        if not positions:
            raise ValueError("positions are needed: an empty list would not be fenced")
        assert isinstance(metadata, _Membership) and self._transaction is not None
        group = self._log.groups[metadata.group]
        member = next((m for m in group.members.values() if m.member == metadata.member), None)
        if member is None or metadata.generation != group.generation or (group.preparing and member.joined):
            raise TransactionAborted("positions of a former generation")
        self._transaction.positions.setdefault(group.name, {}).update(positions)

    def commit(self) -> None:
        self._check("commit")
        assert self._transaction is not None
        match self._log.interference.commit():
            case "done":
                self._finish(commit=True)
            case "refused":
                raise TransactionAborted("the coordinator refused the commit")
            case "indefinite-done":
                self._finish(commit=True)
                raise CommitIndefinite("timed out")
            case "indefinite-later":
                self._transaction.later = True
                raise CommitIndefinite("timed out")
            case _:
                raise CommitIndefinite("timed out")
        self._log.interference.at("committed")

    def abort(self) -> None:
        self._check("abort")
        self._finish(commit=False)

    def _finish(self, *, commit: bool) -> None:
        if self._transaction is not None:
            self._log.end(self._transaction, commit=commit)
        self._transaction = None

    def flush(self) -> None:
        self._log.interference.at("flush")

    def close(self) -> None:
        """A closed producer leaves its transaction to the coordinator."""

    def _check(self, point: str) -> None:
        self._log.interference.at(point)
        if self.fenced:
            raise ProducerFenced("a newer producer has this id")


class SimulatedConsumer:
    """A member of a group, with a fetch position for each partition it owns."""

    def __init__(
        self, log: SimulatedLog, group: _Group, instance: str, topics: Sequence[str], listener: RebalanceListener
    ) -> None:
        self._log, self._group, self.instance, self.topics, self._listener = log, group, instance, topics, listener
        log.next_member += 1
        self.member, self.generation = log.next_member, group.generation
        self.joined = False
        self.pending: list[TopicPartition] | None = None
        self.assignment: list[TopicPartition] = []
        self._fetch: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self.fenced = self.expired = False
        if former := group.members.get(instance):  # a static member comes back: it takes over without a rebalance
            former.fenced = True
            self.pending = former.pending if former.pending is not None else list(former.assignment)
            self.joined = former.joined
            group.members[instance] = self
        else:
            group.members[instance] = self
            group.rebalance()

    def expire(self) -> None:
        """The session timed out: the group goes on without this member."""
        if self._group.members.get(self.instance) is self:
            del self._group.members[self.instance]
            self.expired = True
            self._group.rebalance()

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        self._log.interference.at("poll")
        self._take_part()
        if not self.assignment:
            return []
        records: list[Record] = []
        places = sorted(self._fetch)
        self._turn += 1
        for place in places[self._turn % len(places) :] + places[: self._turn % len(places)]:
            if place in self._paused or len(records) >= max_records:
                continue
            records += self._fetched(place, max_records - len(records))
        return records

    def _fetched(self, place: TopicPartition, room: int) -> list[Record]:
        end = self._log.data[place].stable()
        waiting = self._log.committed_records(place, self._fetch[place], end)
        seen = min(self._log.interference.visible(place, len(waiting)), room)
        if seen < len(waiting):
            self._fetch[place] = waiting[seen].offset
        elif seen or not waiting:
            self._fetch[place] = self._reached[place] = max(end, self._fetch[place])
        return waiting[:seen]

    def _take_part(self) -> None:
        group = self._group
        if self.fenced:
            raise InstanceFenced
        if self.expired:
            self._drop(lost=True)
            self.expired = False
            self._log.next_member += 1
            self.member = self._log.next_member
            if self.instance in group.members:
                self.fenced = True
                raise InstanceFenced
            group.members[self.instance] = self
            self.joined = False
            group.rebalance()
        if group.preparing and not self.joined:
            self.pending = None
            self._drop(lost=False)
            self.joined = True
        group.complete({topic: self._log.partitions(topic) for topic in self.topics})
        if not group.preparing and self.pending is not None:
            self.assignment, self.pending = self.pending, None
            self.generation = group.generation
            if self.assignment:
                self._listener.assigned(self.assignment)

    def _drop(self, *, lost: bool) -> None:
        if self.assignment:
            former, self.assignment = self.assignment, []
            (self._listener.lost if lost else self._listener.revoked)(former)
        self._fetch.clear()
        self._reached.clear()
        self._paused.clear()

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        self._fetch = dict(positions)
        self._reached = {}

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        for place, offset in positions.items():
            self._fetch[place] = offset
            self._reached.pop(place, None)

    def reached(self, partition: TopicPartition) -> int:
        return self._reached.get(partition, 0)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused |= set(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused -= set(partitions)

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Position]:
        while unstable := self._unstable(partitions):
            self._log.wait_for(unstable)
        return {place: self._group.positions[place] for place in partitions if place in self._group.positions}

    def _unstable(self, partitions: Sequence[TopicPartition]) -> list[_Transaction]:
        """Open transactions that hold positions of these partitions, wherever they wrote records."""
        wanted = set(partitions)
        return [
            producer._transaction
            for producer in self._log.producers.values()
            if producer._transaction is not None
            and producer._transaction.state == "open"
            and wanted & set(producer._transaction.positions.get(self._group.name, ()))
        ]

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._log.interference.at("commit_positions")
        if self.fenced or self.expired or self.generation != self._group.generation:
            raise TransactionAborted("positions of a former generation")
        self._group.positions.update(positions)

    def metadata(self) -> Metadata:
        return _Membership(self._group.name, self.member, self.generation)

    def close(self) -> None:
        if self._group.members.get(self.instance) is self:
            self._drop(lost=False)
            del self._group.members[self.instance]
            self._group.rebalance()


class SimulatedReader:
    """Reads chosen partitions, read_committed."""

    def __init__(self, log: SimulatedLog, start: Mapping[TopicPartition, int]) -> None:
        self._log, self._positions = log, dict(start)

    def read(self, max_records: int, timeout_seconds: float) -> list[Record]:
        records: list[Record] = []
        for place, position in self._positions.items():
            end = self._log.data[place].stable()
            found = self._log.committed_records(place, position, end)[: max_records - len(records)]
            records += found
            room_left = len(records) < max_records
            self._positions[place] = max(position, end if room_left else found[-1].offset + 1 if found else position)
        if not records and timeout_seconds and (blocking := self._blocking()):
            self._log.wait_for(blocking)
        return records

    def _blocking(self) -> list[_Transaction]:
        return [t for place in self._positions for t in self._log.open_transactions(place)]

    def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def close(self) -> None: ...
