"""`hitl desk access`: who came in, who was refused, and what people did there beyond the cases themselves."""

import click

from infra.cli.cluster import opened
from infra.cli.output import json_option, show
from infra.cli.progress import progress_bar
from infra.cli.tables import rendered, table
from infra.cli.times import Span
from infra.kafka.running import wall
from infra.kafka.scan import scan
from producers.desk.access.listing import TITLES, for_machines, for_people, told_in
from schemas.topics import ACCESS


@click.command(name="access")
@click.option("--person", help="Only this person; of refusals those of whom the desk knew who they were.")
@click.option("--since", "span", type=Span(), help="Only of the last so long: 90s, 15m, 2h.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@json_option
def list_access(person: str | None, span: float | None, limit: int, as_json: bool) -> None:
    """List sign-ins, refusals, sessions ended, looks at sealed things and other deeds, the newest last."""
    since = None if span is None else wall() - round(span * 1_000)
    with opened() as (log, codec), progress_bar("reading", as_json=as_json) as progress:
        entries = scan(log, codec, [ACCESS.name], progress=progress)
        found = list(told_in(entries, person=person, since=since))
    left_out = f"{len(found) - limit:,} older ones are not shown" if len(found) > limit else ""

    def text() -> str:
        if not found:
            return "nothing is on record"
        return rendered(table(TITLES, [for_people(told) for told in found[-limit:]]), left_out).rstrip()

    show([for_machines(told) for told in found[-limit:]], as_json=as_json, text=text)
