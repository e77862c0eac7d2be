"""The figures of BENCHMARKS.md, on a new broker: `python -m tests.benchmarks [WHAT …]`; without any, all of them."""

import argparse
import json
import os
import platform

from rich.console import Console
from rich.table import Table

from tests.benchmarks import bare, casework, index, insights, path, stages, timelines
from tests.benchmarks.desk import bench as desk
from tests.benchmarks.desk.report import for_people
from tests.benchmarks.stand import Timing, stand

EVERYTHING = ["stages", "path", "latency", "index", "timelines", "insights", "casework", "desk"]
RATE = 500  # requests a second, for latency
CLAIMS = 200  # a second


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show(title: str, rows: list[tuple[str, Timing, float]]) -> None:
    table = Table("what", "records/s", "client µs", "broker µs", "of its floor", title=title)
    for name, timing, ratio in rows:
        table.add_row(
            name, f"{timing.per_second:,.0f}", f"{timing.client:.1f}", f"{timing.broker:.1f}",
            f"{ratio:.2f}" if ratio else "–",
        )  # fmt: skip
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=EVERYTHING)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="the desk's figures for machines")
    options = parser.parse_args()
    if options.what == ["desk"] and options.json:
        print(json.dumps(desk.bench(cases=options.cases, runs=options.runs, seconds=options.seconds)))
        return
    print(machine())
    if "stages" in options.what:
        with stand() as running:
            show("Stages on the real broker", stages.bench(running, count=options.records, runs=options.runs))
    if "path" in options.what:
        for _ in range(options.runs):
            with stand() as running:
                path.configure(running, path.EVERYTHING_BY_ITSELF)
                rate, spent = path.throughput(running, options.records)
                shares = ", ".join(f"{name} {cost:.0f}" for name, cost in spent.items())
                print(f"whole path: {rate:,.0f} requests/s; processor µs a request: {shares}")
    if "latency" in options.what:
        for _ in range(options.runs):
            with stand() as running:
                path.configure(running, path.EVERYTHING_BY_ITSELF)
                bare_hops = bare.latency(running, rate=RATE, seconds=options.seconds)
                print(path.report_latency("two bare hops", bare_hops))
                ours = path.latency(running, rate=RATE, seconds=options.seconds)
                print(path.report_latency("request → automatic outcome", ours))
    if "index" in options.what:
        for what, source in (("decided alone", index.by_itself), ("open cases", index.asked_of_people)):
            for _ in range(options.runs):
                with stand() as running:
                    count = options.records // 4
                    print(index.report(what, index.measured(running, source(0, count), count)))
    if "timelines" in options.what:
        with stand() as running:
            print(timelines.report(timelines.measured(running, options.requests, pages=200)))
    if "insights" in options.what:
        with stand() as running:
            for line in insights.bench(running, options.seconds):
                print(line)
    if "casework" in options.what:
        with stand() as running:
            found = casework.bench(running, count=options.cases, rate=CLAIMS, seconds=options.seconds)
            print(casework.report(found, count=options.cases))
    if "desk" in options.what:
        print(for_people(desk.bench(cases=options.cases, runs=options.runs, seconds=options.seconds)))


if __name__ == "__main__":
    main()
