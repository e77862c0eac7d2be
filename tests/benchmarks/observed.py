"""What it costs to watch a stage: the router's loop on the simulated log, unwatched and watched, in turns."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.observing import UNOBSERVED, Observer
from infra.observe.serving import unserved
from infra.observe.stage import StageObserver
from schemas.topics import POLICIES, PREDICTIONS, TALLIES
from tests.benchmarks.stages import policy_event, router
from tests.benchmarks.stand import CODEC, predictions
from tests.support.simlog import SimulatedLog

PARTITIONS = 4
BATCH = 1_000


def seconds(observer: Observer, *, records: int) -> float:
    """Processor time of the router over so many predictions."""
    log = SimulatedLog(partitions=PARTITIONS, wall=wall)
    producer = log.producer(transactional_id=None)
    for out in [POLICIES.message(policy_event()), *predictions(0, records)]:
        assert out.event is not None
        producer.send(out.topic, out.key, CODEC.encode(out.event), None)
    loop: Loop[Any, Any] = Loop(
        router(), log, CODEC, partitions=PARTITIONS, policy=LoopPolicy(max_batch=BATCH, commit_interval=0),
        wall=wall, elapsed=wall, rest=lambda _: None, observer=observer,
    )  # fmt: skip
    loop.step()
    began = time.process_time()
    while sum(loop.committed.values()) < records:
        loop.step()
    spent = time.process_time() - began
    assert log.read_all(TALLIES.name) and len(log.read_all(PREDICTIONS.name)) == records
    return spent


def wall() -> int:
    return time.time_ns() // 1_000_000


def bench(*, records: int = 20_000, runs: int = 9) -> tuple[float, float]:
    """Median microseconds a record, unwatched, and the median of what watching adds within a pair of runs."""
    watched: Callable[[], Observer] = lambda: StageObserver("router", unserved())  # noqa: E731
    seconds(UNOBSERVED, records=records)
    pairs = [(seconds(UNOBSERVED, records=records), seconds(watched(), records=records)) for _ in range(runs)]
    scale = 1e6 / records
    return statistics.median(a for a, _ in pairs) * scale, statistics.median(b - a for a, b in pairs) * scale


if __name__ == "__main__":
    plain, more = bench()
    print(f"router: {plain:.2f} µs a record unwatched; watching adds {more:+.2f} µs ({more / plain:+.1%})")
