"""A static member of a consumer group, on confluent_kafka."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import confluent_kafka as ck
from confluent_kafka import Consumer, KafkaError, KafkaException

from infra.kafka.client_config import ClientOptions, open_consumer
from infra.kafka.client_errors import (
    STALE_MEMBER,
    consumer_failure,
    is_passing,
    kafka_error,
    unavailable,
)
from infra.kafka.client_group import Slot
from infra.kafka.client_records import Names, last_end, unpack
from infra.kafka.errors import CommitIndefinite, InstanceFenced, TransactionAborted
from infra.kafka.log import Metadata, Position, RebalanceListener, Record, TopicPartition

LOGGER = logging.getLogger(__name__)
LEAVE_TIMEOUT = 5.0  # seconds
SEEK_TIMEOUT = 5.0  # seconds
COMMITTED_TIMEOUT = 60.0  # seconds; a pending transaction is over after its timeout and the broker's clean-up


class KafkaConsumer:
    """Implements `infra.kafka.log.GroupConsumer`. All calls from one thread; the listener is called inside `poll`."""

    def __init__(
        self,
        options: ClientOptions,
        names: Names,
        *,
        group: str,
        instance: str,
        topics: Sequence[str],
        listener: RebalanceListener,
    ) -> None:
        self._group, self._servers, self._names, self._listener = group, options.bootstrap_servers, names, listener
        self._options, self._instance, self._topics = options, instance, [names.full[topic] for topic in topics]
        self._slot = Slot(options, group=names.full[group], instance=instance, topic=self._topics[0])
        self._slot.sign()
        self._starting: set[TopicPartition] | None = None  # assigned, but not started yet
        self._passed: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._rebalances = 0
        self._fenced = False
        self._consumer = self._joined()

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        """Up to `max_records`, at once when there are any; may call the listener, whose exceptions pass through.

        Also returns early, and empty, when the end of a partition was reached.
        Raises `InstanceFenced`, `RecordsLost`, `TopicMissing`, `AccessDenied`.
        """
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        rebalances = self._rebalances
        # consume() waits for the full number or the full time: never give it any.
        messages = [first, *self._consumer.consume(max_records - 1, 0)] if max_records > 1 else [first]
        try:
            if self._rebalances == rebalances:
                return unpack(messages, self._names.short, self._passed)
            # It changed within consume(): nobody can tell which records belong to which assignment, so read them again.
            unpack([m for m in messages if m.error() is not None], self._names.short, {})  # errors are told once only
            self.seek(dict(self._passed))
            return []
        except InstanceFenced:
            self._join_again()
            return []

    def start(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch just assigned partitions from these offsets; exactly the assigned ones, inside `assigned`."""
        if self._starting is None or set(positions) != self._starting:
            raise ValueError(f"start() takes the partitions just assigned, {self._starting}, not {set(positions)}.")
        self._starting = None
        self._passed = dict(positions)
        self._consumer.assign(self._names.with_offsets(positions))

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch again from these offsets; drops everything prefetched. Raises ValueError for a foreign partition.

        May call the listener; then nothing more is rewound: what is assigned now starts where the listener says.
        Raises `InstanceFenced`.
        """
        if foreign := positions.keys() - self._passed.keys():
            raise ValueError(f"not assigned, so not to be read: {sorted(foreign)}")
        deadline, rebalances = time.monotonic() + SEEK_TIMEOUT, self._rebalances
        while (error := self._first_refusal(positions)) is not None:
            self._listen()
            if self._rebalances != rebalances:
                return
            if time.monotonic() > deadline:
                raise unavailable(error, f"rewinding group {self._group}", self._servers, SEEK_TIMEOUT)
        self._passed.update(positions)

    def reached(self, partition: TopicPartition) -> int:
        """The offset before which this member has seen everything that is committed (0 when unknown)."""
        return self._passed.get(partition, 0)

    def last_end(self, partition: TopicPartition) -> int | None:
        """Where an owned partition ends, as the last fetch told: nothing is asked. None before the first."""
        return last_end(self._consumer, self._names.theirs(partition)) if partition in self._passed else None

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Stop fetching; costs what was prefetched, so it is done only to those that are not paused yet."""
        if fresh := set(partitions) & self._passed.keys() - self._paused:
            self._consumer.pause(self._names.all_theirs(fresh))
            self._paused |= fresh

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetch again, from after the last record returned."""
        if paused := set(partitions) & self._paused:
            self._consumer.resume(self._names.all_theirs(paused))
            self._paused -= paused

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Position]:
        """Stable committed positions; partitions without one are absent.

        Waits for pending transactions, up to a minute; then raises `LogUnavailable`.
        """
        deadline = time.monotonic() + COMMITTED_TIMEOUT
        about = f"committed positions of group {self._group}"
        while True:
            try:
                answer = self._consumer.committed(
                    self._names.all_theirs(partitions), timeout=max(0.1, deadline - time.monotonic())
                )
            except KafkaException as raised:
                error = kafka_error(raised)
            else:
                errors = [partition.error for partition in answer if partition.error is not None]
                if not errors:
                    return {self._names.ours(p): Position(p.offset, p.metadata or "") for p in answer if p.offset >= 0}
                error = errors[0]
            if not is_passing(error) or time.monotonic() > deadline:
                raise unavailable(error, about, self._servers, COMMITTED_TIMEOUT)
            time.sleep(0.05)

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Commit outside a transaction (at-least-once only).

        Raises `TransactionAborted` when the partitions are no longer ours, `CommitIndefinite` when nobody answers.
        """
        try:
            answer = self._consumer.commit(offsets=self._names.with_notes(positions), asynchronous=False)
            errors = [partition.error for partition in answer if partition.error is not None]
        except KafkaException as raised:
            errors = [kafka_error(raised)]
        for error in errors:
            if error.code() in STALE_MEMBER:
                raise TransactionAborted(error.str())
            if failure := consumer_failure(error, f"committing positions of group {self._group}"):
                raise failure
            raise CommitIndefinite(error.str())

    def metadata(self) -> Metadata:
        """Proof of membership as of now; ask for it at every commit."""
        found: Metadata = self._consumer.consumer_group_metadata()
        return found

    def close(self) -> None:
        """Give the partitions back (calls the listener's `revoked`) and leave, so that others take over at once."""
        try:
            if not self._fenced:
                self._leave()
        finally:
            self._consumer.close()

    def _first_refusal(self, positions: Mapping[TopicPartition, int]) -> KafkaError | None:
        """Seek all, or as far as it goes: a fetcher may be starting just now, or the assignment be gone."""
        try:
            for partition, offset in positions.items():
                self._consumer.seek(self._names.theirs(partition, offset))
        except KafkaException as raised:
            return kafka_error(raised)
        return None

    def _listen(self) -> None:
        """Hear what the group has to say; a record that comes instead is read again after the seek."""
        if (said := self._consumer.poll(0.01)) is not None and said.error() is not None:
            try:
                unpack([said], self._names.short, {})
            except InstanceFenced:
                self._join_again()

    def _joined(self) -> Consumer:
        consumer = open_consumer(self._options.member(self._names.full[self._group], self._instance))
        consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        return consumer

    def _join_again(self) -> None:
        """Go on as a new member, unless another process holds the slot. Raises `InstanceFenced`.

        A member whose session ran out while the brokers were away joins anew by itself, and may fence itself by what
        was still under way under its former name: being fenced alone proves no second process.
        """
        if not self._slot.is_ours():
            self._fenced = True
            raise InstanceFenced
        LOGGER.warning(
            "%s was fenced by its own former membership; it joins again.", self._instance, extra={"action": "rejoin"}
        )
        lost = sorted(self._passed)
        self._rebalances += 1
        self._passed.clear()
        self._paused.clear()
        self._starting = None
        if lost:
            self._listener.lost(lost)
        self._consumer.close()
        self._consumer = self._joined()

    def _leave(self) -> None:
        # close() alone leaves a static member's partitions orphaned until its session has run out.
        self._consumer.unsubscribe()
        deadline = time.monotonic() + LEAVE_TIMEOUT
        while self._consumer.memberid() and time.monotonic() < deadline:
            self._consumer.poll(0.01)

    def _on_assign(self, _: Consumer, partitions: list[ck.TopicPartition]) -> None:
        self._rebalances += 1
        self._starting = {self._names.ours(partition) for partition in partitions}
        self._paused.clear()
        if not partitions:  # more members than partitions
            self.start({})
            return
        self._listener.assigned(sorted(self._starting))
        if self._starting is not None:
            raise RuntimeError("RebalanceListener.assigned must end with GroupConsumer.start.")

    def _on_revoke(self, _: Consumer, partitions: list[ck.TopicPartition]) -> None:
        self._drop(partitions, self._listener.revoked)

    def _on_lost(self, _: Consumer, partitions: list[ck.TopicPartition]) -> None:
        self._drop(partitions, self._listener.lost)

    def _drop(self, partitions: list[ck.TopicPartition], tell: Callable[[Sequence[TopicPartition]], None]) -> None:
        self._rebalances += 1
        ours = sorted(self._names.ours(partition) for partition in partitions)
        try:
            if ours:
                tell(ours)
        finally:
            self.resume(ours)  # a pause would outlive the assignment
            for partition in ours:
                self._passed.pop(partition, None)
            self._consumer.unassign()
