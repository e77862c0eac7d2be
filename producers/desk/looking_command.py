"""`hitl cases list` and `show`: what waits, and one case with everything that a person may know of it."""

from collections.abc import Sequence

import click

from infra.cli.cluster import opened
from infra.cli.output import json_option, show
from infra.cli.progress import progress_bar
from infra.kafka.running import wall
from infra.kafka.scan import scan
from producers.desk.cases import open_cases, queue, request_in
from producers.desk.finding import open_case
from producers.desk.shown import PRIORITIES, case_for_machines, case_text, queue_text
from schemas.topics import CASES
from schemas.values import Priority


@click.command(name="list")
@click.option("--workflow", help="Only this workflow.")
@click.option("--priority", type=PRIORITIES, help="Only this priority.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="The first so many.")
@json_option
def list_cases(workflow: str | None, priority: str | None, limit: int, as_json: bool) -> None:
    """Show open cases, the most urgent first: priority, age, time left, who has it, what it needs, the model's view."""
    with opened() as (log, codec), progress_bar("reading cases", as_json=as_json) as progress:
        found = {case.request_id: case for case in open_cases(scan(log, codec, [CASES.name], progress=progress))}
    wanted = Priority(priority) if priority else None
    waiting = queue(found.values(), now=wall(), workflow=workflow, priority=wanted)

    def text() -> str:
        shown = [(each, request_in(found[each.request_id], codec)) for each in waiting[:limit]]
        return queue_text(shown, total=len(waiting))

    show({"open": len(waiting), "cases": waiting[:limit]}, as_json=as_json, text=text)


@click.command(name="show")
@click.argument("request_id")
@json_option
def show_case(request_id: str, as_json: bool) -> None:
    """Show one open case: the content, the recommendation (unless it is blind), why it came, and what can be said."""
    with opened() as (log, codec):
        case = open_case(log, codec, request_id)
    request = request_in(case, codec)
    show(case_for_machines(case, request), as_json=as_json, text=lambda: case_text(case, request, now=wall()))


LOOKING: Sequence[click.Command] = (list_cases, show_case)
