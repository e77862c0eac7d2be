"""The story of one request and the account of a log, as values and as text."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from rich.table import Table

from consumers.audit.appeals import Appealed, Overturned
from consumers.audit.automation import automation_text
from consumers.audit.report import Report, WorkflowReport
from infra.cli.moments import clock, iso
from infra.cli.tables import rendered, table
from streams.insights.kpis import Kpi, Kpis
from streams.insights.wording import value_text
from streams.workflow.story import GoldTrack
from streams.workflow.telling import Told

COUNTED: Final = (
    "requests", "outcomes", "automatic", "reviewed", "expert", "open_cases", "open_audits", "audits",
    "amended", "upheld", "open_second_looks", "gold_cases", "duplicates",
    "late_repeats", "dead_letters", "refused", "retrainings", "promotions", "refusals",
)  # fmt: skip


def story_text(told: Told) -> str:
    """Where the request stands, how it came there, and what happened when."""
    story = told.story
    day = iso(story.created_at)[:10]
    standing = f"{story.state}" + (f", {story.status}" if story.status else "") + f" ({story.progress:.0%})"
    head = f"Request {story.request_id} of {story.workflow or 'an unknown workflow'}, {day} UTC: {standing}"
    steps = [(clock(t.at), t.from_state, t.to_state, t.trigger) for t in story.transitions]
    events = [(clock(each.at), each.text) for each in story.timeline]
    known = [] if story.gold is None else [gold_text(story.gold)]
    return rendered(
        head, *known, table(("time", "from", "to", "trigger"), steps), table(("time", "what happened"), events),
        f"{len(told.records)} records of the log tell this; --json names them",
    )  # fmt: skip


def gold_text(gold: GoldTrack) -> str:
    """Why there is no such request, and what a person made of it."""
    said = "as is right" if gold.agrees else f"where {gold.right_label} is right"
    return f"It is no request but the known question {gold.gold_id}: {gold.reviewer_id} answered {gold.label}, {said}."


def verdict_text(made: Report) -> str:
    """Counts by workflow and whether they add up."""
    names = list(made.workflows)
    rows = [(name, *(getattr(made.workflows[workflow], name) for workflow in names)) for name in COUNTED]
    return rendered(table(("", *names), rows), *conclusion(made))


def conclusion(made: Report) -> list[str]:
    """The verdict in sentences, problems first."""
    found = made.reconciliation
    lines = [
        f"  {each.kind}: {each.request_id or '?'} (requests[{each.partition}]@{each.offset}): {each.detail}"
        for each in found.problems
    ]
    state = "reconciled" if found.reconciled else "NOT reconciled"
    lines.append(
        f"{state}: {found.requests:,} records of requests, {found.missing:,} missing, {found.double:,} double, "
        f"{found.foreign:,} foreign, {found.audits_missing:,} audits missing, {found.cases_apart:,} cases apart"
    )
    if found.missing:
        lines.append("What is missing may still be under way: look again with --wait 30, or see `hitl status`.")
    return lines


def report_text(made: Report) -> str:
    """Figures of every workflow, then the account."""
    return kpis_text(made) + "\n" + verdict_text(made)


def kpis_text(made: Report) -> str:
    """Figures of every workflow against their targets, and why automation went as far as it did."""
    known = {name: workflow for name, workflow in made.workflows.items() if workflow.kpis is not UNSET}
    if not known:
        return "no request is in the log yet"
    tables = [kpi_table(name, workflow.kpis) for name, workflow in known.items()]
    return rendered(*tables, *why_text(known))


def why_text(workflows: Mapping[str, WorkflowReport]) -> list[str]:
    """Of each workflow what the model was sure of, what came of the rest, and how appeals ended."""
    why = [automation_text(name, each.automation) for name, each in workflows.items() if each.automation is not UNSET]
    return why + [appeals_text(name, each.appeals) for name, each in workflows.items() if each.appeals.all.judged]


def appeals_text(name: str, appeals: Appealed) -> str:
    """How many appeals changed the decision, and of whose decisions."""
    of = {"automation": appeals.automation, **appeals.people}
    parts = [f"{who} {_overturned(found)}" for who, found in of.items() if found.judged]
    return f"{name}: {_overturned(appeals.all)} appealed decisions were changed; of {'; of '.join(parts)}"


def _overturned(of: Overturned) -> str:
    rate, low, high = of.rate or 0, of.low or 0, of.high or 0
    return f"{of.amended:,} of {of.judged:,} ({rate:.1%}, with 95 % confidence {low:.1%}–{high:.1%})"


def kpi_rows(kpis: Kpis | UnsetType) -> list[tuple[str, str, str, str]]:
    """Name, value, target and remark of every figure."""
    if kpis is UNSET:
        return []
    return [
        (name.replace("_", " "), value_text(kpi), kpi.target, remark(kpi))
        for name, kpi in msgspec.structs.asdict(kpis).items()
    ]


def remark(kpi: Kpi) -> str:
    """Met or not, or why there is no value; then what belongs to it."""
    said = kpi.why_not or ("met" if kpi.met else "not met")
    known = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in kpi.details.items())
    return f"{said} ({known})" if known else said


def kpi_table(name: str, kpis: Kpis | UnsetType) -> Table:
    """The figures of one workflow."""
    return table(("figure", "value", "target", ""), kpi_rows(kpis), title=name)
