"""Where things lie in a chart: values in, coordinates of an SVG out; what is no number is left out. Pure."""

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

BULLET: Final = (240, 30)  # width and height
LINE: Final = (320, 120)
MARGIN: Final = 8  # left and right, so that a mark at an edge is seen whole
TOP, BOTTOM = 10, 22  # of a line chart
LEAST: Final = 0.2  # of the largest value: what a line chart spans at least
LARGEST: Final = 1e15  # beyond it nothing is a figure of ours, and sums of such numbers have no place
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


class Target(NamedTuple):
    """From where to where a figure is good; None is without a limit."""

    low: float | None
    high: float | None

    def ends(self) -> list[float]:
        """Its limits."""
        return [each for each in (self.low, self.high) if each is not None]


class TargetUnreadable(ValueError):
    """A target that is not written as the figures write theirs."""


class Bullet(NamedTuple):
    """A figure against its target: x of the band of the target, of the interval and of the value; None is not drawn."""

    width: int
    height: int
    band: tuple[float, float]  # begin and width
    interval: tuple[float, float] | None  # begin and end
    value: float | None
    ends: tuple[float, float]  # what lies at the left and the right end, in the figure's unit


class Dot(NamedTuple):
    """A value of a series."""

    x: float
    y: float


class LineChart(NamedTuple):
    """A series: a path for each stretch without gaps, its dots, the lines of the target, and both ends."""

    width: int
    height: int
    paths: tuple[str, ...]
    dots: tuple[Dot, ...]
    targets: tuple[float, ...]  # y
    low: float
    high: float
    floor: float  # y of the lowest value


def target_in(text: str, unit: str) -> Target:
    """A target as the figures write it. Raises `TargetUnreadable`.

    >>> target_in("85–95 %", "share"), target_in("< 2 h", "seconds"), target_in("> 100", "cases per person-hour")
    (Target(low=0.85, high=0.95), Target(low=None, high=7200.0), Target(low=100.0, high=None))
    """
    factor = 0.01 if "%" in text else 3_600 if text.endswith("h") and unit == "seconds" else 1
    numbers = [round(float(each) * factor, 9) for each in _NUMBER.findall(text)]
    match text[:1], numbers:
        case "<", [number]:
            return Target(None, number)
        case ">", [number]:
            return Target(number, None)
        case begin, [low, high] if low < high and begin not in ("<", ">"):
            return Target(low, high)
    raise TargetUnreadable(text)


def bullet(value: float | None, target: Target, unit: str, interval: tuple[float, float] | None = None) -> Bullet:
    """From 0 to an end that shows the target, the value and its interval; shares end at 1."""
    value, interval = finite(value), _finite_pair(interval)
    end = _end_of([value or 0, *(interval or ()), *target.ends()], unit)
    low, high = target.low or 0, end if target.high is None else target.high
    begin, until = (_x(each, end) for each in (low, high))
    return Bullet(
        *BULLET,
        band=(begin, round(until - begin, 2)),
        interval=None if interval is None else (_x(interval[0], end), _x(interval[1], end)),
        value=None if value is None else _x(value, end),
        ends=(0, end),
    )


def line(points: Sequence[tuple[int, float | None]], target: Target, *, since: int, until: int) -> LineChart:
    """Values by their time in milliseconds; what lies outside of the times is at their edge."""
    known = [(at, value) for at, given in points if (value := finite(given)) is not None]
    values = [value for _, value in known] + target.ends()
    low, high = min(values, default=0.0), max(values, default=1.0)
    least = max(abs(low), abs(high)) * LEAST or 1.0  # so that a tiny change looks like one
    room = max((high - low) * 0.08, (least - (high - low)) / 2)
    low, high = (max(0.0, low - room) if low >= 0 else low - room), high + room
    width, height = LINE

    def y(value: float) -> float:
        return round(TOP + (height - TOP - BOTTOM) * (1 - (value - low) / (high - low)), 2)

    def x(at: int) -> float:
        share = min(1.0, max(0.0, (at - since) / max(1, until - since)))
        return round(MARGIN + (width - 2 * MARGIN) * share, 2)

    stretches: list[list[Dot]] = [[]]
    for at, given in points:
        value = finite(given)
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(Dot(x(at), y(value)))
    return LineChart(
        *LINE,
        paths=tuple(_path(dots) for dots in stretches if len(dots) > 1),
        dots=tuple(dot for dots in stretches for dot in dots),
        targets=tuple(y(each) for each in target.ends()),
        low=low,
        high=high,
        floor=float(height - BOTTOM),
    )


def finite(value: float | None) -> float | None:
    """A number that can be drawn, or None.

    >>> finite(float("nan")), finite(float("-inf")), finite(1e300), finite(0.5)
    (None, None, None, 0.5)
    """
    return value if value is not None and math.isfinite(value) and abs(value) <= LARGEST else None


def _finite_pair(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    if pair is None or finite(pair[0]) is None or finite(pair[1]) is None:
        return None
    return (min(pair), max(pair))


def _end_of(values: Sequence[float], unit: str) -> float:
    """Beyond the largest of them, so that nothing lies on the edge; a share ends at 1, or where small ones are seen."""
    largest = max(values)
    if unit == "share":
        return 1.0 if largest > 0.4 else min(1.0, largest * 2)
    return largest * 1.25 or 1.0


def _x(value: float, end: float) -> float:
    share = min(1.0, max(0.0, value / end))
    return round(MARGIN + (BULLET[0] - 2 * MARGIN) * share, 2)


def _path(dots: Sequence[Dot]) -> str:
    return "M" + " L".join(f"{dot.x} {dot.y}" for dot in dots)
