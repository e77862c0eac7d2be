"""`hitl publish`: a file of rows becomes requests, and every line that does not is named."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import click

from infra.cli.cluster import opened
from infra.cli.files import lines_of
from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.cli.ranges import FiniteRange
from infra.errors import HitlError
from infra.kafka.log import Log
from producers.gateway.columns import check_options, columns_for
from producers.gateway.policies import policies_in_force
from producers.gateway.publisher import Published, RequestPublisher, publish_lines
from producers.gateway.rows import Format, format_of, read_rows, requests_of
from schemas.codec import Codec
from streams.workflow.policies import policy_of

FORMATS = click.Choice([form.value for form in Format], case_sensitive=False)
SHOWN = 20  # refused lines that people are shown; --json has all


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
@click.option("--format", "form", type=FORMATS, help="Of FILE; by its name if not given.")
@click.option("--rate", type=FiniteRange(min=0, min_open=True), help="Requests a second; unlimited if not given.")
@click.option("--source", default="hitl publish", show_default=True, help="Who asks, as the requests will say.")
@click.option("--allow-refused", is_flag=True, help="Exit 0 even when lines were refused.")
@json_option
def publish(
    file: str, workflow: str, maps: Sequence[str], attributes: Sequence[str], features: str | None, derive_ids: bool,
    form: str | None, rate: float | None, source: str, allow_refused: bool, as_json: bool,
) -> int:  # fmt: skip
    """Publish the rows of FILE (CSV, TSV, JSONL; - for standard input) as requests; exit 1 if lines were refused.

    Columns request_id or id, and the workflow's text field, are found by name; all other columns become fields of the
    payload, where a tabular model finds those that it reads. `--map text=body` takes the text from the column body.
    """
    check_options(maps, attributes)
    with lines_of(file) as lines:
        header, rows = read_rows(lines, Format(form) if form else format_of(file))  # before anybody waits for a broker
        with opened() as (log, codec):
            kind = policy_of(policies_in_force(log, codec).policies, workflow).workflow_type
            columns = partial(
                columns_for, workflow=workflow, text_field=kind.text_field, needs_text=kind.featurizer == "text",
                reads=kind.columns.names if kind.columns else (), maps=maps, attributes=attributes,
                features=tuple(filter(None, (features or "").split(","))), derive_ids=derive_ids, source=source,
            )  # fmt: skip
            requests = requests_of(rows, header, columns)
            with (
                publishing(log, codec, as_json=as_json) as publisher,
                progress_bar(f"publishing {file}", as_json=as_json) as progress,
            ):
                made = publish_lines(publisher, requests, rate=rate, progress=lambda done: progress(done, None))
    shown = {"published": made.published, "refused": [refused._asdict() for refused in made.refused]}
    show(shown, as_json=as_json, text=lambda: published_text(made, workflow))
    return 1 if made.refused and not allow_refused else 0


@contextmanager
def publishing(log: Log, codec: Codec, *, as_json: bool) -> Iterator[RequestPublisher]:
    """A publisher of requests; when it breaks off, a note says what is certain."""
    publisher = RequestPublisher(log, codec)
    try:
        yield publisher
    except HitlError:
        if publisher.acknowledged + publisher.unconfirmed:
            note(acknowledged_text(publisher), as_json=as_json)
        raise
    finally:
        publisher.close()


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
