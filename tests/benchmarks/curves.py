"""Curves over one axis as SVG, written by hand: no drawing library for two figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP = 360, 220, 60  # of one panel, pixels
COLOURS: Final = ("#b45309", "#1d4ed8")
HEADER: Final = 50


class Curve(NamedTuple):
    """A line of (x, y, lowest, highest); y in per cent."""

    name: str
    points: Sequence[tuple[float, float, float, float]]


def drawing(panels: Mapping[str, Sequence[Curve]]) -> str:
    """One panel for each title, side by side: share in time over load, the band from the worst to the best seed."""
    width = len(panels) * (WIDTH + GAP) + GAP
    body = [line for at, (title, curves) in enumerate(panels.items()) for line in _panel(at, title, curves)]
    frame = f'width="{width}" height="{HEIGHT + HEADER + GAP}" font-family="sans-serif" font-size="12"'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>', ground, *body, "</svg>", ""])


def _panel(at: int, title: str, curves: Sequence[Curve]) -> Iterator[str]:
    left, loads = GAP + at * (WIDTH + GAP), [point[0] for point in curves[0].points]
    yield f'<text x="{left}" y="20" font-weight="bold">in time, %; deadlines {escape(title)}</text>'
    for share in range(0, 101, 25):
        y = _y(share)
        yield f'<line x1="{left}" x2="{left + WIDTH}" y1="{y}" y2="{y}" stroke="#d4d4d4"/>'
        yield f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{share}</text>'
    for load in loads:
        x = _x(left, load, loads)
        yield f'<text x="{x}" y="{HEADER + HEIGHT + 18}" text-anchor="middle">{load:g}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{HEADER + HEIGHT + 38}" text-anchor="middle">load</text>'
    for number, curve in enumerate(curves):
        yield from _line(left, number, curve, loads)


def _line(left: int, number: int, curve: Curve, loads: Sequence[float]) -> Iterator[str]:
    colour = COLOURS[number]
    upper = [(_x(left, load, loads), _y(high)) for load, _, _, high in curve.points]
    lower = [(_x(left, load, loads), _y(low)) for load, _, low, _ in curve.points]
    middle = [(_x(left, load, loads), _y(share)) for load, share, _, _ in curve.points]
    yield f'<polygon points="{_places(upper + lower[::-1])}" fill="{colour}" fill-opacity="0.15"/>'
    yield f'<polyline points="{_places(middle)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield f'<text x="{left + 170 * number}" y="38" fill="{colour}">{escape(curve.name)}</text>'


def _x(left: int, load: float, loads: Sequence[float]) -> float:
    return round(left + WIDTH * (load - loads[0]) / (loads[-1] - loads[0]), 1)


def _y(share: float) -> float:
    return round(HEADER + HEIGHT * (1 - share / 100), 1)


def _places(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
