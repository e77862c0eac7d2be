"""What a loop tells whoever watches it: once a batch or a transaction, never once a record; it decides nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from infra.kafka.errors import CommitIndefinite, ConfigurationNewer, TransactionAborted, TransactionError
from infra.kafka.log import TopicPartition
from infra.kafka.stage import Lane
from schemas.events import Event


class Cause(StrEnum):
    """Why an open transaction was given up."""

    ABORTED = "aborted"
    FENCED = "fenced"
    INDEFINITE = "indefinite"
    LOST = "lost"  # its partitions went to another member
    REDONE = "redone"  # on purpose, under a newer configuration


def cause_of(error: TransactionError | None) -> Cause:
    """What the end of a transaction is called; None when the partitions were lost."""
    match error:
        case None:
            return Cause.LOST
        case ConfigurationNewer():
            return Cause.REDONE
        case TransactionAborted():
            return Cause.ABORTED
        case CommitIndefinite():
            return Cause.INDEFINITE
        case _:
            return Cause.FENCED


class Count(NamedTuple):
    """So many decisions of one kind, as the tally has them."""

    workflow: str
    action: str
    priority: str | None
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What one transaction made true; times in milliseconds since the epoch."""

    taken: Mapping[str, int]  # records of each input whose processing it ends
    timestamps: Sequence[int]  # of those records
    sent: Mapping[str, int]  # records to each topic
    counts: Sequence[Count]
    events: Sequence[Event]  # what it wrote, of the types that are watched
    at: int


class Reach(NamedTuple):
    """How far an input was processed, and where it ends as the last fetch told (None before the first)."""

    processed: int
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a stage stands between two turns; the states are the loop's own and may be read only."""

    now: int  # wall time, milliseconds since the epoch
    lanes: Mapping[int, Lane[Any]]
    config: Any
    config_offsets: Mapping[str, int]
    reaches: Mapping[TopicPartition, Reach]
    held: Mapping[TopicPartition, int]  # records that wait for others to be read
    paused: Collection[TopicPartition]


class Observer(Protocol):
    """Hears of one loop, in the loop's thread. Must not raise."""

    @property
    def watched(self) -> frozenset[type[Event]]:
        """Events that are handed over when they are committed: rare ones."""

    def alive(self) -> None:
        """Something long makes progress, as restoring a partition does."""

    def turned(self, standing: Callable[[], Standing]) -> None:
        """One turn is over; `standing` may be asked, which costs some microseconds for each partition."""

    def owns(self, partitions: Collection[int]) -> None:
        """These partition numbers are restored and ours, after an assignment or its end."""

    def followed(self, event: Event) -> None:
        """One more event of a config topic is in force."""

    def fetched(self, records: int) -> None:
        """A batch is about to be decided."""

    def decided(self) -> None:
        """It was, and what it led to was handed to the producer."""

    def commits(self) -> None:
        """A transaction is about to be committed."""

    def committed(self, what: Committed) -> None:
        """It was."""

    def gave_up(self, cause: Cause) -> None:
        """The open transaction never was."""


class Unobserved:
    """Nobody watches."""

    watched: frozenset[type[Event]] = frozenset()

    def alive(self) -> None: ...

    def turned(self, standing: Callable[[], Standing]) -> None: ...

    def owns(self, partitions: Collection[int]) -> None: ...

    def followed(self, event: Event) -> None: ...

    def fetched(self, records: int) -> None: ...

    def decided(self) -> None: ...

    def commits(self) -> None: ...

    def committed(self, what: Committed) -> None: ...

    def gave_up(self, cause: Cause) -> None: ...


UNOBSERVED: Final = Unobserved()
