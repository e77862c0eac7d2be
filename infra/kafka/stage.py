"""A stage as a value: what it reads, what it remembers, and the pure decision it takes. `loop.py` runs it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from infra.kafka.errors import InvalidMessage, NotReady
from infra.kafka.log import TopicPartition
from schemas.events import Event
from schemas.topics import Outgoing, Topic
from schemas.values import Coordinates

V = TypeVar("V")


class Message(Struct, frozen=True, gc=False):
    """A decoded record; `timestamp` in milliseconds since the epoch."""

    event: Event
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(topic=self.topic, partition=self.partition, offset=self.offset)


class Keyed(Generic[V]):
    """State by key, with what the open transaction changed kept apart until it is committed."""

    __slots__ = ("committed", "pending")

    def __init__(self) -> None:
        self.committed: dict[str, V] = {}
        self.pending: dict[str, V | None] = {}

    def get(self, key: str) -> V | None:
        """The value as the open transaction sees it."""
        if key in self.pending:
            return self.pending[key]
        return self.committed.get(key)

    def put(self, key: str, value: V | None) -> None:
        """Change a value within the open transaction; None removes it."""
        self.pending[key] = value

    def commit(self) -> None:
        """The transaction was committed: its changes become state."""
        for key, value in self.pending.items():
            if value is None:
                self.committed.pop(key, None)
            else:
                self.committed[key] = value
        self.pending.clear()

    def discard(self) -> None:
        """The transaction was aborted: its changes never were."""
        self.pending.clear()


S = TypeVar("S", bound="Keyed[Any]")


@dataclass(slots=True, kw_only=True)
class Lane(Generic[S]):
    """One partition number of a stage's inputs: its state, its clock, and how far it has been read."""

    partition: int
    state: S
    now: int = 0  # milliseconds since the epoch; never goes back within a partition
    config_offsets: dict[str, int] = field(default_factory=dict)  # in force for what is decided now
    reached: Callable[[str], int]  # topic -> the offset before which everything committed was processed
    watermark: Callable[[str], int]  # topic -> high watermark, freshly asked


class Tally(NamedTuple):
    """One decision to be counted: `minute` in milliseconds, `milliseconds` since the request was appended."""

    workflow: str
    minute: int
    action: str
    priority: str | None
    milliseconds: int


def tally(workflow: str, at: int, action: str, priority: str | None, since: int) -> Tally:
    """Count a decision taken `at` a time about a request appended at `since` (milliseconds)."""
    return Tally(workflow, at - at % 60_000, action, priority, at - since)


@dataclass(slots=True)
class Handled:
    """What a batch led to: records to send and decisions to count."""

    outgoing: list[Outgoing] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)


class Source(Protocol):
    """What a stage may read while it restores the state of one partition; committed positions are known."""

    partition: int

    def committed(self, topic: str) -> int:
        """The committed position of an input, or the beginning of the log."""

    def up_to_watermark(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        """Everything committed before the high watermark of now; `since` (record time, ms) skips what is older."""

    def latest(self, topic: str) -> Iterator[Message]:
        """Of a compacted topic: the last record of each key before the high watermark of now, without tombstones."""

    def up_to_committed(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        """What this group has processed of an input; `since` (record time, ms) skips what is older."""

    def timestamp_before(self, topic: str) -> int | None:
        """Record time of the last processed record of an input, if there is one."""


C = TypeVar("C")


class Stage(Protocol[S, C]):
    """The pure part of a service. `C` is the configuration folded from the config topics."""

    name: str
    inputs: Sequence[Topic[Any]]
    config_topics: Sequence[Topic[Any]]

    def initial_config(self) -> C: ...

    def fold_config(self, config: C, message: Message) -> C:
        """The configuration after one more config record."""

    def initial_state(self, partition: int) -> S: ...

    def restore(self, state: S, source: Source) -> None:
        """Bring the committed state back from the log (call `state.put` and `state.commit`)."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[S]], config: C) -> "Batch":
        """Decide a batch. Changes go to the lanes' states with `put`; the loop commits or discards them."""

    def tick(self, lane: Lane[S], config: C) -> Handled:
        """What is due by the clock alone."""


@dataclass(slots=True)
class Batch(Handled):
    """What became of each message of a batch: done unless it is invalid or held."""

    invalid: list[tuple[Message, InvalidMessage]] = field(default_factory=list)
    held: list[Message] = field(default_factory=list)


def one_by_one(messages: Iterable[Message], decide: Callable[[Message, Handled], None]) -> Batch:
    """Decide messages one after the other; a held one holds those behind it in its topic and partition.

    `decide` adds to the given `Handled` and must change nothing before it raises `InvalidMessage` or `NotReady`.
    """
    batch = Batch()
    held: set[TopicPartition] = set()
    for message in messages:
        if held and TopicPartition(message.topic, message.partition) in held:
            batch.held.append(message)
            continue
        try:
            decide(message, batch)
        except InvalidMessage as error:
            batch.invalid.append((message, error))
        except NotReady:
            held.add(TopicPartition(message.topic, message.partition))
            batch.held.append(message)
    return batch
