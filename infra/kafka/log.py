"""The port to the log: what a stage needs of Kafka, and nothing else. The client and the simulated log implement it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    """A partition of a topic, by the topic's catalogue name."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as it lies in the log; `timestamp` in milliseconds since the epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


Run = tuple[TopicPartition, list[Record]]


def runs(records: Iterable[Record]) -> Iterator[Run]:
    """Neighbours of one partition together. A log hands out long ones: what is done once for each costs little."""
    for (topic, partition), run in groupby(records, itemgetter(0, 1)):
        yield TopicPartition(topic, partition), list(run)


class Position(NamedTuple):
    """A committed position: the next offset to process, and what the stage noted beside it."""

    offset: int
    note: str = ""


class RebalanceListener(Protocol):
    """Called inside `GroupConsumer.poll` when the group hands partitions out or takes them away."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Ours from now on; must end with `GroupConsumer.start`."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """About to go to another member; what is open can still be finished."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Gone already; whatever is open must be aborted."""


class Metadata(Protocol):
    """Opaque proof of membership that fences positions sent by a former owner."""


class GroupConsumer(Protocol):
    """A read_committed member of a consumer group; topics are co-partitioned by the range assignor."""

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        """Up to `max_records`, at once when there are any; may call the listener. Raises `InstanceFenced`."""

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch just assigned partitions from these offsets."""

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch again from these offsets; drops everything prefetched."""

    def reached(self, partition: TopicPartition) -> int:
        """The offset before which this member has seen everything that is committed (0 when unknown)."""

    def last_end(self, partition: TopicPartition) -> int | None:
        """Where an owned partition ends, as the last fetch told: nothing is asked. None before the first."""

    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Position]:
        """Stable committed positions; partitions without one are absent. Waits for pending transactions."""

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit outside a transaction (at-least-once only)."""

    def metadata(self) -> Metadata: ...

    def close(self) -> None: ...


class TransactionalProducer(Protocol):
    """A producer whose records become visible together. Every call may raise one of `errors.TransactionError`."""

    def begin(self) -> None: ...

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None) -> None:
        """Queue a record; the partitioner of the key chooses unless `partition` does."""

    def send_positions(self, positions: Mapping[TopicPartition, Position], metadata: Metadata) -> None:
        """Make the group's positions part of the transaction; must not be empty."""

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def flush(self) -> None:
        """Wait until everything sent is acknowledged (at-least-once only)."""

    def close(self) -> None: ...


class Reader(Protocol):
    """A read_committed reader of chosen partitions, outside any group."""

    def read(self, max_records: int, timeout_seconds: float) -> list[Record]: ...

    def position(self, partition: TopicPartition) -> int:
        """The offset before which everything committed was read; passes aborted records and markers."""

    def last_end(self, partition: TopicPartition) -> int | None:
        """Where the partition ends, as the last fetch told: nothing is asked. None before the first."""

    def close(self) -> None: ...


class Fetcher(Protocol):
    """Single records by their coordinates, outside any group; kept by whoever asks often. One thread at a time."""

    def fetch(
        self,
        wanted: Mapping[TopicPartition, Sequence[int]],
        timeout_seconds: float,
        *,
        settle_seconds: float = ...,
    ) -> list[Record]:
        """The committed records at these offsets that the log still has; what is aborted or gone is left out.

        What is in an open transaction is waited for, up to `settle_seconds`."""

    def close(self) -> None: ...


class Log(Protocol):
    """A connection to one cluster, real or simulated."""

    def consumer(
        self, *, group: str, instance: str, topics: Sequence[str], listener: RebalanceListener
    ) -> GroupConsumer: ...

    def producer(self, *, transactional_id: str | None) -> TransactionalProducer:
        """With an id: transactional, fencing every earlier producer of that id. Without: idempotent only."""

    def reader(self, start: Mapping[TopicPartition, int]) -> Reader: ...

    def fetcher(self, *, part_bytes: int = ...) -> Fetcher:
        """`part_bytes`: about so much of a partition is asked for at once."""

    def partitions(self, topic: str) -> int: ...

    def beginning(self, partition: TopicPartition) -> int:
        """The first offset that is still kept."""

    def beginnings(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The same of many, by one question about all of them."""

    def watermark(self, partition: TopicPartition) -> int:
        """The high watermark, freshly asked: one past the last record, committed or not."""

    def watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The same of many, by one question about all of them."""

    def offset_at(self, partition: TopicPartition, timestamp: int) -> int:
        """The first offset whose timestamp is at least this (milliseconds); the watermark when there is none."""
