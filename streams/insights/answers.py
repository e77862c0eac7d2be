"""What the view answers: KPIs and figures of the system by window and workflow, and how fresh they are."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from infra.errors import HitlError
from streams.insights.fold import NO_WORKFLOW
from streams.insights.kpis import Kpis, kpis
from streams.insights.reading import Amounts, SystemMetrics, figures_of, metrics_of
from streams.insights.store import Snapshot
from streams.insights.sums import Amount
from streams.insights.windows import Width, widest, window_start

MOST_WINDOWS: Final = 1_500  # in one answer: a day of minutes
DEFAULT_WINDOWS: Final = {Width.MINUTE: 60, Width.HOUR: 24, Width.DAY: 31}


class WindowsRefused(HitlError):
    """This span cannot be answered."""


class AsOf(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh an answer is. Everything that was committed before `complete_at` (milliseconds) is in it."""

    bootstrap_servers: str
    topic_prefix: str
    complete_at: int | None
    stale_seconds: float | None
    latest_record_at: int | None  # milliseconds
    positions: dict[str, int]  # last offset applied, by `topic[partition]`
    unreadable: int = 0  # records that hold no event of their topic
    repeated_tallies: int = 0  # dropped: their records are counted already
    uncounted_records: int = 0  # of those, processed but in no tally that counts (at-least-once only)


class WorkflowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow in one window."""

    kpis: Kpis
    system: SystemMetrics


class WindowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All workflows in [start, end), milliseconds; of all time without these."""

    start: int | None
    end: int | None
    workflows: dict[str, WorkflowFigures]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, the earliest window first; windows without any event are left out."""

    as_of: AsOf
    window: str
    windows: tuple[WindowFigures, ...]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which windows of which width; `since` and `until` in milliseconds."""

    width: Width = Width.ALL
    workflow: str | None = None
    since: int | None = None
    until: int | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The log that the view tells of."""

    bootstrap_servers: str
    topic_prefix: str


def answered(question: Question, view: Snapshot, *, source: Source, complete_at: float | None, now: float) -> Answer:
    """The answer as of this snapshot; times in seconds. Raises `WindowsRefused`."""
    whole, costs, models, people = view.whole(), view.costs(), view.models(), view.people()

    def window(start: int | None, end: int | None, found: Mapping[str, Amounts]) -> WindowFigures:
        names = [name for name in sorted(found) if question.workflow in (None, name)]
        return WindowFigures(
            start=start,
            end=end,
            workflows={
                name: WorkflowFigures(
                    kpis=kpis(figures_of(found[name]), costs.get(name)),
                    system=metrics_of(
                        found[name], now=whole.get(name, {}), models=models.get(name, {}), assessed=people.get(name, {})
                    ),
                )
                for name in names
                if name != NO_WORKFLOW
            },
        )

    return Answer(
        as_of=as_of(view, source=source, complete_at=complete_at, now=now),
        window=question.width.name.lower(),
        windows=tuple(window(*each) for each in _windows(question, view, whole, round(now * 1_000))),
    )


def as_of(view: Snapshot, *, source: Source, complete_at: float | None, now: float) -> AsOf:
    """How fresh this snapshot is."""
    return AsOf(
        bootstrap_servers=source.bootstrap_servers,
        topic_prefix=source.topic_prefix,
        complete_at=None if complete_at is None else math.floor(complete_at * 1_000),
        stale_seconds=None if complete_at is None else round(max(0.0, now - complete_at), 3),
        latest_record_at=view.latest(),
        positions=view.positions(),
        **view.notes(),
    )


def _windows(
    question: Question, view: Snapshot, whole: Mapping[str, Amounts], now: int
) -> list[tuple[int | None, int | None, Mapping[str, Mapping[str, Amount]]]]:
    width, since, until = question.width, question.since, question.until
    if since is not None and until is not None:
        _require(since < until, "`from` must lie before `to`")
    if width is Width.ALL:
        if since is None and until is None:
            return [(None, None, whole)]
        start = window_start(since or 0, Width.MINUTE)
        end = _ceiling(now if until is None else until, Width.MINUTE)
        _require(start < end, "`from` must lie before `to`")
        return [(start, end, view.span(start, end, widest(start, end)))]
    end = _ceiling(now if until is None else until, width)
    start = end - DEFAULT_WINDOWS[width] * width if since is None else window_start(since, width)
    _require(start < end, "`from` must lie before `to`")
    count = (end - start) // width
    too_many = f"{count:,} windows are too many ({MOST_WINDOWS:,}): narrow the span or widen the window"
    _require(count <= MOST_WINDOWS, too_many)
    return [(begun, begun + width, found) for begun, found in sorted(view.sums(width, start, end).items())]


def _ceiling(moment: int, width: Width) -> int:
    return -window_start(-moment, width)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WindowsRefused(f"{otherwise}.")
