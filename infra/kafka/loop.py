"""The one loop that every stage runs in: poll, decode, decide, produce, and commit records and positions together.

Changes become state only when the transaction has committed. What is aborted is rewound; what was fenced, or whose
end nobody knows, is rebuilt from the log before the next record.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from infra.kafka.dead_letters import FloodGate, dead_letter, shortened
from infra.kafka.errors import ConfigurationNewer, InvalidMessage, Reason, TransactionAborted, TransactionError
from infra.kafka.following import ConfigFollower
from infra.kafka.intake import Intake
from infra.kafka.lanes import Lanes
from infra.kafka.log import Log, Record, TopicPartition, runs
from infra.kafka.observing import UNOBSERVED, Observer, Standing, cause_of
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Stage, tally
from infra.kafka.transaction import Transaction
from schemas.codec import Codec

logger = logging.getLogger(__name__)
S = TypeVar("S", bound=Keyed[Any])
C = TypeVar("C")
UNREADABLE: Final = "_unknown"  # in counts, where a record does not tell its workflow
HELD_WAIT: Final = 0.01  # seconds between two looks at held records


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPolicy:
    """How a stage runs; intervals in milliseconds."""

    slot: str = "0"  # stable name of this process among those of its stage
    exactly_once: bool = True
    max_batch: int = 1_000
    commit_interval: int = 20  # between two commits while records trickle in
    prompt: bool = False  # somebody waits for each record: commit sooner where commits are quick
    max_commit_interval: int = 100  # age of a transaction while full batches wait
    max_transaction_records: int = 20_000
    tick_interval: int = 1_000
    config_interval: int = 200
    idle_wait: float = 0.2  # seconds a poll may wait when nothing is open
    accept_dead_letters: int = 0


class Loop(Generic[S, C]):
    """Runs one stage on a log.

    `wall` gives milliseconds since the epoch, `elapsed` milliseconds that never go back, `rest` waits seconds while the
    client fetches on.
    """

    lanes_of: ClassVar[type[Lanes[Any]]] = Lanes

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
        observer: Observer = UNOBSERVED,
    ) -> None:
        self.stage, self.policy, self._observer = stage, policy, observer
        self._wall, self._elapsed, self._rest = wall, elapsed, rest
        self._intake = Intake(codec, partitions)
        self._follower: ConfigFollower[C] = ConfigFollower(stage, log, self._intake, observer)
        self._flood = FloodGate(stage.name, accept=policy.accept_dead_letters)
        self._full = self._broken = False
        self._opened = self._last_commit = self._last_tick = self._last_config = elapsed()
        self._last_took = 0  # milliseconds of the last commit
        self._name = f"{stage.name}-{policy.slot}"
        self._transaction = Transaction(  # first: its producer fences who was here before
            log, codec, stage=stage.name, slot=policy.slot, exactly_once=policy.exactly_once, watched=observer.watched
        )
        topics = [topic.name for topic in stage.inputs]
        self._consumer = log.consumer(group=stage.name, instance=self._name, topics=topics, listener=self)
        self._lanes: Lanes[S] = self.lanes_of(stage, log, self._intake, self._consumer, observer)

    @property
    def lanes(self) -> Mapping[int, Lane[S]]:
        """The lanes this member owns, by partition number."""
        return self._lanes.owned

    @property
    def committed(self) -> Mapping[TopicPartition, int]:
        """How far this member's inputs are committed."""
        return self._lanes.committed

    def step(self) -> bool:
        """One turn; True when there was something to do. Everything but transaction errors ends the process."""
        worked = self._turn()
        self._observer.turned(self._standing)
        return worked

    def _turn(self) -> bool:
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
            if self._transaction.is_open and self._commit_due():
                self._commit()
            return worked
        except TransactionError as error:
            logger.warning("%s: %r; the transaction is done again.", self._name, error, extra={"action": "recover"})
            self._give_up(error)
            if not self._broken:
                self._lanes.rewind()
            return True

    def close(self) -> None:
        """Finish what is open and leave."""
        try:
            if self._transaction.is_open:
                self._commit()
        except TransactionError as error:
            logger.warning("The last transaction was not committed (%s): it will be done again.", error)
        self._consumer.close()
        self._transaction.close()
        self._follower.close()

    # ---- what the group says (called within poll) ----

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Ours: read the configuration up to now, restore each lane, then start."""
        self._follower.catch_up()
        self._lanes.restore({p.partition for p in partitions}, self._follower.offsets)
        self._lanes.start()
        self._observer.owns(set(self.lanes))

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Going to another member: finish what is open, or abort it."""
        try:
            if self._transaction.is_open:
                self._commit()
        except TransactionError as error:
            self._give_up(error)
        self._forget(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Gone already: whatever is open never was."""
        self._give_up(None)
        self._forget(partitions)

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        self._lanes.forget(p.partition for p in partitions)
        self._observer.owns(set(self.lanes))

    # ---- one turn ----

    def _gather(self) -> None:
        """Nothing is visible before its commit, so let records gather until one is due: one batch, not twenty."""
        left = self._interval - (self._elapsed() - self._last_commit)
        if left > 0 and not self._full:
            self._rest(left / 1_000)

    @property
    def _interval(self) -> int:
        """Milliseconds from one commit to the next; a prompt stage spends half of its time on commits at most."""
        most = self.policy.commit_interval
        return min(most, 2 * self._last_took) if self.policy.prompt else most

    def _patience(self) -> float:
        if self._transaction.is_open:
            return max(0, self._interval - (self._elapsed() - self._last_commit)) / 1_000
        return HELD_WAIT if self._lanes.held else self.policy.idle_wait

    def _follow_config(self) -> None:
        if self._elapsed() - self._last_config >= self.policy.config_interval:
            self._last_config = self._elapsed()
            if self._follower.follow():
                self._lanes.configured(self._follower.offsets)

    def _process(self, fetched: Sequence[Record]) -> bool:
        """Decode, decide, produce; what was held before comes first, and nothing overtakes it in its partition."""
        held = self._lanes.held
        records = [*held, *fetched] if held else fetched
        if not records:
            return False
        self._observer.fetched(len(records))
        by_place = list(runs(records))
        messages, dead = self._decoded(records)
        batch = self._decide(messages, {place for place, _ in by_place})
        self._require_newest_config(batch)
        barrier: dict[tuple[str, int], int] = {}
        for message in batch.held:
            barrier.setdefault((message.topic, message.partition), message.offset)
        dead += [(_record_of(message), error) for message, error in batch.invalid]
        if barrier:
            dead = [(r, e) for r, e in dead if r.offset < barrier.get((r.topic, r.partition), r.offset + 1)]
        self._flood.good(len(records) - len(dead) - _held_back(records, barrier))
        for record, error in dead:
            self._bury(record, error)
        self._transaction.send(batch)
        self._transaction.took(runs(_done(records, barrier)) if barrier else by_place)
        for number in self._lanes.advance(by_place, barrier):
            self._touch(number)
        self._observer.decided()
        self._transaction.records += len(fetched)
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

    def _decide(self, messages: Sequence[Message], places: set[TopicPartition]) -> Batch:
        self._lanes.advance_clocks(self._wall())
        self._lanes.in_hand(places)
        try:
            return self.stage.handle(messages, self.lanes, self._follower.config)
        finally:
            self._lanes.in_hand(set())

    def _require_newest_config(self, batch: Batch) -> None:
        """A workflow is unknown only to who has read the configuration up to now; else all is decided again.

        Raises `ConfigurationNewer`.
        """
        unknown = any(error.reason is Reason.UNKNOWN_WORKFLOW for _, error in batch.invalid)
        if unknown and self._follower.catch_up():
            self._lanes.configured(self._follower.offsets)
            raise ConfigurationNewer("a workflow was unknown, and the configuration is newer by now")

    def _bury(self, record: Record, error: InvalidMessage) -> None:
        self._flood.dead(error.reason)
        lane = self.lanes[record.partition]
        letter = dead_letter(self.stage.name, record, error, now=lane.now, config_offsets=lane.config_offsets)
        counted = tally(shortened(error.workflow) or UNREADABLE, lane.now, "dead_letter", None, lane.now)
        self._transaction.send(Handled([letter], [counted]))

    def _touch(self, number: int) -> None:
        if not self._transaction.is_open:
            self._opened = self._elapsed()
        self._transaction.touched.add(number)

    def _tick(self) -> None:
        if self._elapsed() - self._last_tick < self.policy.tick_interval:
            return
        self._last_tick = self._elapsed()
        self._lanes.advance_clocks(self._wall())
        for number, lane in self.lanes.items():
            handled = self.stage.tick(lane, self._follower.config)
            if handled.outgoing:
                self._touch(number)
                self._transaction.send(handled)

    # ---- ends of transactions ----

    def _commit_due(self) -> bool:
        now = self._elapsed()
        if self._transaction.records >= self.policy.max_transaction_records:
            return True
        if self._full:
            return now - self._opened >= self.policy.max_commit_interval
        return now - self._last_commit >= self._interval

    def _commit(self) -> None:
        """Records, tally and the positions of every lane touched, ticks included; then changes are state."""
        began, touched = self._elapsed(), self._transaction.touched
        self._observer.commits()
        done = self._transaction.commit(
            self._consumer,
            self._lanes.positions(touched),
            self._lanes.ranges(touched),
            now=max(lane.now for lane in self.lanes.values()),
            wall=self._wall,
        )
        self._lanes.commit(touched)
        self._flood.keep()
        self._observer.committed(done)
        self._last_commit = began  # from begin to begin: a slow commit must not make the next one wait longer
        self._last_took = self._elapsed() - began

    def _give_up(self, error: TransactionError | None) -> None:
        """Whatever is open never was. A producer that was fenced, or whose end nobody knows, is spent with it."""
        if error is None or isinstance(error, TransactionAborted):
            try:
                self._transaction.abort()
            except TransactionError:
                self._broken = True
        else:
            self._broken = True
        if self._broken:
            self._transaction.drop()
        self._lanes.discard()
        self._flood.back()
        self._observer.gave_up(cause_of(error))

    def _standing(self) -> Standing:
        return Standing(
            now=self._wall(),
            lanes=self.lanes,
            config=self._follower.config,
            config_offsets=self._follower.offsets,
            reaches=self._lanes.reaches(),
            held=self._lanes.held_back(),
            paused=self._lanes.paused,
        )

    def _rebuild(self) -> None:
        """A new producer with the same id, every lane restored from the log, and everything fetched again."""
        self._transaction.renew()
        self._lanes.discard()
        self._follower.catch_up()
        self._lanes.restore_all(self._follower.offsets)
        self._lanes.rewind()
        self._broken = False


def _done(records: Sequence[Record], barrier: Mapping[tuple[str, int], int]) -> list[Record]:
    return [record for record in records if record.offset < barrier.get(record[:2], record.offset + 1)]


def _held_back(records: Sequence[Record], barrier: Mapping[tuple[str, int], int]) -> int:
    """How many records are held, or lie behind one that is."""
    return len(records) - len(_done(records, barrier)) if barrier else 0


def _record_of(message: Message) -> Record:
    return Record(message.topic, message.partition, message.offset, message.timestamp, message.key, message.value)
