"""`hitl audit`: what happened, whether it adds up, and the log as files."""

import time
from collections.abc import Iterable
from contextlib import closing, nullcontext
from functools import reduce
from pathlib import Path
from typing import BinaryIO, Final

import click
import msgspec

from consumers.audit.export import (
    ExportImpossible,
    FeedbackRow,
    Form,
    OutcomeRow,
    event_line,
    feedback_row,
    form_of,
    outcome_row,
    row_lines,
)
from consumers.audit.ledger import IsGold, known_by, nobody_knows
from consumers.audit.reading import EVERY_TOPIC, AuditLog, open_audit_log
from consumers.audit.report import REPORTED_TOPICS, Report, report
from consumers.audit.show import report_text, story_text, verdict_text
from infra.cli.files import whole_file
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.cli.ranges import FiniteRange
from infra.errors import HitlError, SettingsInvalid
from infra.kafka.scan import Entry, Progress
from infra.redis.reading import connect as connect_model
from infra.secret_keys import secrets
from infra.settings import Settings, load_settings
from schemas.codec import Codec
from schemas.topics import FEEDBACK, OUTCOMES, POLICIES
from streams.casework.sealing import Sealer
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies, policy_of
from streams.workflow.telling import told_by

LOOK_AGAIN: Final = 1.0  # seconds between two accounts while waiting
wait_option = click.option(
    "--wait",
    type=FiniteRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Look again until it adds up, at most this long: work may be under way.",
)


class RequestUnknown(HitlError):
    """No record of the log is about this request; check the id."""


@click.group(cls=CommandGroup)
def audit() -> None:
    """Show what happened to a request, check that nothing is lost or double, export the log."""


@audit.command(name="show")
@click.argument("request_id")
@json_option
@click.option("--from-log", is_flag=True, help="Read the log from its beginning, and ask the read model nothing.")
def show_request(request_id: str, from_log: bool, as_json: bool) -> None:
    """Tell the story of one request: states, who decided what, and why."""
    settings = load_settings()
    with open_audit_log(settings) as log:
        entries = None if from_log else traced(log, request_id, settings, as_json=as_json)
        if entries is None:
            with progress_bar("reading", as_json=as_json) as progress:
                entries = log.about(request_id, progress=progress)
    told = told_by(entries)
    if told is None:
        raise RequestUnknown(f"No record of the log is about the request {request_id!r}; check the id.")
    shown = msgspec.structs.asdict(told.story) | {"records": told.records}
    show(shown, as_json=as_json, text=lambda: story_text(told))


def traced(log: AuditLog, request_id: str, settings: Settings, *, as_json: bool) -> list[Entry] | None:
    """What the read model knows of it; None, and why not, where the log must be read."""
    with closing(connect_model(settings)) as model:
        found = log.traced(request_id, model)
    if isinstance(found, str):
        note(f"{found} So the log is read from its beginning …", as_json=as_json)
        return None
    return found


@audit.command(name="reconcile")
@wait_option
@json_option
def reconcile_log(wait: float, as_json: bool) -> int:
    """Account for every request from the topics alone; exit 1 when anything is missing, double or foreign."""
    made = reported(wait, as_json=as_json)
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
    with nullcontext() if output is None else whole_file(output) as out:
        made = reported(wait, as_json=as_json)
        if out is not None:
            out.write(msgspec.json.format(msgspec.json.encode(made), indent=2))
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
    with (
        whole_file(file) as out,
        open_audit_log(load_settings()) as log,
        progress_bar("exporting", as_json=as_json) as progress,
    ):
        rows = write_rows(out, log, what, form, workflow=workflow, progress=progress)
    if file != "-":
        show({"file": file, "rows": rows}, as_json=as_json, text=f"{rows:,} rows in {file}")


def write_rows(
    out: BinaryIO, log: AuditLog, what: str, form: Form, *, workflow: str | None, progress: Progress | None = None
) -> int:
    """Write what is asked for; how many rows. Raises `WorkflowUnknown` when the log has nothing of that workflow."""
    topics = {"outcomes": (OUTCOMES.name,), "feedback": (FEEDBACK.name,), "all": EVERY_TOPIC}[what]
    entries = _of_workflow(log.read(topics, progress=progress), workflow)
    rows = -int(form is Form.CSV)  # the header is none
    for line in _lines(entries, what, form, log.codec):
        out.write(line)
        rows += 1
    if workflow is not None and rows == 0:
        policy_of(_policies(log), workflow)
    return rows


def reported(wait: float, *, as_json: bool) -> Report:
    """The account of the log, again until it adds up or `wait` seconds have passed."""
    deadline, settings = time.monotonic() + wait, load_settings()
    is_gold = is_gold_by(settings, as_json=as_json)
    with open_audit_log(settings) as log:
        while True:
            made = _account(log, is_gold, as_json=as_json)
            if made.reconciliation.reconciled or time.monotonic() >= deadline:
                return made
            note(f"{made.reconciliation.missing:,} requests are not decided yet …", as_json=as_json)
            time.sleep(LOOK_AGAIN)


def is_gold_by(settings: Settings, *, as_json: bool) -> IsGold:
    """By the seal key where this auditor holds it; else answered questions alone are known for what they are."""
    try:
        return known_by(Sealer(secrets(settings).seal_key))
    except SettingsInvalid as error:
        note(f"Open questions whose answer is known count as foreign cases here: {error}", as_json=as_json)
        return nobody_knows


def _account(log: AuditLog, is_gold: IsGold, *, as_json: bool) -> Report:
    with progress_bar("reading the log", as_json=as_json) as progress:
        entries = log.read(REPORTED_TOPICS, progress=progress)
        return report(entries, partitions=log.partitions, window=log.window, is_gold=is_gold)


def _lines(entries: Iterable[Entry], what: str, form: Form, codec: Codec) -> Iterable[bytes]:
    match what:
        case "outcomes":
            return row_lines(filter(None, map(outcome_row, entries)), OutcomeRow, form)
        case "feedback":
            return row_lines(filter(None, (feedback_row(each, codec) for each in entries)), FeedbackRow, form)
        case _:
            return map(event_line, entries)


def _policies(log: AuditLog) -> Policies:
    events = (entry.event for entry in log.read([POLICIES.name]) if entry.event is not None)
    return reduce(fold_policies, events, NO_POLICIES)


def _of_workflow(entries: Iterable[Entry], workflow: str | None) -> Iterable[Entry]:
    return (each for each in entries if workflow is None or getattr(each.event, "workflow", None) == workflow)


def _counts(workflow: object) -> dict[str, object]:
    plain = msgspec.to_builtins(workflow)
    return {name: value for name, value in plain.items() if name not in ("kpis", "automation")}
