"""Six planted bugs, each a mistake that real consumers make. The simulation must catch every one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from infra.kafka.lanes import Lanes
from infra.kafka.log import TopicPartition
from infra.kafka.loop import Loop
from infra.kafka.stage import Batch, Handled, Lane, Message, Stage
from schemas.events import AppealFiled
from schemas.topics import Outgoing
from streams.casework.cases import Cases
from streams.casework.config import Config
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.simulation.topology import SALT, SEALER
from tests.simulation.world import CODEC, PARTITIONS


class OffsetsBeforeProduce(Loop[Any, Any]):
    """Commits the positions of what it is about to write: a crash in between loses the records."""

    def _commit(self) -> None:
        self._consumer.commit(self._lanes.positions(self._transaction.touched))
        super()._commit()


class TickWithoutFencing(Loop[Any, Any]):
    """A transaction that only the clock began carries no positions: a stale owner's timeouts are committed."""

    def _commit(self) -> None:
        touched = self._transaction.touched
        if self._lanes.ranges(touched):
            return super()._commit()
        self._transaction._producer.commit()
        self._transaction._clear()
        self._lanes.commit(touched)
        self._last_commit = self._elapsed()
        return None


class _BufferKept(Lanes[Any]):
    def rewind(self) -> None:
        for number, track in self._tracks.items():
            for topic, position in track.positions.items():
                track.positions[topic] = max(position, self._consumer.reached(TopicPartition(topic, number)))


class BufferKeptAfterAbort(Loop[Any, Any]):
    """Goes on with what was fetched behind an aborted batch, and commits past it."""

    lanes_of = _BufferKept


class _StateKept(Lanes[Any]):
    def discard(self) -> None:
        for lane in self.owned.values():
            lane.state.commit()
        super().discard()


class StateKeptAfterAbort(Loop[Any, Any]):
    """What an aborted transaction changed stays in memory."""

    lanes_of = _StateKept


class WithoutHold(CaseworkStage):
    """Judges an answer at once, though the announcement it names was not read yet."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Any]], config: Config) -> Batch:
        for lane in lanes.values():
            lane.reached = lambda topic: 1 << 60
        return super().handle(messages, lanes, config)


class OvertakingAppeals(CaseworkStage):
    """Takes an appeal on before what was announced ahead of it was read: the audit of the same request is lost."""

    def _decide(self, message: Message, lane: Lane[Cases], config: Config, handled: Handled) -> None:
        reached = lane.reached
        if isinstance(message.event, AppealFiled):
            lane.reached = lambda topic: 1 << 60
        try:
            super()._decide(message, lane, config, handled)
        finally:
            lane.reached = reached


class RandomIds(RouterStage):
    """Mints event ids: a replay writes other ones, and readers cannot drop a repeat."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Any]], config: Any) -> Batch:
        batch = super().handle(messages, lanes, config)
        batch.outgoing = [self._renamed(one) for one in batch.outgoing]
        return batch

    def _renamed(self, one: Outgoing) -> Outgoing:
        event: Any = one.event
        return replace(one, event=replace(event, event_id=uuid4().hex))


def without_hold() -> Stage[Any, Any]:
    return WithoutHold(SEALER, CODEC, partitions=PARTITIONS, salt=SALT)


def overtaking_appeals() -> Stage[Any, Any]:
    return OvertakingAppeals(SEALER, CODEC, partitions=PARTITIONS, salt=SALT)


def random_ids() -> Stage[Any, Any]:
    return RandomIds(codec=CODEC, sealer=SEALER, salt=SALT)
