"""`hitl cases watch`: every change of a case as it happens."""

import time
from collections.abc import Iterator

import click
import msgspec

from infra.cli.cluster import opened
from infra.cli.times import Span
from infra.kafka.log import Log
from infra.kafka.scan import Entry, ends_of, scan
from infra.kafka.topic_reading import read
from producers.desk.caller import Caller, as_caller
from producers.desk.cases import open_cases
from producers.desk.watching import InHand, for_machines, for_people, held_by
from schemas.codec import Codec
from schemas.topics import ASSIGNMENTS, CASES


@click.command(name="watch")
@click.option("--mine", is_flag=True, help="Only what you do, and what happens to cases that you have.")
@click.option("--workflow", help="Only this workflow.")
@click.option("--for", "span", type=Span(), help="End after so long: 90s, 15m, 2h; until Ctrl-C if not given.")
@as_caller
def watch_cases(mine: bool, workflow: str | None, span: float | None, caller: Caller) -> None:
    """Print each change of a case as it happens, in a sentence; with --json one object a line."""
    line = _json_line if caller.as_json else for_people
    try:
        with opened() as (log, codec):
            for entry in changes(log, codec, span, of=caller.reviewer_id if mine else None):
                if workflow in (None, getattr(entry.event, "workflow", None)):
                    click.echo(line(entry))
    except KeyboardInterrupt:  # how one ends it
        return


def changes(log: Log, codec: Codec, span: float | None, *, of: str | None) -> Iterator[Entry]:
    """Changes from now on, for that many seconds or for ever; `of` one person, or of everybody."""
    ends = None if span is None else time.monotonic() + span
    places = ends_of(log, [ASSIGNMENTS.name])
    hand = None if of is None else InHand(of, held_by(of, open_cases(scan(log, codec, [CASES.name]))))
    for entry in read(log, codec, places, follow=True, over=lambda: ends is not None and time.monotonic() > ends):
        if entry.event is not None and (hand is None or hand.concerns(entry.event)):
            yield entry


def _json_line(entry: Entry) -> str:
    return msgspec.json.encode(for_machines(entry)).decode()
