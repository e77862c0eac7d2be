"""`hitl topics`: the catalogue, the cluster's topics compared with it, and the records in them."""

from itertools import islice
from typing import Any

import click
import msgspec

from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.kafka.acl_command import acl
from infra.settings import Settings, load_settings
from schemas.topics import TOPICS, Topic

DIFFERENT = 1  # exit status of a check that found something


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A topic of the catalogue in this installation; `offsets` counts records and markers, None when it is missing."""

    name: str
    key: str
    partitions: int
    events: list[str]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    kept: str
    max_value_bytes: int
    offsets: int | None


@click.group(cls=CommandGroup)
def topics() -> None:
    """List, create, check and read the topics of the catalogue, and say who may use them."""


topics.add_command(acl)


@topics.command(name="list")
@json_option
def list_topics(as_json: bool) -> None:
    """Show every topic of the catalogue: key, partitions, who writes and reads it, and how far it is filled."""
    settings = load_settings()
    rows = _rows(settings)
    show(rows, as_json=as_json, text=lambda: _table(rows))


@topics.command(name="apply")
@json_option
def apply_topics(as_json: bool) -> None:
    """Create missing topics and correct settings; never deletes, and says what must be done by hand."""
    from infra.cli.cluster import hinting  # here, as in `list`: loading a Kafka client takes its time
    from infra.kafka.topics import apply

    note("comparing the cluster with the catalogue …", as_json=as_json)
    settings = load_settings()
    with hinting(settings):
        applied = apply(settings)
    said = [f"created {name}" for name in applied.created] + [f"corrected {each}" for each in applied.corrected]
    said += [f"gave {applied.schemas} schemas their ids"] if applied.schemas else []
    show(applied, as_json=as_json, text="\n".join(said) or "nothing to do: all topics are as the catalogue says")


@topics.command(name="check")
@json_option
def check_topics(as_json: bool) -> int:
    """Compare the cluster with the catalogue and change nothing; exit 1 when they differ."""
    from infra.cli.cluster import hinting
    from infra.kafka.topics import check

    settings = load_settings()
    with hinting(settings):
        found = check(settings)
    said = "\n".join(map(str, found)) + "\n`hitl topics apply` corrects what can be corrected." if found else ""
    show({"differences": found}, as_json=as_json, text=said or "all topics are as the catalogue says")
    return DIFFERENT if found else 0


@topics.command(name="read")
@click.argument("topic")
@click.option(
    "--from", "start", default="beginning", show_default=True, metavar="PLACE",
    help="beginning, end, an offset (17), the last so many records (-5) or a time (2026-01-31T12:00).",
)  # fmt: skip
@click.option("--partition", type=click.IntRange(min=0), help="Only this partition.")
@click.option("--key", help="Only records with this key.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@json_option
def read_topic(
    topic: str, start: str, partition: int | None, key: str | None, count: int | None, follow: bool, as_json: bool
) -> None:
    """Print the committed records of a topic, decoded; with --json one object a line.

    What cannot be decoded is printed with the reason. An offset and a number of records hold for each partition.
    """
    from infra.cli.cluster import opened
    from infra.kafka.topic_reading import for_machines, for_people, read, starts, topic_name

    settings = load_settings()
    name = topic_name(topic, settings.topic_prefix)
    try:
        with opened(settings) as (log, codec):
            places = starts(log, name, start, partition=partition)
            for entry in islice(read(log, codec, places, key=key, follow=follow), count):
                line = msgspec.json.encode(for_machines(entry)).decode() if as_json else for_people(entry, codec)
                click.echo(line)
    except KeyboardInterrupt:  # how one ends --follow
        return


def _rows(settings: Settings) -> list[Row]:
    from infra.cli.cluster import connected
    from infra.kafka.log import TopicPartition

    with connected(settings) as log:
        counts = log.existing([topic.name for topic in TOPICS])  # one by one, a missing one is waited for
        filled = {
            name: sum(log.watermark(TopicPartition(name, number)) for number in range(count))
            for name, count in counts.items()
        }
    return [_row(topic, settings, filled.get(topic.name)) for topic in TOPICS]


def _row(topic: Topic[Any], settings: Settings, offsets: int | None) -> Row:
    kept = "last per key" if topic.compacted else "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms} ms"
    return Row(
        name=settings.topic_prefix + topic.name,
        key=topic.keyed.value,
        partitions=settings.partitions if topic.partitioned else 1,
        events=[event.__name__ for event in topic.events],
        writers=topic.writers,
        readers=topic.readers,
        kept=kept,
        max_value_bytes=topic.max_value_bytes,
        offsets=offsets,
    )


def _table(rows: list[Row]) -> str:
    titles = ("topic", "key", "partitions", "kept", "offsets", "written by", "read by")
    lines = [titles] + [
        (
            *(row.name, row.key, str(row.partitions), row.kept, "missing" if row.offsets is None else str(row.offsets)),
            *(", ".join(row.writers), ", ".join(row.readers)),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[-1]]) for line in lines
    )
