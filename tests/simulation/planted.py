"""Six planted bugs, each a mistake that real consumers make. The simulation must catch every one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from infra.kafka.log import Position
from infra.kafka.loop import Loop
from infra.kafka.stage import Batch, Lane, Message, Stage
from schemas.topics import Outgoing
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.simulation.topology import SALT, SEALER
from tests.simulation.world import CODEC, PARTITIONS


class OffsetsBeforeProduce(Loop[Any, Any]):
    """Commits the positions of what it is about to write: a crash in between loses the records."""

    def _commit(self) -> None:
        tracks = {number: self._tracks[number] for number in self._touched}
        self._consumer.commit({place: Position(offset) for place, offset in self._positions(tracks).items()})
        super()._commit()


class TickWithoutFencing(Loop[Any, Any]):
    """A transaction that only the clock began carries no positions: a stale owner's timeouts are committed."""

    def _commit(self) -> None:
        if any(track.first for track in self._tracks.values()):
            return super()._commit()
        self._producer.commit()
        for number in self._touched:
            self._tracks[number].lane.state.commit()
        self._clear()
        self._last_commit = self._elapsed()
        return None


class BufferKeptAfterAbort(Loop[Any, Any]):
    """Goes on with what was fetched behind an aborted batch, and commits past it."""

    def _rewind(self) -> None:
        for number, track in self._tracks.items():
            for topic in track.positions:
                track.positions[topic] = max(
                    track.positions[topic], self._consumer.reached(self._place(topic, number))
                )

    def _place(self, topic: str, number: int) -> Any:
        return next(p for p in self._positions(self._tracks) if p == (topic, number))


class StateKeptAfterAbort(Loop[Any, Any]):
    """What an aborted transaction changed stays in memory."""

    def _discard(self) -> None:
        for track in self._tracks.values():
            track.lane.state.commit()
        super()._discard()


class WithoutHold(CaseworkStage):
    """Judges an answer at once, though the announcement it names was not read yet."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Any]], config: None) -> Batch:
        for lane in lanes.values():
            lane.reached = lambda topic: 1 << 60
        return super().handle(messages, lanes, config)


class RandomIds(RouterStage):
    """Mints event ids: a replay writes other ones, and readers cannot drop a repeat."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Any]], config: Any) -> Batch:
        batch = super().handle(messages, lanes, config)
        batch.outgoing = [self._renamed(one) for one in batch.outgoing]
        return batch

    def _renamed(self, one: Outgoing) -> Outgoing:
        event: Any = one.event
        return one._replace(event=replace(event, event_id=uuid4().hex))


def without_hold() -> Stage[Any, Any]:
    return WithoutHold(SEALER, partitions=PARTITIONS)


def random_ids() -> Stage[Any, Any]:
    return RandomIds(codec=CODEC, sealer=SEALER, salt=SALT)
