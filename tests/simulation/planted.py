"""Planted bugs, each a mistake that real consumers make. The simulation must catch every one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from msgspec.structs import replace

from infra.kafka.lanes import Lanes
from infra.kafka.log import TopicPartition
from infra.kafka.loop import Loop
from infra.kafka.stage import Batch, Handled, Lane, Message, Stage
from schemas.events import AppealFiled, ReviewDecided
from schemas.topics import Outgoing
from schemas.values import GivenAnswer
from streams.casework import rights
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


class IgnoringTokens(CaseworkStage):
    """Believes that whoever answers holds the lease in force, whichever token they show."""

    def _decide(self, message: Message, lane: Lane[Cases], config: Config, handled: Handled) -> None:
        if isinstance(message.event, ReviewDecided):
            message = replace(message, event=replace(message.event, lease=None))
        super()._decide(message, lane, config, handled)


class LapsedOwners(CaseworkStage):
    """Lets the owner answer and renew for as long as nobody has said that the lease is over."""

    def _decide(self, message: Message, lane: Lane[Cases], config: Config, handled: Handled) -> None:
        case = lane.state.get(getattr(message.event, "request_id", ""))
        if case is not None and case.lease is not None and message.timestamp >= case.lease.expires_at:
            message = replace(message, timestamp=case.lease.expires_at - 1)
        super()._decide(message, lane, config, handled)


class CountingAgain(CaseworkStage):
    """Remembers answers on its own: one whose transaction was aborted counts twice when it comes again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._counted: dict[str, tuple[GivenAnswer, ...]] = {}

    def _decide(self, message: Message, lane: Lane[Cases], config: Config, handled: Handled) -> None:
        name = getattr(message.event, "request_id", "")
        case = lane.state.get(name)
        if case is not None and len(self._counted.get(name, ())) > len(case.counted) and case.revision == 1:
            lane.state.put(name, replace(case, counted=self._counted[name]))
        super()._decide(message, lane, config, handled)
        if (after := lane.state.get(name)) is not None and after.counted:
            self._counted[name] = after.counted


class ForgettingPeople(CaseworkStage):
    """Asks for a further person, and takes the same one."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Any]], config: Config) -> Batch:
        with patch.object(rights, "took_part", lambda case, reviewer_id: None):
            return super().handle(messages, lanes, config)


def _planted(stage: type[CaseworkStage]) -> Callable[[], Stage[Any, Any]]:
    return lambda: stage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT)


ignoring_tokens = _planted(IgnoringTokens)
lapsed_owners = _planted(LapsedOwners)
counting_again = _planted(CountingAgain)
forgetting_people = _planted(ForgettingPeople)
without_hold = _planted(WithoutHold)
overtaking_appeals = _planted(OvertakingAppeals)


def random_ids() -> Stage[Any, Any]:
    return RandomIds(codec=CODEC, sealer=SEALER, salt=SALT)
