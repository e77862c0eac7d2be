"""`python -m tests.benchmarks.scheduling`: who is given what, against first come, first served, on the same arrivals.

A team with skills works in shifts; cases arrive in peaks. Each seed is one fortnight, run under both rules. A case is
in time when it is answered by its deadline; those whose deadline lies beyond the end are not counted.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from typing import Final, NamedTuple

from schemas.values import Priority
from streams.casework.serving import HOUR, ServingPolicy
from tests.benchmarks.curves import Curve, drawing
from tests.support.shifts import BY_PRIORITY, DAY, REVIEW, SAME_FOR_ALL, Arrival, arrivals, team
from tests.support.shop import Ended, Fair, FirstCome, run

LOADS: Final = (0.6, 0.8, 0.95, 1.1, 1.3)
DEADLINES: Final[Mapping[str, Mapping[Priority, int]]] = {"by priority": BY_PRIORITY, "24 h for all": SAME_FOR_ALL}
RESAMPLED: Final = 4_000  # times, for an interval
PEOPLE: Final = 15


class Attained(NamedTuple):
    """One rule in one run: shares between 0 and 1, hours."""

    in_time: float
    urgent_in_time: float
    longest_wait: float
    mean_urgent_wait: float
    used: float  # the longest that an overdue case queued, of what the rule allows; 0 when none was overdue


class Compared(NamedTuple):
    """Both rules over all seeds of one load. `gain`: mean, lower and upper bound of the paired difference, points."""

    load: float
    fifo: Sequence[Attained]
    ours: Sequence[Attained]
    gain: tuple[float, float, float]


def attained(ended: Ended, cases: Sequence[Arrival], *, until: int) -> Attained:
    """What a rule attained, over the cases whose deadline lies before the end."""
    judged = [case for case in cases if case.due_at <= until]
    in_time = {case.request_id for case in judged if ended.answered.get(case.request_id, until) < case.due_at}
    urgent = [case.request_id for case in judged if case.priority is Priority.URGENT]
    return Attained(
        in_time=len(in_time) / len(judged),
        urgent_in_time=sum(name in in_time for name in urgent) / len(urgent),
        longest_wait=max(ended.waits.values()) / HOUR,
        mean_urgent_wait=mean(ended.waits[name] for name in urgent) / HOUR,
        used=max(ended.queueing, default=0.0),
    )


def once(seed: int, *, load: float, days: int, deadlines: Mapping[Priority, int]) -> tuple[Attained, Attained]:
    """First come, first served, and our rule, on the arrivals of this seed."""
    people, until = team(days, people=PEOPLE), days * DAY
    cases = arrivals(Random(seed), load=load, days=days, team=people, deadlines=deadlines)
    rules = FirstCome(), Fair(ServingPolicy(review_ms=REVIEW))
    fifo, ours = (attained(run(r, cases, people, until=until, review_ms=REVIEW), cases, until=until) for r in rules)
    return fifo, ours


def compared(load: float, runs: Sequence[tuple[Attained, Attained]]) -> Compared:
    """The paired difference of the seeds with its two-sided 95 % interval (percentiles of the bootstrap)."""
    fifo, ours = [run[0] for run in runs], [run[1] for run in runs]
    gains, random = [100 * (b.in_time - a.in_time) for a, b in runs], Random(0)
    means = [mean(random.choices(gains, k=len(gains))) for _ in range(RESAMPLED)]
    lower, *_, upper = quantiles(means, n=40)
    return Compared(load, fifo, ours, (mean(gains), lower, upper))


def row(deadlines: str, found: Compared) -> str:
    """A line of the table."""
    fifo, ours = found.fifo, found.ours

    def share(which: Sequence[Attained], name: str) -> str:
        return f"{100 * mean(getattr(each, name) for each in which):.2f}"

    def longest(which: Sequence[Attained]) -> str:
        return f"{max(each.longest_wait for each in which):.0f}"

    gain, lower, upper = found.gain
    used = f"{max(each.used for each in ours):.2f}"
    return (
        f"| {deadlines} | {found.load:g} | {share(fifo, 'in_time')} | {share(ours, 'in_time')} | "
        f"{gain:+.2f} ({lower:+.2f} … {upper:+.2f}) | {share(fifo, 'urgent_in_time')} | "
        f"{share(ours, 'urgent_in_time')} | {longest(fifo)} | {longest(ours)} | {used} |"
    )


HEAD: Final = (
    "| deadlines | load | in time, FIFO % | ours % | difference, points (95 %) | urgent, FIFO % | ours % "
    "| longest wait, FIFO h | ours h | of the bound |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--svg", type=Path, help="where to draw the shares in time over the load")
    options = parser.parse_args()
    print(HEAD)
    found: dict[str, list[Compared]] = {name: [] for name in DEADLINES}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (name, deadlines), load in product(DEADLINES.items(), LOADS):
            one = partial(once, load=load, days=options.days, deadlines=deadlines)
            found[name].append(compared(load, list(pool.map(one, range(options.seeds)))))
            print(row(name, found[name][-1]), flush=True)
    if options.svg is not None:
        options.svg.write_text(drawing({name: curves(each) for name, each in found.items()}))


def curves(found: Sequence[Compared]) -> list[Curve]:
    """The mean share in time over the load, with the range of the seeds, for each rule."""
    made = []
    for name, which in (("first come, first served", "fifo"), ("ours", "ours")):
        shares = [[100 * each.in_time for each in getattr(load, which)] for load in found]
        points = [(load.load, mean(s), min(s), max(s)) for load, s in zip(found, shares, strict=True)]
        made.append(Curve(name, points))
    return made


if __name__ == "__main__":
    main()
