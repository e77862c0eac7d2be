"""What a table did, done again: cases folded from their events, and every call of the stage repeated."""

from collections.abc import Iterable, Mapping
from functools import partial

from infra.kafka.stage import Lane
from streams.casework.case import Case, CaseEvent, evolve
from streams.casework.cases import Cases
from streams.casework.stage import CaseworkStage
from tests.unit.casework.driver import CODEC, PARTITIONS, SALT, SEALER, Said, Table, encoded, restored


def fold(history: Iterable[tuple[CaseEvent, Said] | str], times: int = 1) -> dict[str, Case]:
    """Every case as the fold of its events, each of them folded so many times."""
    cases: dict[str, Case] = {}
    for change in history:
        if isinstance(change, str):
            cases.pop(change)
            continue
        event, said = change
        for _ in range(times):
            cases[event.request_id] = evolve(cases.get(event.request_id), event, said)
    return cases


def replayed(table: Table) -> None:
    """Raises AssertionError unless the same calls give the same bytes, without those that were aborted."""
    stage = CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT, topic_prefix="hitl.")
    state = Cases()
    for call in table.given:
        if call.restarted:
            state = restored(state.committed)
        if call.restarted or not call.committed:
            continue  # an abort leaves no trace
        lane: Lane[Cases] = Lane(
            partition=table.partition, state=state, now=call.now, config_offsets={"policies": 3},
            reached=partial(_at, call.reached),
            watermark=partial(_at, call.watermarks),
        )  # fmt: skip
        lanes, config = {table.partition: lane}, table.config
        handled = stage.handle(call.messages, lanes, config) if call.messages else stage.tick(lane, config)
        state.commit()
        assert encoded(handled.outgoing) == encoded(call.outgoing)


def _at(offsets: Mapping[str, int], topic: str) -> int:
    return offsets.get(topic, 0)
