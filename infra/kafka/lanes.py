"""The lanes a member owns: their states, how far their inputs were processed, and what is held back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from infra.kafka.intake import Intake
from infra.kafka.log import GroupConsumer, Log, Position, Record, Run, TopicPartition
from infra.kafka.observing import UNOBSERVED, Observer, Reach
from infra.kafka.restoring import LogSource
from infra.kafka.stage import Keyed, Lane, Stage
from schemas.values import OffsetRange

S = TypeVar("S", bound=Keyed[Any])
HELD_BEFORE_PAUSE: Final = 1_000  # held records of a partition beyond which it is no longer fetched


@dataclass(slots=True, kw_only=True)
class _Track(Generic[S]):
    """A lane and how far its inputs were processed: committed, within the open transaction, and held back."""

    lane: Lane[S]
    committed: dict[str, int]
    positions: dict[str, int]
    first: dict[str, int] = field(default_factory=dict)  # first offset processed in the open transaction
    held: list[Record] = field(default_factory=list)  # fetched, but waiting for others to be read


class Lanes(Generic[S]):
    """By partition number. Nothing here is committed state before `commit`; `discard` forgets the open transaction."""

    def __init__(
        self, stage: Stage[S, Any], log: Log, intake: Intake, consumer: GroupConsumer, observer: Observer = UNOBSERVED
    ) -> None:
        self._stage, self._log, self._intake, self._consumer = stage, log, intake, consumer
        self._observer = observer
        self._tracks: dict[int, _Track[S]] = {}
        self._paused: set[TopicPartition] = set()
        self._in_hand: set[TopicPartition] = set()  # topics and partitions of the batch being decided
        self.owned: dict[int, Lane[S]] = {}

    @property
    def committed(self) -> dict[TopicPartition, int]:
        """Positions that the last commit, or the restore, left behind."""
        return _by_place({number: track.committed for number, track in self._tracks.items()})

    @property
    def held(self) -> list[Record]:
        """Fetched records that wait, in the order in which they must be decided."""
        return [record for track in self._tracks.values() for record in track.held]

    # ---- how they stand ----

    def reaches(self) -> dict[TopicPartition, Reach]:
        """How far each input was processed, and where it ends."""
        places = (TopicPartition(topic, n) for n, track in self._tracks.items() for topic in track.positions)
        return {p: Reach(self._reached(p.topic, p.partition), self._consumer.last_end(p)) for p in places}

    def held_back(self) -> dict[TopicPartition, int]:
        """How many records of each input wait for others to be read."""
        return Counter(TopicPartition(*record[:2]) for track in self._tracks.values() for record in track.held)

    @property
    def paused(self) -> frozenset[TopicPartition]:
        """Inputs that are not fetched, since so many of their records are held."""
        return frozenset(self._paused)

    # ---- whose they are ----

    def restore(self, numbers: Iterable[int], config_offsets: dict[str, int]) -> None:
        """Bring each lane back from the log, as of its committed positions."""
        for number in sorted(numbers):
            track = self._restored(number, config_offsets)
            self._tracks[number], self.owned[number] = track, track.lane

    def restore_all(self, config_offsets: dict[str, int]) -> None:
        self.restore(self.owned, config_offsets)

    def start(self) -> None:
        """Fetch what is assigned, inside the consumer's `assigned`."""
        self._consumer.start(self.committed)

    def forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._tracks.pop(number, None)
            self.owned.pop(number, None)
        self._paused.clear()

    # ---- one turn ----

    def configured(self, offsets: dict[str, int]) -> None:
        """From now on decisions rest on the configuration up to these offsets."""
        for lane in self.owned.values():
            lane.config_offsets = offsets

    def advance_clocks(self, wall: int) -> None:
        for lane in self.owned.values():
            lane.now = max(wall, lane.now)

    def in_hand(self, places: set[TopicPartition]) -> None:
        """These topics and partitions have records in the batch, unreadable ones too (none: the decision is over)."""
        self._in_hand = places

    def advance(self, by_place: Iterable[Run], barrier: Mapping[tuple[str, int], int]) -> set[int]:
        """Move past everything that is done, not past a held record and what lies behind it; the lanes that moved."""
        for track in self._tracks.values():
            track.held = []
        moved: set[int] = set()
        for place, run in by_place:
            track, done = self._tracks[place.partition], run
            if place in barrier:
                done = [record for record in run if record.offset < barrier[place]]
                track.held += [record for record in run if record.offset >= barrier[place]]
            if done:
                track.first.setdefault(place.topic, done[0].offset)
                track.positions[place.topic] = done[-1].offset + 1
                moved.add(place.partition)
        self._hold_back()
        return moved

    # ---- transactions ----

    def positions(self, numbers: Iterable[int]) -> dict[TopicPartition, Position]:
        """What a transaction commits for these lanes: each input's next offset, and the lane's clock."""
        tracks = {number: self._tracks[number] for number in sorted(numbers)}
        return {
            place: Position(offset, str(tracks[place.partition].lane.now))
            for place, offset in _by_place({number: track.positions for number, track in tracks.items()}).items()
        }

    def ranges(self, numbers: Iterable[int]) -> tuple[OffsetRange, ...]:
        """What the open transaction has processed of each input, both ends included."""
        return tuple(
            OffsetRange(topic=topic, partition=number, first=first, last=self._tracks[number].positions[topic] - 1)
            for number in sorted(numbers)
            for topic, first in self._tracks[number].first.items()
        )

    def commit(self, numbers: Iterable[int]) -> None:
        """The transaction was committed: changes become state."""
        for number in numbers:
            track = self._tracks[number]
            track.lane.state.commit()
            track.committed = dict(track.positions)
            track.first.clear()

    def discard(self) -> None:
        """The transaction was aborted: its changes and positions never were, and held records are fetched again."""
        for track in self._tracks.values():
            track.lane.state.discard()
            track.positions = dict(track.committed)
            track.first.clear()
            track.held = []

    def rewind(self) -> None:
        """Fetch again from the committed positions."""
        if self._tracks:
            self._consumer.seek(self.committed)
        if self._paused:
            self._consumer.resume(self._paused)
            self._paused.clear()

    # ---- inside ----

    def _restored(self, number: int, config_offsets: dict[str, int]) -> _Track[S]:
        inputs = [topic.name for topic in self._stage.inputs]
        places = [TopicPartition(name, number) for name in inputs if number < self._log.partitions(name)]
        committed = self._consumer.committed(places)
        start = {p.topic: committed[p].offset if p in committed else self._log.beginning(p) for p in places}
        lane: Lane[S] = Lane(
            partition=number,
            state=self._stage.initial_state(number),
            now=max((int(p.note or 0) for p in committed.values()), default=0),
            config_offsets=config_offsets,
            reached=lambda topic: self._reached(topic, number),
            watermark=lambda topic: self._log.watermark(TopicPartition(topic, number)),
        )
        source = LogSource(self._log, self._intake, number, start, alive=self._observer.alive)
        self._stage.restore(lane.state, source)
        return _Track(lane=lane, committed=dict(start), positions=dict(start))

    def _reached(self, topic: str, number: int) -> int:
        """What earlier batches processed; of a topic with records in hand, nothing beyond that."""
        track = self._tracks[number]
        if (topic, number) in self._in_hand or any(record.topic == topic for record in track.held):
            return track.positions[topic]
        return max(track.positions[topic], self._consumer.reached(TopicPartition(topic, number)))

    def _hold_back(self) -> None:
        held = self.held_back()
        crowded = {place for place, count in held.items() if count > HELD_BEFORE_PAUSE}
        if fresh := crowded - self._paused:
            self._consumer.pause(fresh)
            self._paused |= fresh
        if free := self._paused - set(held):
            self._consumer.resume(free)
            self._paused -= free


def _by_place(offsets: Mapping[int, Mapping[str, int]]) -> dict[TopicPartition, int]:
    return {TopicPartition(topic, n): offset for n, of_topic in offsets.items() for topic, offset in of_topic.items()}
