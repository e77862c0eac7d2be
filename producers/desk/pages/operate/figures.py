"""The figures against their targets as they are shown: in words, as charts, and the numbers of both. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from infra.cli.moments import moment, span
from producers.desk.pages.operate.charts import Bullet, LineChart, Target, bullet, finite, line, target_in
from streams.insights.answers import Answer, AsOf, WindowFigures
from streams.insights.kpis import Kpi, Kpis
from streams.insights.wording import amount_text, value_text

HOUR: Final = 3_600_000  # milliseconds
HOURS: Final = 24
OLD: Final = 10.0  # seconds behind the log after which it is told
NAMES: Final[Mapping[str, tuple[str, str]]] = {  # by name: as it is shown, and what it is
    "automation_rate": ("Automation rate", "Decided by the model alone, of all that are decided or wait for a person."),
    "system_accuracy": ("System accuracy", "How often the whole system, people included, decides rightly."),
    "human_review_latency": ("Review latency", "From opening a case to its first answer that decides it, on average."),
    "time_to_resolution": ("Time to resolution", "From a request's arrival to its outcome, on average."),
    "cost_per_decision": ("Cost per decision", "By the rates that the workflow's policy names."),
    "review_efficiency": ("Review efficiency", "Answers for each hour in which people had cases for themselves."),
    "inter_annotator_agreement": ("Agreement of people", "Cases whose first two answers are the same."),
    "human_ai_agreement": ("People agree with the model", "Blind answers that are also the model's, weighted."),
    "expert_validation_rate": ("Confirmed by experts", "Final decisions of a random sample that an expert confirms."),
    "false_positive_rate": ("Wrong automatic decisions", "Automatic decisions that blind audits contradict, weighted."),
    "learning_acceleration": ("Learning acceleration", "How many fewer labels are needed than by drawing at random."),
}
_INTERVALS: Final = (("low", "high"), ("automatic_accuracy_low", "automatic_accuracy_high"))
_SAID_ELSEWHERE: Final = frozenset({name for pair in _INTERVALS for name in pair} | {"lower_bound", "confidence"})


class Figure(NamedTuple):
    """One figure of a workflow; `verdict` is met, not met, or not measured yet."""

    key: str
    name: str
    what: str
    value: str
    target: str
    verdict: str
    why: str  # why there is no value; empty when there is one
    interval: str  # in words; empty where none is known
    details: Sequence[tuple[str, str]]
    chart: Bullet
    told: str  # the chart in a sentence


class Series(NamedTuple):
    """A figure over the last hours: its chart, and the same numbers for a table."""

    key: str
    name: str
    unit: str
    chart: LineChart
    numbers: Sequence[tuple[int, str]]  # start of the hour in milliseconds, and the value
    ends: tuple[str, str]  # what lies at the bottom and at the top
    told: str


class OfWorkflow(NamedTuple):
    """All figures of one workflow."""

    name: str
    figures: Sequence[Figure]
    met: int
    missed: int
    unmeasured: int
    series: Sequence[Series]


class Shown(NamedTuple):
    """The page: how fresh it is, and each workflow."""

    fresh: str
    is_old: bool
    workflows: Sequence[OfWorkflow]
    unrouted: Sequence[str]  # names that only dead letters and the like bring
    since: int
    until: int


def shown(whole: Answer, hours: Answer, *, now: int) -> Shown:
    """Of all time with a chart each, and of the last hours as series; `now` in milliseconds."""
    until = now - now % HOUR + HOUR
    since = until - HOURS * HOUR
    found = {name: each for window in whole.windows for name, each in window.workflows.items()}
    routed = {name: each.kpis for name, each in found.items() if each.system.routed or each.system.decided}
    return Shown(
        fresh=fresh_text(whole.as_of),
        is_old=whole.as_of.stale_seconds is None or whole.as_of.stale_seconds > OLD,
        workflows=[_of(name, kpis, hours.windows, since, until) for name, kpis in sorted(routed.items())],
        unrouted=sorted(found.keys() - routed.keys()),
        since=since,
        until=until,
    )


def fresh_text(as_of: AsOf) -> str:
    """How far the view is behind the log."""
    if as_of.complete_at is None or as_of.stale_seconds is None:
        return "The figures are still being read from the log."
    return f"As of {moment(as_of.complete_at)}, {span(as_of.stale_seconds)} behind the log."


def figure(key: str, kpi: Kpi) -> Figure:
    """One figure as it is shown."""
    name, what = NAMES[key]
    value, interval = finite(kpi.value), interval_of(kpi)
    verdict = "not measured yet" if value is None else "met" if kpi.met else "not met"
    known = "" if interval is None else interval_text(interval, kpi)
    why = "" if value is not None else f"Not measured yet, because {kpi.why_not or 'its value is no number'}."
    return Figure(
        key=key,
        name=name,
        what=what,
        value="" if value is None else value_text(kpi),
        target=kpi.target,
        verdict=verdict,
        why=why,
        interval=known,
        details=_details(kpi),
        chart=bullet(value, target_in(kpi.target, kpi.unit), kpi.unit, interval),
        told=f"{name}: {value_text(kpi) if value is not None else 'no value'}, target {kpi.target}, {verdict}"
        + (f"; {known}" if known else ""),
    )


def interval_of(kpi: Kpi) -> tuple[float, float] | None:
    """The interval that belongs to a figure; a lower bound reaches up to 1."""
    for low, high in _INTERVALS:
        found = kpi.details.get(low), kpi.details.get(high)
        if isinstance(found[0], int | float) and isinstance(found[1], int | float):
            return float(found[0]), float(found[1])
    bound = kpi.details.get("lower_bound")
    return (float(bound), 1.0) if isinstance(bound, int | float) else None


def interval_text(interval: tuple[float, float], kpi: Kpi) -> str:
    """With 95 % confidence, in words."""
    low, high = (amount_text(each, kpi.unit) for each in interval)
    said = f"at least {low}" if "lower_bound" in kpi.details else f"between {low} and {high}"
    whose = "automatic decisions alone: " if "automatic_accuracy_low" in kpi.details else ""
    return f"{whose}{said}, with 95 % confidence"


def _of(name: str, kpis: Kpis, windows: Sequence[WindowFigures], since: int, until: int) -> OfWorkflow:
    figures = [figure(key, kpi) for key, kpi in msgspec.structs.asdict(kpis).items()]
    verdicts = [each.verdict for each in figures]
    series = [_series(each, name, windows, since, until) for each in figures]
    return OfWorkflow(
        name=name,
        figures=figures,
        met=verdicts.count("met"),
        missed=verdicts.count("not met"),
        unmeasured=verdicts.count("not measured yet"),
        series=[each for each in series if each is not None],
    )


def _series(
    of: Figure, workflow: str, windows: Sequence[WindowFigures], since: int, until: int
) -> Series | None:
    """None when no hour has a value."""
    found: dict[int, Kpi] = {
        window.start: getattr(window.workflows[workflow].kpis, of.key)
        for window in windows
        if window.start is not None and since <= window.start < until and workflow in window.workflows
    }
    values = {at: value for at, kpi in found.items() if (value := finite(kpi.value)) is not None}
    if not values:
        return None
    unit = next(iter(found.values())).unit
    target: Target = target_in(of.target, unit)
    # Every hour is a point, so that hours without a value are a gap and not a slope.
    chart = line([(at, values.get(at)) for at in range(since, until, HOUR)], target, since=since, until=until - HOUR)
    last = max(values)
    return Series(
        key=of.key,
        name=of.name,
        unit=unit,
        chart=chart,
        numbers=[(at, amount_text(values[at], unit)) for at in sorted(values)],
        ends=(amount_text(chart.low, unit), amount_text(chart.high, unit)),
        told=f"{of.name} by hour: {len(values)} of the last {HOURS} hours have a value; the last one, of "
        f"{moment(last)}, is {amount_text(values[last], unit)}; target {of.target}",
    )


def _details(kpi: Kpi) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
        for name, value in kpi.details.items()
        if name not in _SAID_ELSEWHERE
    ]
