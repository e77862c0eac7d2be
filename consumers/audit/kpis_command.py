"""`hitl kpis`: the figures against their targets, from the view that runs, else from the log."""

import time
from typing import Final

import click
from rich.console import RenderableType

from consumers.audit.command import reported
from consumers.audit.show import kpi_table, kpis_text
from infra.cli.moments import moment, span
from infra.cli.output import json_option, note, show
from infra.cli.tables import rendered, table
from infra.settings import Settings, load_settings
from streams.insights.answers import Answer, AsOf, WindowFigures
from streams.insights.asking import InsightsAway, asked
from streams.insights.reading import ModelRow, SystemMetrics

LAST: Final = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}  # milliseconds
OLD: Final = 10.0  # seconds behind the log after which machines are told, too
LOOK_EVERY: Final = 2.0  # seconds between two pictures


@click.command()
@click.option("--window", type=click.Choice(["all", *LAST]), default="all", help="Only the last minute, hour or day.")
@click.option("--system", is_flag=True, help="Also queues, reviewers, models, and how fresh all of it is.")
@click.option("--watch", is_flag=True, help="Show them anew every two seconds, until Ctrl-C.")
@click.option("--from-log", is_flag=True, help="Compute them from the whole log instead of asking the view that runs.")
@json_option
def kpis(window: str, system: bool, watch: bool, from_log: bool, as_json: bool) -> None:
    """Show the figures of every workflow against their targets; what is not measured says why."""
    needs_view = watch or system or window != "all"
    if from_log and needs_view:
        raise click.UsageError("--from-log reads the log once, whole: leave out --window, --system and --watch.")
    settings = load_settings()
    if from_log:
        _from_log(as_json=as_json)
        return
    try:
        _show(_answer(settings, window), system=system, as_json=as_json)
    except InsightsAway as error:
        if needs_view:
            raise
        note(f"{error} Reading the log instead.", as_json=as_json)
        _from_log(as_json=as_json)
        return
    try:
        while watch:
            time.sleep(LOOK_EVERY)
            answer = _answer(settings, window)
            if not as_json:
                click.clear()
            _show(answer, system=system, as_json=as_json)
    except KeyboardInterrupt:  # how one ends it
        return


def _from_log(*, as_json: bool) -> None:
    made = reported(0.0, as_json=as_json)
    show({n: w.kpis for n, w in made.workflows.items() if w.kpis}, as_json=as_json, text=lambda: kpis_text(made))


def _answer(settings: Settings, window: str) -> Answer:
    if window == "all":
        return asked(settings)
    now = time.time_ns() // 1_000_000
    return asked(settings, **{"from": now - LAST[window], "to": now})


def _show(answer: Answer, *, system: bool, as_json: bool) -> None:
    """As JSON by workflow, as it is from the log; with `system` the whole answer."""
    (figures,) = answer.windows
    if as_json and (answer.as_of.stale_seconds is None or answer.as_of.stale_seconds > OLD):
        note(fresh_text(answer.as_of))  # on standard error; --system tells it in the answer
    plain = {name: each.kpis for name, each in figures.workflows.items()}
    show(answer if system else plain, as_json=as_json, text=lambda: _text(figures, answer.as_of, system=system))


def _text(figures: WindowFigures, as_of: AsOf, *, system: bool) -> str:
    parts: list[RenderableType] = []
    for name, each in figures.workflows.items():
        parts.append(kpi_table(name, each.kpis))
        if system:
            parts.append(table(("of the system", "", ""), system_rows(each.system)))
    return rendered(*(parts or ["nothing is in the log of that time"]), fresh_text(as_of))


def fresh_text(as_of: AsOf) -> str:
    """How far the view is behind."""
    if as_of.complete_at is None or as_of.stale_seconds is None:
        return "the view is still being read from the log"
    applied = sum(offset + 1 for offset in as_of.positions.values())
    said = (
        f"as of {moment(as_of.complete_at)}, {span(as_of.stale_seconds)} ago, from the view (log offsets: {applied:,})"
    )
    return said + "; `hitl kpis --from-log` computes the same from the whole log, and says why"


def system_rows(system: SystemMetrics) -> list[tuple[str, str, str]]:
    """Name, value and remark of the figures beside the KPIs."""
    queue = ", ".join(f"{row.standing} {row.priority} {row.cases:,}" for row in system.queue)
    running = next((model for model in system.models if model.running), None)
    return [
        ("requests routed", f"{system.routed:,}", f"{system.automatic:,} automatic, {system.reviews:,} to reviewers, "
         f"{system.experts:,} to experts"),
        ("open cases", f"{system.open_cases:,}", queue),
        ("open audits", f"{system.open_audits:,}", f"{system.audits_drawn:,} drawn, {system.audits_expired:,} expired"),
        ("mean processing time", span(system.mean_processing_seconds), "from the request's arrival to its outcome"),
        ("escalations", f"{sum(system.escalations.values()):,}", _counts(system.escalations)),
        ("active reviewers", f"{system.active_reviewers:,}", f"{system.answers:,} answers ({system.gold_right:,} of "
         f"{system.gold_answers:,} known ones right), {system.refused_answers:,} refused, {system.forged:,} forged"),
        ("reviewers assessed", f"{len(system.people):,}", _suspected(system)),
        ("mean review time", span(system.mean_review_seconds), system.mean_review_why_not),
        ("deadlines kept", _share(system.sla_compliance), f"{system.in_time:,} in time, {system.late:,} late"),
        ("decisions overturned", _share(system.overturn_rate), f"{system.amended:,} amended, {system.upheld:,} upheld"),
        ("dead letters", f"{sum(system.dead_letters.values()):,}", _counts(system.dead_letters)),
        ("model", *_model(running)),
    ]  # fmt: skip


def _model(running: ModelRow | None) -> tuple[str, str]:
    if running is None:
        return "–", "none is promoted"
    agreement = f", people agree {running.agreement:.1%}" if running.agreement is not None else ""
    return running.digest[:12], f"version {running.version}, {running.blind_answers:,} blind answers{agreement}"


def _suspected(system: SystemMetrics) -> str:
    suspects = ", ".join(person.reviewer_id for person in system.people if person.suspect)
    return f"suspected of answering at random: {suspects}" if suspects else "nobody is suspected of answering at random"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
