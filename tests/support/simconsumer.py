"""A member of a simulated group: static, fenced by generation, with one fetch position for each partition it owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.kafka.errors import InstanceFenced, TransactionAborted
from infra.kafka.log import Metadata, Position, RebalanceListener, Record, TopicPartition
from tests.support.simstate import Group, Membership, Transaction

if TYPE_CHECKING:
    from tests.support.simlog import SimulatedLog


class SimulatedConsumer:
    """A member of a group, with a fetch position for each partition it owns."""

    def __init__(
        self, log: SimulatedLog, group: Group, instance: str, topics: Sequence[str], listener: RebalanceListener
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

    def last_end(self, partition: TopicPartition) -> int | None:
        return self._log.watermark(partition) if partition in self._fetch else None

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused |= set(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused -= set(partitions)

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Position]:
        while unstable := self._unstable(partitions):
            self._log.wait_for(unstable)
        return {place: self._group.positions[place] for place in partitions if place in self._group.positions}

    def _unstable(self, partitions: Sequence[TopicPartition]) -> list[Transaction]:
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
        return Membership(self._group.name, self.member, self.generation)

    def close(self) -> None:
        if self._group.members.get(self.instance) is self:
            self._drop(lost=False)
            del self._group.members[self.instance]
            self._group.rebalance()
