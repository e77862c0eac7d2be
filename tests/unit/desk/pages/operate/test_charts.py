"""Where values lie in a chart: at their place, within the edges, and nowhere when they are no numbers."""

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.pages.operate.charts import (
    BULLET,
    LINE,
    MARGIN,
    Target,
    TargetUnreadable,
    bullet,
    finite,
    line,
    target_in,
)
from streams.insights.figures import Figures
from streams.insights.kpis import Kpi, kpis

UNITS = {name: getattr(kpis(Figures()), name) for name in type(kpis(Figures())).__struct_fields__}
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.none()
INNER = BULLET[0] - 2 * MARGIN


@pytest.mark.parametrize("name", UNITS)
def test_the_target_of_every_figure_can_be_read(name: str) -> None:
    kpi: Kpi = UNITS[name]
    assert target_in(kpi.target, kpi.unit).ends()


@pytest.mark.parametrize("text", ["", "soon", "95–85 %", "<", "1 2 3", "< 1 2"])
def test_a_target_that_cannot_be_read_is_an_error_and_no_guess(text: str) -> None:
    with pytest.raises(TargetUnreadable):
        target_in(text, "share")


def test_values_of_a_bullet_lie_where_they_belong() -> None:
    made = bullet(0.5, Target(0.85, 0.95), "share", (0.25, 0.75))
    assert made.value == MARGIN + INNER / 2
    assert made.interval == (MARGIN + INNER / 4, MARGIN + 3 * INNER / 4)
    begin, width = made.band
    assert (begin, begin + width) == pytest.approx((MARGIN + INNER * 0.85, MARGIN + INNER * 0.95), abs=0.02)


def test_without_a_value_only_the_target_is_drawn() -> None:
    made = bullet(None, Target(None, 0.05), "share")
    assert (made.value, made.interval) == (None, None) and made.band[1] > 0


@given(NUMBERS, st.tuples(st.floats(), st.floats()) | st.none(), st.sampled_from(["share", "seconds"]))
def test_whatever_the_numbers_nothing_lies_outside(
    value: float | None, interval: tuple[float, float] | None, unit: str
) -> None:
    made = bullet(value, Target(0.9, None), unit, interval)
    drawn = [made.band[0], made.band[0] + made.band[1], *(made.interval or ())]
    drawn += [made.value] if made.value is not None else []
    assert all(math.isfinite(x) and MARGIN - 0.1 <= x <= BULLET[0] - MARGIN + 0.1 for x in drawn)
    assert (made.value is None) == (finite(value) is None)


@given(st.lists(NUMBERS, max_size=24), st.sampled_from([Target(0.85, 0.95), Target(None, 7_200.0), Target(3.0, None)]))
def test_every_hour_with_a_number_is_a_dot_within_the_chart(values: list[float | None], target: Target) -> None:
    points = [(at * 3_600_000, value) for at, value in enumerate(values)]
    made = line(points, target, since=0, until=23 * 3_600_000)
    assert len(made.dots) == sum(finite(value) is not None for value in values)
    places = [*((dot.x, dot.y) for dot in made.dots), *((0.0, y) for y in made.targets)]
    assert all(math.isfinite(each) for place in places for each in place)
    assert all(0 <= x <= LINE[0] and 0 <= y <= LINE[1] for x, y in places)


def test_a_higher_value_lies_higher_and_a_gap_ends_the_line() -> None:
    made = line([(0, 0.5), (1, 0.9), (2, None), (3, 0.7)], Target(0.85, None), since=0, until=3)
    first, second, last = made.dots
    assert first.y > last.y > second.y and first.x < second.x < last.x
    assert made.paths == (f"M{first.x} {first.y} L{second.x} {second.y}",)


def test_a_tiny_change_does_not_fill_the_chart() -> None:
    made = line([(0, 0.900), (1, 0.901)], Target(0.9, None), since=0, until=1)
    assert abs(made.dots[0].y - made.dots[1].y) < 2


def test_what_is_drawn_is_an_svg() -> None:
    made = line([(0, 1.0), (1, 2.0)], Target(3.0, None), since=0, until=1)
    ElementTree.fromstring(f'<svg viewBox="0 0 {made.width} {made.height}"><path d="{made.paths[0]}"/></svg>')
