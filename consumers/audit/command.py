"""`hitl audit` and `hitl kpis`: what happened, whether it adds up, and the log as files."""

import os
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from consumers.audit.export import ExportImpossible, event_line, feedback_row, form_of, outcome_row, row_lines
from consumers.audit.reading import EVERY_TOPIC, AuditLog, open_audit_log
from consumers.audit.report import REPORTED_TOPICS, Report, report
from consumers.audit.show import kpis_text, report_text, story_text, told_by, verdict_text
from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.errors import HitlError
from infra.kafka.scan import Entry
from infra.settings import load_settings
from schemas.topics import FEEDBACK, OUTCOMES

LOOK_AGAIN: Final = 1.0  # seconds between two accounts while waiting
wait_option = click.option(
    "--wait",
    default=0.0,
    metavar="SECONDS",
    help="Look again until it adds up, at most this long: work may be under way.",
)


class RequestUnknown(HitlError):
    """No record of the log is about this request; check the id."""


@click.group()
def audit() -> None:
    """Show what happened to a request, check that nothing is lost or double, export the log."""


@audit.command(name="show")
@click.argument("request_id")
@json_option
def show_request(request_id: str, as_json: bool) -> None:
    """Tell the story of one request: states, who decided what, and why."""
    settings = load_settings()
    with open_audit_log(settings) as log, progress_bar("reading", as_json=as_json) as progress:
        entries = log.about(request_id, progress=progress)
    told = told_by(entries)
    if told is None:
        raise RequestUnknown(f"No record of the log is about the request {request_id!r}; check the id.")
    shown = msgspec.structs.asdict(told.story) | {"records": told.records}
    show(shown, as_json=as_json, text=lambda: story_text(told))


@audit.command(name="reconcile")
@wait_option
@json_option
def reconcile_log(wait: float, as_json: bool) -> int:
    """Account for every request from the topics alone; exit 1 when anything is missing, double or foreign."""
    made = _report(wait, as_json=as_json)
    show(
        {"reconciliation": made.reconciliation, "workflows": {n: _counts(w) for n, w in made.workflows.items()}},
        as_json=as_json,
        text=lambda: verdict_text(made),
    )
    return 0 if made.reconciliation.reconciled else 1


@audit.command(name="report")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON to this file, too.")
@wait_option
@json_option
def write_report(output: Path | None, wait: float, as_json: bool) -> int:
    """Counts, figures and reconciliation in one document; exit 1 when the log does not add up."""
    made = _report(wait, as_json=as_json)
    if output is not None:
        write_whole(output, [msgspec.json.format(msgspec.json.encode(made), indent=2)])
    show(made, as_json=as_json, text=lambda: report_text(made))
    return 0 if made.reconciliation.reconciled else 1


@audit.command(name="export")
@click.argument("file")
@click.option("--outcomes", "what", flag_value="outcomes", help="Every decision with its grounds.")
@click.option("--feedback", "what", flag_value="feedback", help="Every label, with the payload it is about.")
@click.option("--all", "what", flag_value="all", help="Every record of every topic, as JSON lines.")
@click.option("--workflow", help="Only this workflow.")
@json_option
def export_log(file: str, what: str | None, workflow: str | None, as_json: bool) -> None:
    """Write outcomes, labels or all events to FILE (.csv or .jsonl; - for standard output as JSON lines)."""
    if what is None:
        raise ExportImpossible("say what to export: --outcomes, --feedback or --all.")
    form = form_of(file, events=what == "all")
    topics = {"outcomes": (OUTCOMES.name,), "feedback": (FEEDBACK.name,), "all": EVERY_TOPIC}[what]
    with open_audit_log(load_settings()) as log, progress_bar("exporting", as_json=as_json) as progress:
        entries = _of_workflow(log.read(topics, progress=progress), workflow)
        if what == "all":
            written = write_whole(file, map(event_line, entries))
        else:
            row_of = outcome_row if what == "outcomes" else partial(feedback_row, codec=log.codec)
            written = write_whole(file, row_lines(entries, row_of, form))
    header = int(form == "csv" and written > 0)
    if file != "-":
        show({"file": file, "rows": written - header}, as_json=as_json, text=f"{written - header:,} rows in {file}")


@click.command()
@json_option
def kpis(as_json: bool) -> None:
    """Show the figures of every workflow against their targets; what is not measured says why."""
    made = _report(0.0, as_json=as_json)
    show({n: w.kpis for n, w in made.workflows.items() if w.kpis}, as_json=as_json, text=lambda: kpis_text(made))


def write_whole(file: Path | str, lines: Iterable[bytes]) -> int:
    """Write all lines or, if anything fails, nothing; how many."""
    written = 0
    if file == "-":
        for line in lines:
            sys.stdout.buffer.write(line)
            written += 1
        sys.stdout.buffer.flush()
        return written
    target = Path(file)
    if not target.absolute().parent.is_dir():
        raise ExportImpossible(f"there is no folder {target.absolute().parent}; make it first.")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("wb") as out:
            for line in lines:
                out.write(line)
                written += 1
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return written


def _report(wait: float, *, as_json: bool) -> Report:
    deadline = time.monotonic() + wait
    with open_audit_log(load_settings()) as log:
        while True:
            made = _account(log, as_json=as_json)
            if made.reconciliation.reconciled or time.monotonic() >= deadline:
                return made
            note(f"{made.reconciliation.missing:,} requests are not decided yet …", as_json=as_json)
            time.sleep(LOOK_AGAIN)


def _account(log: AuditLog, *, as_json: bool) -> Report:
    with progress_bar("reading the log", as_json=as_json) as progress:
        return report(
            log.read(REPORTED_TOPICS, progress=progress), partitions=log.partitions, window=log.window
        )


def _of_workflow(entries: Iterable[Entry], workflow: str | None) -> Iterable[Entry]:
    return (each for each in entries if workflow is None or getattr(each.event, "workflow", None) == workflow)


def _counts(workflow: object) -> dict[str, object]:
    plain = msgspec.to_builtins(workflow)
    return {name: value for name, value in plain.items() if name != "kpis"}
