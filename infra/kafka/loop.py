"""The one loop that every stage runs in: poll, decode, decide, produce, and commit records and positions together.

Changes become state only when the transaction has committed. What is aborted is rewound; what was fenced, or whose
end nobody knows, is rebuilt from the log before the next record.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from infra.kafka.dead_letters import FloodGate, dead_letter
from infra.kafka.errors import (
    CommitIndefinite,
    InstanceFenced,
    InvalidMessage,
    ProducerFenced,
    TransactionAborted,
    TransactionError,
)
from infra.kafka.following import ConfigFollower
from infra.kafka.intake import Intake
from infra.kafka.log import GroupConsumer, Log, Position, Record, TopicPartition
from infra.kafka.restoring import LogSource
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Stage, tally
from schemas.codec import Codec
from schemas.events import StageTallied
from schemas.ids import derive_id
from schemas.topics import TALLIES, Outgoing
from schemas.values import OffsetRange, TallyRow

logger = logging.getLogger(__name__)
S = TypeVar("S", bound=Keyed[Any])
C = TypeVar("C")
HELD_BEFORE_PAUSE: Final = 1_000  # held records of a partition beyond which it is no longer fetched
UNREADABLE: Final = "_unknown"  # in counts, where a record does not tell its workflow
FENCED_TWICE: Final = 60_000  # milliseconds within which a second fencing means a second process in the slot
HELD_WAIT: Final = 0.01  # seconds between two looks at held records


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPolicy:
    """How a stage runs; intervals in milliseconds."""

    slot: str = "0"  # stable name of this process among those of its stage
    exactly_once: bool = True
    max_batch: int = 1_000
    commit_interval: int = 20  # between two commits while records trickle in
    max_commit_interval: int = 100  # age of a transaction while full batches wait
    max_transaction_records: int = 20_000
    tick_interval: int = 1_000
    config_interval: int = 200
    idle_wait: float = 0.2  # seconds a poll may wait when nothing is open
    accept_dead_letters: int = 0


@dataclass(slots=True, kw_only=True)
class _Track(Generic[S]):
    """A lane and how far its inputs were processed: committed, within the open transaction, and held back."""

    lane: Lane[S]
    committed: dict[str, int]
    positions: dict[str, int]
    first: dict[str, int] = field(default_factory=dict)  # first offset processed in the open transaction
    held: list[Record] = field(default_factory=list)  # fetched, but waiting for others to be read


class Loop(Generic[S, C]):
    """Runs one stage on a log.

    `wall` gives milliseconds since the epoch, `elapsed` milliseconds that never go back, `rest` waits seconds while the
    client fetches on.
    """

    def __init__(
        self,
        stage: Stage[S, C],
        log: Log,
        codec: Codec,
        *,
        partitions: int,
        policy: LoopPolicy,
        wall: Callable[[], int],
        elapsed: Callable[[], int],
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self.stage, self.policy = stage, policy
        self._rest, self._full = rest, False
        self._log, self._codec, self._wall, self._elapsed = log, codec, wall, elapsed
        self._intake = Intake(codec, partitions)
        self._follower: ConfigFollower[C] = ConfigFollower(stage, log, self._intake)
        self._flood = FloodGate(stage.name, accept=policy.accept_dead_letters)
        self._tracks: dict[int, _Track[S]] = {}
        self._paused: set[TopicPartition] = set()
        self._touched: set[int] = set()  # lanes that the open transaction changes or moves
        self._tallies: Counter[tuple[str, int, str, str | None]] = Counter()
        self._milliseconds: Counter[tuple[str, int, str, str | None]] = Counter()
        self._in_hand: set[tuple[str, int]] = set()  # topics and partitions of the batch being decided
        self._first_event: str | None = None  # of the open transaction: names what the clock alone led to
        self._begun = self._broken = False
        self._records = 0
        self._opened = self._last_commit = self._last_tick = self._last_config = elapsed()
        self._name = f"{stage.name}-{policy.slot}"
        self._producer = log.producer(transactional_id=self._transactional_id)  # first: it fences who was here before
        self._consumer = self._joined()
        self._fenced_at: int | None = None

    @property
    def lanes(self) -> Mapping[int, Lane[S]]:
        """The lanes this member owns, by partition number."""
        return {number: track.lane for number, track in self._tracks.items()}

    def step(self) -> bool:
        """One turn; True when there was something to do. Everything but transaction errors ends the process."""
        try:
            if self._broken:
                self._rebuild()
            self._follow_config()
            self._gather()
            records = self._consumer.poll(self.policy.max_batch, self._patience())
            self._full = len(records) >= self.policy.max_batch
            if self._broken:  # a commit within the rebalance failed: this producer is spent, and all is read again
                return True
            worked = self._process(records)
            self._tick()
            if self._open and self._commit_due(full=self._full):
                self._commit()
            return worked
        except TransactionError as error:
            self._recover(error)
            return True
        except InstanceFenced:
            self._rejoin()
            return True

    def close(self) -> None:
        """Finish what is open and leave."""
        try:
            if self._open:
                self._commit()
        except TransactionError as error:
            logger.warning("The last transaction was not committed (%s): it will be done again.", error)
        self._consumer.close()
        self._producer.close()
        self._follower.close()

    # ---- what the group says (called within poll) ----

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Ours: read the configuration up to now, restore each lane, then start."""
        self._follower.catch_up()
        for number in sorted({p.partition for p in partitions}):
            self._tracks[number] = self._restored(number)
        self._consumer.start(self._positions(self._tracks))

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Going to another member: finish what is open, or abort it."""
        try:
            if self._open:
                self._commit()
        except TransactionError as error:
            self.lost(partitions, error)
        self._forget(partitions)

    def lost(self, partitions: Sequence[TopicPartition], error: TransactionError | None = None) -> None:
        """Gone already: whatever is open never was."""
        if self._begun and not isinstance(error, (ProducerFenced, CommitIndefinite)):
            try:
                self._producer.abort()
            except TransactionError as worse:
                error = worse
        self._broken = self._broken or isinstance(error, (ProducerFenced, CommitIndefinite))
        self._discard()
        self._forget(partitions)

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        for number in {p.partition for p in partitions}:
            self._tracks.pop(number, None)
        self._paused.clear()

    # ---- one turn ----

    @property
    def _open(self) -> bool:
        return bool(self._touched)

    @property
    def _transactional_id(self) -> str | None:
        return self._name if self.policy.exactly_once else None

    def _gather(self) -> None:
        """Nothing is visible before its commit, so let records gather until one is due: one batch, not twenty."""
        left = self.policy.commit_interval - (self._elapsed() - self._last_commit)
        if left > 0 and not self._full:
            self._rest(left / 1_000)

    def _patience(self) -> float:
        if self._open:
            return max(0, self.policy.commit_interval - (self._elapsed() - self._last_commit)) / 1_000
        return HELD_WAIT if any(track.held for track in self._tracks.values()) else self.policy.idle_wait

    def _follow_config(self) -> None:
        if self._elapsed() - self._last_config >= self.policy.config_interval:
            self._last_config = self._elapsed()
            if self._follower.follow():
                for track in self._tracks.values():
                    track.lane.config_offsets = self._follower.offsets

    def _process(self, fetched: Sequence[Record]) -> bool:
        """Decode, decide, produce; what was held before comes first, and nothing overtakes it in its partition."""
        held = [record for track in self._tracks.values() for record in track.held]
        records = [*held, *fetched] if held else fetched
        if not records:
            return False
        messages, dead = self._decoded(records)
        batch = self._decide(messages)
        barrier: dict[tuple[str, int], int] = {}
        for message in batch.held:
            barrier.setdefault((message.topic, message.partition), message.offset)
        dead += [(_record_of(message), error) for message, error in batch.invalid]
        if barrier:
            dead = [(r, e) for r, e in dead if r.offset < barrier.get((r.topic, r.partition), r.offset + 1)]
        self._flood.good(len(records) - len(batch.held) - len(dead))
        for record, error in dead:
            self._bury(record, error)
        self._send(batch)
        self._advance(records, barrier)
        self._records += len(fetched)
        return bool(fetched)

    def _decoded(self, records: Sequence[Record]) -> tuple[list[Message], list[tuple[Record, InvalidMessage]]]:
        messages: list[Message] = []
        dead: list[tuple[Record, InvalidMessage]] = []
        message_of = self._intake.message
        for record in records:
            try:
                messages.append(message_of(record))
            except InvalidMessage as error:
                dead.append((record, error))
        return messages, dead

    def _decide(self, messages: Sequence[Message]) -> Batch:
        wall = self._wall()
        for track in self._tracks.values():
            track.lane.now = max(wall, track.lane.now)
        self._in_hand = {(message.topic, message.partition) for message in messages}
        try:
            return self.stage.handle(messages, self.lanes, self._follower.config)
        finally:
            self._in_hand.clear()

    def _bury(self, record: Record, error: InvalidMessage) -> None:
        self._flood.dead(error.reason)
        lane = self._tracks[record.partition].lane
        letter = dead_letter(self.stage.name, record, error, now=lane.now, config_offsets=lane.config_offsets)
        counted = tally(error.workflow or UNREADABLE, lane.now, "dead_letter", None, lane.now)
        self._send(Handled([letter], [counted]))

    def _send(self, handled: Handled) -> None:
        if handled.outgoing:
            self._begin()
        encode, send = self._codec.encode, self._producer.send
        for topic, key, event, partition in handled.outgoing:
            send(topic, key, None if event is None else encode(event), partition)
        if self._first_event is None and handled.outgoing:
            self._first_event = getattr(handled.outgoing[0].event, "event_id", handled.outgoing[0].key.decode())
        for workflow, minute, action, priority, milliseconds in handled.tallies:
            row = (workflow, minute, action, priority)
            self._tallies[row] += 1
            self._milliseconds[row] += milliseconds

    def _advance(self, records: Sequence[Record], barrier: Mapping[tuple[str, int], int]) -> None:
        """Move the positions past everything that is done; what is held, and what lies behind it, is not."""
        for track in self._tracks.values():
            track.held = []
        last: dict[tuple[str, int], int] = {}
        for record in records:
            place = record[:2]
            if place in barrier and record.offset >= barrier[place]:
                self._tracks[record.partition].held.append(record)
                continue
            if place not in last:
                self._tracks[record.partition].first.setdefault(record.topic, record.offset)
            last[place] = record.offset + 1
        for (topic, partition), offset in last.items():
            self._tracks[partition].positions[topic] = offset
            self._touch(partition)
        self._hold_back()

    def _touch(self, partition: int) -> None:
        if not self._touched:
            self._opened = self._elapsed()
        self._touched.add(partition)

    def _hold_back(self) -> None:
        held = Counter(TopicPartition(*record[:2]) for track in self._tracks.values() for record in track.held)
        crowded = {place for place, count in held.items() if count > HELD_BEFORE_PAUSE}
        if fresh := crowded - self._paused:
            self._consumer.pause(fresh)
            self._paused |= fresh
        if free := self._paused - set(held):
            self._consumer.resume(free)
            self._paused -= free

    def _tick(self) -> None:
        if self._elapsed() - self._last_tick < self.policy.tick_interval:
            return
        self._last_tick = self._elapsed()
        for number, track in self._tracks.items():
            track.lane.now = max(self._wall(), track.lane.now)
            handled = self.stage.tick(track.lane, self._follower.config)
            if handled.outgoing:
                self._touch(number)
                self._send(handled)

    # ---- transactions ----

    def _begin(self) -> None:
        if self.policy.exactly_once and not self._begun:
            self._producer.begin()
            self._begun = True

    def _commit_due(self, *, full: bool) -> bool:
        now = self._elapsed()
        if self._records >= self.policy.max_transaction_records:
            return True
        if full:
            return now - self._opened >= self.policy.max_commit_interval
        return now - self._last_commit >= self.policy.commit_interval

    def _commit(self) -> None:
        """1. the tally, 2. the positions of every lane touched, ticks included, 3. the commit, 4. changes are state."""
        began = self._elapsed()
        self._begin()
        if self._tallies:
            tallied = self._tallied()
            self._producer.send(tallied.topic, tallied.key, self._codec.encode(tallied.event), None)  # type: ignore[arg-type]
        tracks = {number: self._tracks[number] for number in sorted(self._touched)}
        positions = {
            place: Position(offset, str(self._tracks[place.partition].lane.now))
            for place, offset in self._positions(tracks).items()
        }
        if self.policy.exactly_once:
            self._producer.send_positions(positions, self._consumer.metadata())
            self._producer.commit()
        else:
            self._producer.flush()
            self._consumer.commit(positions)
        for track in tracks.values():
            track.lane.state.commit()
            track.committed = dict(track.positions)
        self._clear()
        self._last_commit = began  # from begin to begin: a slow commit must not make the next one wait longer

    def _recover(self, error: TransactionError) -> None:
        """Abort and rewind; when even that is impossible, rebuild at the next turn."""
        logger.warning("%s: %r; the transaction is done again.", self._name, error, extra={"action": "recover"})
        if not isinstance(error, TransactionAborted) or self._broken:
            self._broken = True
            self._discard()
            return
        try:
            if self._begun:
                self._producer.abort()
        except TransactionError:
            self._broken = True
        self._discard()
        self._rewind()

    def _rebuild(self) -> None:
        """A new producer with the same id, every lane restored from the log, and everything fetched again."""
        self._producer.close()
        self._producer = self._log.producer(transactional_id=self._transactional_id)
        self._discard()
        for number in self._tracks:
            self._tracks[number] = self._restored(number)
        self._rewind()
        self._broken = False

    def _joined(self) -> GroupConsumer:
        topics = [topic.name for topic in self.stage.inputs]
        return self._log.consumer(group=self.stage.name, instance=self._name, topics=topics, listener=self)

    def _rejoin(self) -> None:
        """Fenced by this slot's own former membership, whose answer a dying broker kept? Then joining again heals it.

        A second process in the slot fences us again at once. Raises `InstanceFenced` then.
        """
        now = self._elapsed()
        if self._fenced_at is not None and now - self._fenced_at < FENCED_TWICE:
            raise InstanceFenced
        self._fenced_at = now
        logger.warning("%s was fenced; it joins again.", self._name, extra={"action": "rejoin"})
        self.lost([TopicPartition("", number) for number in self._tracks])
        self._consumer.close()
        self._consumer = self._joined()

    def _rewind(self) -> None:
        if self._tracks:
            self._consumer.seek(self._positions(self._tracks))
        if self._paused:
            self._consumer.resume(self._paused)
            self._paused.clear()

    def _discard(self) -> None:
        """Changes, positions and buffers of the open transaction never were."""
        for track in self._tracks.values():
            track.lane.state.discard()
            track.positions = dict(track.committed)
            track.held = []
        self._clear()

    def _clear(self) -> None:
        self._begun = False
        self._records = 0
        self._first_event = None
        self._touched.clear()
        self._tallies.clear()
        self._milliseconds.clear()
        for track in self._tracks.values():
            track.first.clear()

    # ---- lanes ----

    def _restored(self, number: int) -> _Track[S]:
        places = [TopicPartition(t.name, number) for t in self.stage.inputs if number < self._log.partitions(t.name)]
        committed = self._consumer.committed(places)
        start = {p.topic: committed[p].offset if p in committed else self._log.beginning(p) for p in places}
        lane: Lane[S] = Lane(
            partition=number,
            state=self.stage.initial_state(number),
            now=max((int(p.note or 0) for p in committed.values()), default=0),
            config_offsets=self._follower.offsets,
            reached=lambda topic: self._reached(topic, number),
            watermark=lambda topic: self._log.watermark(TopicPartition(topic, number)),
        )
        self.stage.restore(lane.state, LogSource(self._log, self._intake, number, start))
        return _Track(lane=lane, committed=dict(start), positions=dict(start))

    def _reached(self, topic: str, number: int) -> int:
        """What earlier batches processed; of a topic with records in hand, nothing beyond that."""
        track = self._tracks[number]
        if (topic, number) in self._in_hand or any(record.topic == topic for record in track.held):
            return track.positions[topic]
        return max(track.positions[topic], self._consumer.reached(TopicPartition(topic, number)))

    def _positions(self, tracks: Mapping[int, _Track[S]]) -> dict[TopicPartition, int]:
        return {
            TopicPartition(topic, number): offset
            for number, track in tracks.items()
            for topic, offset in track.positions.items()
        }

    def _tallied(self) -> Outgoing:
        ranges = tuple(
            OffsetRange(topic=topic, partition=number, first=first, last=self._tracks[number].positions[topic] - 1)
            for number in sorted(self._touched)
            for topic, first in self._tracks[number].first.items()
        )
        rows = tuple(
            TallyRow(
                workflow=workflow, minute=minute, action=action, priority=priority, count=count,
                milliseconds=self._milliseconds[(workflow, minute, action, priority)],
            )
            for (workflow, minute, action, priority), count in self._tallies.items()
        )  # fmt: skip
        cause = (ranges[0].topic, ranges[0].partition, ranges[0].first) if ranges else (str(self._first_event),)
        return TALLIES.message(
            StageTallied(
                event_id=derive_id("tally", self.stage.name, *cause),
                stage=self.stage.name,
                slot=self.policy.slot,
                ranges=ranges,
                rows=rows,
                occurred_at=max(track.lane.now for track in self._tracks.values()),
            )
        )


def _record_of(message: Message) -> Record:
    return Record(message.topic, message.partition, message.offset, message.timestamp, message.key, message.value)
