"""`hitl publish`: a file of rows becomes requests, and every line that does not is named."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.errors import HitlError
from infra.kafka.client import connect
from infra.kafka.log import Log
from infra.settings import load_settings
from producers.gateway.columns import columns_for
from producers.gateway.policies import policies_in_force
from producers.gateway.publisher import Published, RequestPublisher, publish_lines
from producers.gateway.rows import Format, format_of, read_rows, requests_of
from schemas.codec import Codec
from streams.workflow.types import WorkflowType

SHOWN = 20  # refused lines that people are shown; --json has all


class WorkflowUnknown(HitlError):
    """No policy is published for this workflow."""


@click.command()
@click.argument("file")
@click.option("--workflow", required=True, help="Name of the workflow type that decides these requests.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column is which field; repeatable.")
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME[:TYPE][=COLUMN]",
    help="A plain fact that rules may read; TYPE is text, number or flag. Repeatable.",
)  # fmt: skip
@click.option("--features", metavar="COLUMN,…", help="Number columns, in order, for models on vectors.")
@click.option("--derive-ids", is_flag=True, help="Derive request ids from the content of each row.")
@click.option("--format", "form", type=click.Choice([*Format]), help="Of FILE; by its name if not given.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second; unlimited if not given.")
@click.option("--source", default="hitl publish", show_default=True, help="Who asks, as the requests will say.")
@click.option("--allow-refused", is_flag=True, help="Exit 0 even when lines were refused.")
@json_option
def publish(
    file: str, workflow: str, maps: Sequence[str], attributes: Sequence[str], features: str | None, derive_ids: bool,
    form: str | None, rate: float | None, source: str, allow_refused: bool, as_json: bool,
) -> int:  # fmt: skip
    """Publish the rows of FILE (CSV, TSV, JSONL; - for standard input) as requests; exit 1 if lines were refused.

    Columns request_id or id, and the workflow's text field, are found by name; all other columns become fields of the
    payload. `--map text=body` takes the text from the column body.
    """
    log = connect(load_settings())
    codec = Codec.of_repository()
    publisher: RequestPublisher | None = None
    try:
        kind = workflow_type(log, codec, workflow)
        columns = partial(
            columns_for, workflow=workflow, text_field=kind.text_field, needs_text=kind.featurizer == "text",
            maps=maps, attributes=attributes, features=tuple(filter(None, (features or "").split(","))),
            derive_ids=derive_ids, source=source,
        )  # fmt: skip
        with opened(file) as lines, progress_bar(f"publishing {file}", as_json=as_json) as progress:
            header, rows = read_rows(lines, Format(form) if form else format_of(file))
            requests = requests_of(rows, header, columns)
            publisher = RequestPublisher(log, codec)
            made = publish_lines(publisher, requests, rate=rate, progress=lambda done: progress(done, None))
    except HitlError:
        if publisher is not None and publisher.acknowledged + publisher.unconfirmed:
            note(acknowledged_text(publisher), as_json=as_json)
        raise
    finally:
        if publisher is not None:
            publisher.close()
        log.close()
    shown = {"published": made.published, "refused": [refused._asdict() for refused in made.refused]}
    show(shown, as_json=as_json, text=lambda: published_text(made, workflow))
    return 1 if made.refused and not allow_refused else 0


def workflow_type(log: Log, codec: Codec, name: str) -> WorkflowType:
    """The workflow type in force. Raises `WorkflowUnknown`, naming those that are."""
    policies = policies_in_force(log, codec).policies
    if name not in policies:
        known = ", ".join(sorted(policies)) or "none"
        raise WorkflowUnknown(
            f"no policy is published for the workflow {name!r} (published: {known}); "
            "write its TOML file and run `hitl policy publish FILE`."
        )
    return policies[name].workflow_type


@contextmanager
def opened(file: str) -> Iterator[Iterable[bytes]]:
    """The lines of a file or of standard input. Raises `HitlError` when there is none."""
    if file == "-":
        yield sys.stdin.buffer
        return
    if not Path(file).exists() or Path(file).is_dir():
        raise HitlError(f"there is no file {file}; check the name.")
    with Path(file).open("rb") as stream:
        yield stream


def published_text(made: Published, workflow: str) -> str:
    """How much was published, and the first refused lines with their reasons."""
    lines = [f"line {refused.line}: {refused.reason}" for refused in made.refused[:SHOWN]]
    if len(made.refused) > SHOWN:
        lines.append(f"… and {len(made.refused) - SHOWN:,} more; --json lists all")
    lines.append(f"{made.published:,} requests published to {workflow}, {len(made.refused):,} lines refused")
    return "\n".join(lines)


def acknowledged_text(publisher: RequestPublisher) -> str:
    """What is certain when publishing broke off."""
    return (
        f"{publisher.acknowledged:,} requests are certainly in the log, {publisher.unconfirmed:,} may be. "
        "Publishing the same file again within the hour is safe: repeats are dropped."
    )
