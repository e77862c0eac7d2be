"""The rule that gives people their next case, on a team in shifts under peaks: in time no less often than first come,
first served, better when there is too much to do, and nobody waits longer than the rule says.

`python -m tests.benchmarks.scheduling` makes the same comparison over more seeds, loads and days.
"""

from statistics import mean
from xml.etree import ElementTree

import pytest

from streams.casework.serving import CYCLE
from tests.benchmarks.curves import drawing
from tests.benchmarks.scheduling import DEADLINES, Attained, compared, curves, once

pytestmark = pytest.mark.simulation
SEEDS = range(4)


def runs(load: float, deadlines: str, days: int) -> list[tuple[Attained, Attained]]:
    return [once(seed, load=load, days=days, deadlines=DEADLINES[deadlines]) for seed in SEEDS]


@pytest.mark.parametrize("deadlines", DEADLINES)
@pytest.mark.parametrize("load", [0.6, 0.95])
def test_below_full_load_nothing_is_lost_against_first_come(load: float, deadlines: str) -> None:
    found = compared(load, runs(load, deadlines, days=5))
    assert found.gain[0] >= -0.5
    assert mean(each.urgent_in_time for each in found.ours) > 0.97


def test_under_overload_more_are_in_time_for_certain() -> None:
    for deadlines, days in (("by priority", 4), ("24 h for all", 9)):
        found = compared(1.3, runs(1.3, deadlines, days))
        assert found.gain[1] > 0, f"deadlines {deadlines}: {found.gain}"


def test_the_drawing_has_a_line_for_each_rule_over_each_kind_of_deadlines() -> None:
    found = compared(0.6, [once(1, load=0.6, days=2, deadlines=DEADLINES["by priority"])] * 2)
    both = curves([found, found._replace(load=0.95)])
    drawn = ElementTree.fromstring(drawing({"one": both, "other": both}))
    lines = [each.attrib["points"].split() for each in drawn.iter() if each.tag.endswith("polyline")]
    assert len(lines) == 4 and {len(points) for points in lines} == {2}


@pytest.mark.parametrize("load", [0.8, 0.95, 1.3])
def test_no_overdue_case_queues_longer_than_the_rule_says(load: float) -> None:
    longest = [ours.used for _, ours in runs(load, "by priority", days=5)]
    assert max(longest) <= 1
    assert max(longest) > 1 / CYCLE, "cases did become overdue and did wait"
