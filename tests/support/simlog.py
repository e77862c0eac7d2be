"""The simulated transactional log: one process, no threads, deterministic; it passes the suite the real client passes.

It models what exactly-once rests on: transactions with markers that take offsets, read_committed up to the last stable
offset, fencing by transactional id, consumer groups that rebalance eagerly with the range assignor, static members,
positions fenced by generation, and positions that stay unstable while their transaction is open.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from infra.kafka.errors import CommitIndefinite, ProducerFenced, TransactionAborted
from infra.kafka.id_space import TOPIC
from infra.kafka.log import Metadata, Position, RebalanceListener, Record, TopicPartition
from infra.kafka.partitioner import partition_of
from schemas.topics import BY_NAME
from tests.support.simconsumer import SimulatedConsumer
from tests.support.simstate import Calm, Clock, Entry, Group, Interference, Membership, Partition, Transaction


class SimulatedLog:
    """A cluster in memory, with the catalogue's topics and the one that says which number means which schema."""

    def __init__(self, *, partitions: int, wall: "Clock", interference: Interference | None = None) -> None:
        self.count, self.wall = partitions, wall
        self.interference: Interference = interference or Calm()
        self.data = {
            TopicPartition(name, p): Partition() for name in (*BY_NAME, TOPIC) for p in range(self.partitions(name))
        }
        self.groups: dict[str, Group] = {}
        self.producers: dict[str, SimulatedProducer] = {}
        self.next_member = 0

    # ---- the port ----

    def consumer(
        self, *, group: str, instance: str, topics: Sequence[str], listener: RebalanceListener
    ) -> "SimulatedConsumer":
        return SimulatedConsumer(self, self.groups.setdefault(group, Group(group)), instance, topics, listener)

    def producer(self, *, transactional_id: str | None) -> "SimulatedProducer":
        self.interference.at("init")
        return SimulatedProducer(self, transactional_id)

    def reader(self, start: Mapping[TopicPartition, int]) -> "SimulatedReader":
        return SimulatedReader(self, start)

    def fetcher(self, *, part_bytes: int = 1) -> "SimulatedFetcher":
        return SimulatedFetcher(self)

    def partitions(self, topic: str) -> int:
        return self.count if topic in BY_NAME and BY_NAME[topic].partitioned else 1

    def beginning(self, partition: TopicPartition) -> int:
        return 0

    def beginnings(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.beginning(partition) for partition in partitions}

    def watermark(self, partition: TopicPartition) -> int:
        return len(self.data[partition].entries)

    def watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self.watermark(partition) for partition in partitions}

    def offset_at(self, partition: TopicPartition, timestamp: int) -> int:
        for offset, entry in enumerate(self.data[partition].entries):
            if entry.record is not None and entry.record.timestamp >= timestamp:
                return offset
        return self.watermark(partition)

    # ---- inside ----

    def append(
        self, place: TopicPartition, key: bytes | None, value: bytes | None, transaction: Transaction | None
    ) -> None:
        partition = self.data[place]
        if transaction is not None and place not in transaction.partitions:
            transaction.partitions.add(place)
            partition.open.append((len(partition.entries), transaction))
        record = Record(place.topic, place.partition, len(partition.entries), self.wall(), key, value)
        partition.entries.append(Entry(record, transaction))

    def end(self, transaction: Transaction, *, commit: bool) -> None:
        """Write the markers; positions of a committed transaction take effect."""
        if transaction.state != "open":
            return
        transaction.state = "committed" if commit else "aborted"
        for place in sorted(transaction.partitions):
            self.data[place].entries.append(Entry(None, None))
        if commit:
            for group, positions in transaction.positions.items():
                self.groups[group].positions.update(positions)

    def time_out(self, transaction: Transaction) -> None:
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

    def open_transactions(self, place: TopicPartition) -> list[Transaction]:
        self.data[place].stable()
        return [transaction for _, transaction in self.data[place].open]

    def wait_for(self, transactions: Iterable[Transaction]) -> None:
        if not self.interference.wait():
            for transaction in transactions:
                self.time_out(transaction)


class SimulatedProducer:
    """Transactional with an id, else idempotent: visible at once."""

    def __init__(self, log: SimulatedLog, transactional_id: str | None) -> None:
        self._log, self._id = log, transactional_id
        self.fenced = False
        self._transaction: Transaction | None = None
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
        self._transaction = Transaction(self)

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
        assert isinstance(metadata, Membership) and self._transaction is not None
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

    def _blocking(self) -> list[Transaction]:
        return [t for place in self._positions for t in self._log.open_transactions(place)]

    def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def last_end(self, partition: TopicPartition) -> int | None:
        return self._log.watermark(partition)

    def close(self) -> None: ...


class SimulatedFetcher:
    """Single records, read_committed."""

    def __init__(self, log: SimulatedLog) -> None:
        self._log = log

    def fetch(
        self,
        wanted: Mapping[TopicPartition, Sequence[int]],
        timeout_seconds: float,
        *,
        settle_seconds: float = 0.25,
    ) -> list[Record]:
        for place, offsets in wanted.items():
            if offsets and max(offsets) >= self._log.data[place].stable():
                self._log.wait_for(self._log.open_transactions(place))
        return [
            record
            for place, offsets in wanted.items()
            for offset in sorted(set(offsets))
            if offset < self._log.data[place].stable()
            for record in self._log.committed_records(place, offset, offset + 1)
        ]

    def close(self) -> None: ...
