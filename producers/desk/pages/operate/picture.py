"""The picture of the pipeline: where each box stands, what is written in it, and which way the records go. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from infra.cli.moments import span
from infra.observe.pipeline import ASKED, AUTOMATIC, DECIDED, LEARNT, TO_EXPERTS, TO_REVIEWERS
from producers.desk.pages.operate.flow import Flow, Health, StageRow, TopicRow

WIDTH: Final = 960
HEIGHT: Final = 400
BOX: Final = (132, 66)  # width and height of a box
REVIEWERS: Final = "review"  # all priorities together
STAGES: Final = ("inference", "router", "casework", "feedback", "training")
_PLACED: Final = {
    ASKED: (8, 104), "inference": (168, 104), "router": (328, 104),
    AUTOMATIC: (488, 14), REVIEWERS: (488, 104), TO_EXPERTS: (488, 194),
    "casework": (648, 149), DECIDED: (820, 104),
    "feedback": (648, 314), "training": (408, 314), LEARNT: (168, 314),
}  # fmt: skip
_WAYS: Final = (
    (ASKED, "inference"), ("inference", "router"), ("router", AUTOMATIC), ("router", REVIEWERS),
    ("router", TO_EXPERTS), (AUTOMATIC, DECIDED), (REVIEWERS, "casework"), (TO_EXPERTS, "casework"),
    ("casework", DECIDED), ("casework", "feedback"), ("feedback", "training"), ("training", LEARNT),
    (LEARNT, "inference"),
)  # fmt: skip
_TITLES: Final = {AUTOMATIC: "automatic", LEARNT: "new models", REVIEWERS: "to reviewers", TO_EXPERTS: "to experts"}


class Box(NamedTuple):
    """A stage or a topic: its corner, its lines, and a class that says how it is."""

    name: str
    x: int
    y: int
    title: str
    lines: tuple[str, ...]
    kind: str  # stage or topic
    state: str  # good, bad, unknown


class Arrow(NamedTuple):
    """From one box to another, as the path of an SVG."""

    path: str


class Picture(NamedTuple):
    """All that is drawn; `told` says the same in a sentence."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    told: str


def picture_of(flow: Flow) -> Picture:
    """The boxes with their figures, and the ways between them."""
    boxes = [_topic_box(name, flow.topic(name)) for name in (ASKED, AUTOMATIC, TO_EXPERTS, DECIDED, LEARNT)]
    boxes.append(_topic_box(REVIEWERS, flow.together(*TO_REVIEWERS)))
    stages = [flow.stage(name) for name in STAGES]
    boxes += [_stage_box(stage) for stage in stages]
    return Picture(
        boxes=tuple(sorted(boxes, key=lambda box: (box.x, box.y))),
        arrows=tuple(Arrow(_path(*way)) for way in _WAYS),
        told=_told(stages),
    )


def rate_text(rate: float | None) -> str:
    """Records a second.

    >>> [rate_text(each) for each in (None, 0.0, 0.04, 3.26, 1234.5)]
    ['rate not known yet', '0 /s', 'under 0.1 /s', '3.3 /s', '1,234 /s']
    """
    if rate is None:
        return "rate not known yet"
    if 0 < rate < 0.05:
        return "under 0.1 /s"
    return f"{rate:,.0f} /s" if rate >= 100 or rate == 0 else f"{rate:.1f} /s"


def behind_text(stage: StageRow) -> str:
    """What waits before a stage, and since when."""
    if stage.records is None:
        return "not known"
    if not stage.records:
        return "nothing waits"
    since = f", {span(stage.seconds)}" if stage.seconds is not None and stage.seconds >= 1 else ""
    return f"{short(stage.records)} wait{since}"


def short(count: int) -> str:
    """A count that fits into a box.

    >>> [short(each) for each in (0, 9_999, 12_345, 1_234_567, 12_345_678_901)]
    ['0', '9,999', '12.3 k', '1.23 M', '12,346 M']
    """
    if count < 10_000:
        return f"{count:,}"
    if count < 1_000_000:
        return f"{count / 1_000:.3g} k" if count < 999_500 else "1 M"
    return f"{count / 1_000_000:.3g} M" if count < 999_500_000 else f"{count / 1_000_000:,.0f} M"


def _topic_box(name: str, row: TopicRow | None) -> Box:
    x, y = _PLACED[name]
    lines = ("not known",) if row is None else (rate_text(row.rate), f"{short(row.records)} in all")
    return Box(name, x, y, _TITLES.get(name, name), lines, "topic", "unknown" if row is None else "good")


def _stage_box(stage: StageRow) -> Box:
    x, y = _PLACED[stage.name]
    state = "bad" if stage.is_behind else "unknown" if stage.health is Health.UNKNOWN else "good"
    if stage.health is Health.NOT_READY:
        state = "bad"
    return Box(stage.name, x, y, stage.name, (stage.health, behind_text(stage)), "stage", state)


def _path(begin: str, end: str) -> str:
    """A straight way where both stand in a row or a column, else a bend in the middle between them."""
    (x, y), (to_x, to_y), (width, height) = _PLACED[begin], _PLACED[end], BOX
    if x == to_x:
        column = x + width // 2
        return f"M{column} {y + height} V{to_y - 6}" if y < to_y else f"M{column} {y} V{to_y + height + 6}"
    if x > to_x:
        return f"M{x} {y + height // 2} H{to_x + width + 6}"
    first, last, bend = y + height // 2, to_y + height // 2, to_x - 14
    turn = "" if first == last else f" H{bend} V{last}"
    return f"M{x + width} {first}{turn} H{to_x - 6}"


def _told(stages: Sequence[StageRow]) -> str:
    troubled = [stage.name for stage in stages if stage.is_behind or stage.health is Health.NOT_READY]
    way = (
        "Requests go through inference and router to automatic decisions, reviewers or experts; casework turns "
        "answers into outcomes; feedback leads to training, and new models go back to inference."
    )
    return f"{way} {'Look at ' + ', '.join(troubled) + '.' if troubled else 'No stage is in trouble.'}"
