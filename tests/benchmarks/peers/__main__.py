"""`python -m tests.benchmarks.peers`: our loop, Quix Streams and Faust at the same jobs on one broker, in turns."""

import argparse
import os
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.settings import Settings
from tests.benchmarks.__main__ import machine
from tests.benchmarks.peers.cases import CASES, JOBS, Case, Job, measure, prepare
from tests.benchmarks.peers.environments import ensure
from tests.benchmarks.stand import Timing, stand

OURS = {case.exactly_once: case.name for case in CASES if case.module == "ours" and not case.variant}
TYPED = {case.exactly_once: case.name for case in CASES if case.module == "ours" and case.variant == "typed"}


def applies(job: Job, case: Case) -> bool:
    """The router's events are typed whoever decides: no case of its own for that."""
    return case.variant != "typed" or len(job.targets) == 1


def table(job: Job, timings: Mapping[str, Sequence[Timing]]) -> Table:
    """Medians; how many times as fast our loop is in the same mode, with the same values and with typed events."""
    shown = Table(
        "what", "records/s", "from – to", "client µs", "broker µs", "ours / it", "CPU", "typed / it", "CPU",
        title=job.name,
    )  # fmt: skip
    for case in (c for c in CASES if c.name in timings):
        runs = timings[case.name]
        rates = [t.per_second for t in runs]
        shown.add_row(
            case.name, f"{statistics.median(rates):,.0f}", f"{min(rates):,.0f} – {max(rates):,.0f}",
            f"{statistics.median(t.client for t in runs):.1f}", f"{statistics.median(t.broker for t in runs):.1f}",
            *times_as_fast(timings.get(OURS[case.exactly_once], ()), runs),
            *times_as_fast(timings.get(TYPED[case.exactly_once], ()), runs),
        )  # fmt: skip
    return shown


def times_as_fast(base: Sequence[Timing], runs: Sequence[Timing]) -> tuple[str, str]:
    """By the clock and by the client's processor time.

    Taken within a round, whose runs follow one another, so that a busy neighbour hits both; then the median.
    """
    pairs = list(zip(base, runs, strict=True)) if base else []
    if not pairs:
        return "–", "–"
    clock = statistics.median(b.per_second / t.per_second for b, t in pairs)
    return f"{clock:.2f}", f"{statistics.median(t.client / b.client for b, t in pairs):.2f}"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the broker goes as well
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="for our loop; slower ones get a share")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name contains this, and our loop's")
    parser.add_argument("--job", default="", help="jobs whose name contains this")
    options = parser.parse_args()
    jobs = [job for job in JOBS if options.job in job.name]
    cases = [case for case in CASES if options.only in case.name or case.module == "ours"]
    cache = Settings().cache_dir
    pythons = {peer: ensure(peer, cache) if peer else Path(sys.executable) for peer in {c.peer for c in cases}}
    print(machine())
    with stand() as running:
        prepare(running, jobs, options.records)
        timings: dict[str, dict[str, list[Timing]]] = defaultdict(lambda: defaultdict(list))
        for run in range(options.runs):
            for job, case in ((j, c) for j in jobs for c in cases if applies(j, c)):
                timing = measure(running, job, case, pythons[case.peer], run=run, records=options.records)
                timings[job.name][case.name].append(timing)
                load = os.getloadavg()[0]
                print(f"{job.name}: {case.name}: {timing.per_second:,.0f}/s, {timing.client:.1f} µs (load {load:.1f})")
    for job in jobs:
        Console(width=130).print(table(job, timings[job.name]))


if __name__ == "__main__":
    main()
