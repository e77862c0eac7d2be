"""`hitl dead-letters`: what could not be processed, why, and sending it again once the cause is mended."""

import base64
import getpass
import uuid
from collections.abc import Sequence
from contextlib import closing

import click
import msgspec

from infra.cli.cluster import opened
from infra.cli.groups import CommandGroup
from infra.cli.moments import moment
from infra.cli.output import json_option, show
from infra.cli.progress import progress_bar
from infra.cli.tables import rendered, table
from infra.kafka.letters import Letter, NoDeadLetter, NotReplayable, described, letters, place_in
from infra.kafka.log import Log
from infra.kafka.replaying import send_again
from infra.kafka.running import wall
from infra.kafka.scan import Entry, scan
from infra.kafka.writing import Writer
from schemas.codec import Codec
from schemas.events import DeadLettered
from schemas.topics import DEAD_LETTERS

Buried = dict[tuple[int, int], tuple[Entry, DeadLettered]]
PREVIEW = 2_000  # bytes of a body that people are shown


@click.group(cls=CommandGroup, name="dead-letters")
def dead_letters() -> None:
    """List, show and replay records that could not be processed."""


@dead_letters.command(name="list")
@click.option("--stage", help="Only what this stage could not process.")
@click.option("--reason", help="Only this reason.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The newest so many.")
@json_option
def list_letters(stage: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """Show what could not be processed, the newest last."""
    with opened() as (log, codec), progress_bar("reading", as_json=as_json) as progress:
        entries = scan(log, codec, [DEAD_LETTERS.name], progress=progress)
        found = sorted(letters(entries, stage=stage, reason=reason), key=lambda letter: letter.dead_lettered_at)
    show(found[-limit:], as_json=as_json, text=lambda: letters_text(found, limit))


@dead_letters.command(name="show")
@click.argument("place", metavar="PARTITION:OFFSET")
@json_option
def show_letter(place: str, as_json: bool) -> None:
    """Show one dead letter with its original record."""
    at = place_in(place)
    with opened() as (log, codec):
        entry, dead = found_at(buried(log, codec), at)
    letter = described(entry, dead)
    body = dead.original_value
    shown = msgspec.to_builtins(letter) | {
        "original_key": None if dead.original_key is None else base64.b64encode(dead.original_key).decode(),
        "original_value": None if body is None else base64.b64encode(body).decode(),
        "original_sha256": dead.original_sha256.hex(),
    }
    show(shown, as_json=as_json, text=lambda: letter_text(letter, dead))


@dead_letters.command(name="replay")
@click.argument("places", nargs=-1, required=True, metavar="PARTITION:OFFSET…")
@click.option("--by", default=getpass.getuser, help="Who does it (default: your user name).")
@json_option
def replay_letters(places: Sequence[str], by: str, as_json: bool) -> int:
    """Send original records again, unchanged, to the topics they came from; exit 1 when one cannot be."""
    wanted = {place: place_in(place) for place in places}
    sent: list[dict[str, str]] = []
    refused: list[dict[str, str]] = []
    with opened() as (log, codec):
        known = buried(log, codec)
        chosen = {place: found_at(known, at) for place, at in wanted.items()}
        with closing(Writer(log.options, codec)) as writer:
            for place, (entry, dead) in chosen.items():
                name = f"replay:{uuid.uuid4().hex}:{place}"
                match send_again(writer, entry.coordinates, dead, who=by, event_id=name, now=wall()):
                    case NotReplayable(why):
                        refused.append({"place": place, "reason": why})
                    case told:
                        sent.append({"place": place, "topic": told.sent.topic})
    said = [f"{each['place']} sent to {each['topic']} again" for each in sent]
    said += [f"{each['place']} cannot be sent again: {each['reason']}" for each in refused]
    show({"replayed": sent, "refused": refused}, as_json=as_json, text="\n".join(said))
    return 1 if refused else 0


def buried(log: Log, codec: Codec) -> Buried:
    """All dead letters by partition and offset."""
    entries = scan(log, codec, [DEAD_LETTERS.name])
    return {(x.partition, x.offset): (x, x.event) for x in entries if isinstance(x.event, DeadLettered)}


def found_at(known: Buried, at: tuple[int, int]) -> tuple[Entry, DeadLettered]:
    """The dead letter at a partition and offset. Raises `NoDeadLetter`."""
    if at not in known:
        place = f"{at[0]}:{at[1]}"
        raise NoDeadLetter(f"there is no dead letter at {place}; `hitl dead-letters list` shows where they are.")
    return known[at]


def letters_text(found: Sequence[Letter], limit: int) -> str:
    """The newest dead letters as a table."""
    if not found:
        return "there are no dead letters"
    rows = [
        (
            *(letter.place, moment(letter.dead_lettered_at), letter.stage, letter.reason),
            *(letter.request_id, f"{letter.origin.topic}[{letter.origin.partition}]@{letter.origin.offset}"),
            letter.detail,
        )
        for letter in found[-limit:]
    ]
    left_out = f"{len(found) - limit:,} older ones are not shown" if len(found) > limit else ""
    titles = ("place", "time", "stage", "reason", "request", "origin", "detail")
    return rendered(table(titles, rows), left_out).rstrip()


def letter_text(letter: Letter, dead: DeadLettered) -> str:
    """One dead letter, its body as far as it is text."""
    body = dead.original_value
    shown = "not kept" if body is None else body[:PREVIEW].decode(errors="backslashreplace")
    rows = [
        ("stage", letter.stage), ("reason", letter.reason), ("detail", letter.detail),
        ("origin", f"{letter.origin.topic}[{letter.origin.partition}]@{letter.origin.offset}"),
        ("workflow", letter.workflow), ("request", letter.request_id),
        ("size", f"{letter.size:,} bytes"), ("sha256", dead.original_sha256.hex()), ("body", shown),
    ]  # fmt: skip
    return rendered(table(("dead letter", letter.place), rows))
