"""Counts of the stages: each record that a stage processed is counted once, whatever is repeated.

A stage processes each partition in order, so how far it has been counted is one offset for each of its inputs. A tally
that reaches back before it repeats what was counted, and is dropped whole. What the clock alone led to names no input:
such a tally is known by its id.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.events import StageTallied
from streams.insights.sums import Amount, Cell

TALLIED: Final = "tally/"  # stage, action, and the priority where there is one
LAST_MOMENT: Final = 1 << 43  # milliseconds: the year 2248
MOST: Final = 1 << 40  # records in one row; more is no count
LONGEST: Final = 1 << 50  # milliseconds in one row


class Input(NamedTuple):
    """What one stage reads of one partition."""

    stage: str
    topic: str
    partition: int


class Verdict(NamedTuple):
    """Whether a tally counts; `uncounted` records of a dropped one were in no other."""

    counts: bool
    uncounted: int = 0


def judged(tally: StageTallied, covered: Mapping[Input, int]) -> Verdict:
    """By the last offset of each input that is counted (-1: none)."""
    inputs = [(Input(tally.stage, r.topic, r.partition), r) for r in tally.ranges]
    if all(span.first > covered.get(place, -1) for place, span in inputs):
        return Verdict(counts=True)
    beyond = sum(max(0, span.last - max(covered.get(place, -1), span.first - 1)) for place, span in inputs)
    return Verdict(counts=False, uncounted=beyond)


def after(tally: StageTallied, covered: Mapping[Input, int]) -> dict[Input, int]:
    """How far its inputs are counted after a tally, dropped or not: what comes next begins behind it."""
    places = ((Input(tally.stage, span.topic, span.partition), span.last) for span in tally.ranges)
    return {place: max(last, covered.get(place, -1)) for place, last in places}


def amounts(tally: StageTallied) -> list[tuple[Cell, Amount]]:
    """What a tally adds to the sums."""
    stage = tally.stage
    return [
        (Cell(row.workflow, row.minute, tallied(stage, row.action, row.priority)), Amount(row.count, row.milliseconds))
        for row in tally.rows
    ]


def tallied(stage: str, action: str, priority: str | None = None) -> str:
    """The measure of a stage's action."""
    return f"{TALLIED}{stage}/{action}" + (f"/{priority}" if priority else "")


def is_plausible(tally: StageTallied) -> bool:
    """Whether it can be added up: whatever is not is no work of a stage of ours."""
    return all(
        0 <= row.minute < LAST_MOMENT and row.minute % 60_000 == 0 and 0 < row.count < MOST
        and abs(row.milliseconds) < LONGEST
        for row in tally.rows
    ) and all(0 <= span.first <= span.last for span in tally.ranges)  # fmt: skip
