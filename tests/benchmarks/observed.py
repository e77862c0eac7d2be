"""What it costs to watch a stage: all that is done for it in a transaction of the router, beside what the router does.

Each is timed by itself: their difference within a whole loop drowns in the noise of a shared machine.
"""

from collections.abc import Callable
from timeit import repeat

from infra.kafka.intake import Intake
from infra.kafka.ledger import Ledger
from infra.kafka.log import Record, runs
from infra.kafka.observing import Count
from infra.observe.serving import unserved
from infra.observe.stage import StageObserver
from schemas.topics import PREDICTIONS, Outgoing
from tests.benchmarks.stages import lane_of, policy_message, router
from tests.benchmarks.stand import CODEC, predictions

BATCH = 1_000
NOW = 1_800_000_000_050  # milliseconds since the epoch


def bench(*, times: int = 50, repeats: int = 5) -> tuple[float, float]:
    """Microseconds a record: decode, decision and encode of the router; and everything that is done to watch it."""
    stage, intake = router(), Intake(CODEC, 4)
    config = stage.fold_config(stage.initial_config(), policy_message())
    lanes = {number: lane_of(stage, number) for number in range(4)}
    records = [
        Record(PREDICTIONS.name, number % 4, number, NOW - number % 50, out.key, CODEC.encode(out.event))
        for number, out in enumerate(predictions(0, BATCH))
        if out.event is not None
    ]
    made: list[Outgoing] = []

    def work() -> None:
        batch = stage.handle([intake.message(record) for record in records], lanes, config)
        made[:] = batch.outgoing
        for out in made:
            assert out.event is not None
            CODEC.encode(out.event)
        for lane in lanes.values():
            lane.state.discard()

    observer = StageObserver(stage.name, unserved())
    counts = [Count("posts", "auto_approve", None, BATCH)]

    def watch() -> None:
        observer.fetched(BATCH)
        ledger = Ledger(observer.watched)
        ledger.took(runs(records))
        ledger.sends(made)
        observer.decided()
        observer.commits()
        observer.committed(ledger.told(counts, at=NOW))

    return _microseconds(work, times, repeats), _microseconds(watch, times, repeats)


def _microseconds(work: Callable[[], None], times: int, repeats: int) -> float:
    work()
    return min(repeat(work, number=times, repeat=repeats)) / times / BATCH * 1e6


if __name__ == "__main__":
    plain, watching = bench()
    print(f"router: {plain:.1f} µs a record without the client; watching: {watching:.2f} µs ({watching / plain:.2%})")
