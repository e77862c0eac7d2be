"""`hitl gold`: the questions whose answer is known, by which it is found how reliable people are."""

import getpass
import time
from collections.abc import Iterable, Sequence
from functools import partial

import click

from infra.cli.cluster import IN_FORCE_AFTER, opened
from infra.cli.files import lines_of
from infra.cli.groups import CommandGroup
from infra.cli.moments import moment
from infra.cli.output import json_option, note, show
from infra.cli.tables import rendered, table
from infra.errors import HitlError
from infra.kafka.log import Log
from infra.kafka.publisher import publish
from infra.kafka.running import wall
from infra.kafka.scan import scan
from producers.gateway.columns import check_options, columns_for
from producers.gateway.gold import questions_of, stored_request
from producers.gateway.policies import policies_in_force
from producers.gateway.publisher import Refusal
from producers.gateway.rows import format_of, read_rows
from schemas.codec import Codec
from schemas.events import GoldAdded
from schemas.topics import GOLD, Outgoing
from streams.casework.questions import (
    Author,
    LabelUnknown,
    NoSuchQuestion,
    gold_added,
    gold_retired,
    not_a_class,
    questions_asked,
    request_in,
)
from streams.workflow.columns import id_column
from streams.workflow.content import summary
from streams.workflow.policies import policy_of
from streams.workflow.types import WorkflowType

SHOWN = 20  # refused lines that people are shown
SOURCE = "hitl gold"
BY = click.option("--by", default=getpass.getuser, help="Who does it (default: your user name).")
NOTE = click.option("--note", "remark", default="", help="Where the answer is from, or whatever you want to say.")


class NotAdded(HitlError):
    """Some lines are no questions, and nothing was added; correct them, or leave them out with --skip-bad-lines."""


@click.group(cls=CommandGroup)
def gold() -> None:
    """Add, list and retire questions whose answer is known; a policy's gold_share says how often they are asked."""


@gold.command(name="add")
@click.argument("workflow")
@click.argument("file")
@click.option("--label-column", default="label", show_default=True, help="Column with the right answer, a class.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column is which field; repeatable.")
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME[:TYPE][=COLUMN]",
    help="A plain fact that rules may read; TYPE is text, number or flag. Repeatable.",
)  # fmt: skip
@click.option("--features", metavar="COLUMN,…", help="Number columns, in order, for models on vectors.")
@click.option("--skip-bad-lines", is_flag=True, help="Add the good lines although some are refused.")
@NOTE
@BY
@json_option
def add_gold(
    workflow: str, file: str, label_column: str, maps: Sequence[str], attributes: Sequence[str], features: str | None,
    skip_bad_lines: bool, remark: str, by: str, as_json: bool,
) -> None:  # fmt: skip
    """Add the rows of FILE (CSV, TSV, JSONL; - for standard input) with their right answers; all of them or none.

    Columns are read as `hitl publish` reads them. A question is named by its request id (without such a column, by its
    content); one that is added again replaces the former.
    """
    check_options(maps, attributes)
    author = Author(by, wall(), remark)
    with lines_of(file) as lines:
        header, rows = read_rows(lines, format_of(file))
        with opened() as (log, codec):
            kind = policy_of(policies_in_force(log, codec).policies, workflow).workflow_type
            named = any(text.startswith("request_id=") for text in maps)
            columns = partial(
                columns_for, workflow=workflow, text_field=kind.text_field, needs_text=kind.featurizer == "text",
                reads=kind.columns.names if kind.columns else (), maps=maps, attributes=attributes,
                features=tuple(filter(None, (features or "").split(","))), source=SOURCE,
                derive_ids=not named and id_column(header) is None,
            )  # fmt: skip
            read = questions_of(
                rows, header, columns, label_column=label_column, classes=kind.classes, codec=codec, author=author
            )
            questions, refused = sifted(read, file, skip=skip_bad_lines, as_json=as_json)
            put(log, codec, map(GOLD.message, questions))
    shown = {"added": len(questions), "refused": [each._asdict() for each in refused]}
    said = f"{len(questions):,} questions are in force for {workflow}, {len(refused):,} lines left out"
    show(shown, as_json=as_json, text=f"{said}{hint(kind)}")


@gold.command(name="add-case")
@click.argument("request_id")
@click.option("--label", required=True, help="The right answer, a class of its workflow.")
@NOTE
@BY
@json_option
def add_case(request_id: str, label: str, remark: str, by: str, as_json: bool) -> None:
    """Make a request that is in the log a question, with the right answer."""
    with opened() as (log, codec):
        request, body = stored_request(log, codec, request_id)
        kind = policy_of(policies_in_force(log, codec).policies, request.workflow).workflow_type
        if label not in kind.classes:
            raise LabelUnknown(f"{not_a_class(label, kind.classes)}. {LabelUnknown.__doc__}")
        added = gold_added(request, body, label, Author(by, wall(), remark))
        put(log, codec, [GOLD.message(added)])
    text = f"{request_id} is a question of {request.workflow} now, its answer {label}{hint(kind)}"
    show(for_machines(added, codec), as_json=as_json, text=text)


@gold.command(name="list")
@click.option("--workflow", help="Only this workflow.")
@json_option
def list_gold(workflow: str | None, as_json: bool) -> None:
    """Show the questions that are asked, with their right answers; keep them from those who are asked."""
    with opened() as (log, codec):
        found = questions_asked(scan(log, codec, [GOLD.name]), workflow)
    show([for_machines(each, codec) for each in found], as_json=as_json, text=lambda: list_text(found, codec))


@gold.command(name="retire")
@click.argument("workflow")
@click.argument("gold_ids", nargs=-1, required=True, metavar="ID…")
@BY
@json_option
def retire_gold(workflow: str, gold_ids: Sequence[str], by: str, as_json: bool) -> None:
    """Ask questions no more; what was answered before still counts."""
    with opened() as (log, codec):
        asked = {each.gold_id: each for each in questions_asked(scan(log, codec, [GOLD.name]), workflow)}
        if unknown := [gold_id for gold_id in gold_ids if gold_id not in asked]:
            raise NoSuchQuestion(f"{workflow} asks no question {unknown[0]!r}. {NoSuchQuestion.__doc__}")
        retired = [gold_retired(workflow, gold_id, by=by, now=wall()) for gold_id in dict.fromkeys(gold_ids)]
        put(log, codec, map(GOLD.message, retired))
    show({"retired": len(retired)}, as_json=as_json, text=f"{len(retired):,} questions are asked no more")


def sifted(
    read: Iterable[GoldAdded | Refusal], file: str, *, skip: bool, as_json: bool
) -> tuple[list[GoldAdded], list[Refusal]]:
    """Questions, the last of each id, and refused lines. Raises `NotAdded` for a refused one unless `skip`."""
    questions: dict[str, GoldAdded] = {}
    refused: list[Refusal] = []
    for each in read:
        if isinstance(each, Refusal):
            refused.append(each)
        else:
            questions[each.gold_id] = each
    for bad in refused[:SHOWN]:
        note(f"{file}, line {bad.line}: {bad.reason}", as_json=as_json)
    if refused and not skip:
        first = f"line {refused[0].line}: {refused[0].reason}"
        raise NotAdded(f"{len(refused):,} lines of {file} are no questions ({first}). {NotAdded.__doc__}")
    return list(questions.values()), refused


def put(log: Log, codec: Codec, records: Iterable[Outgoing]) -> None:
    """Publish, and wait until casework follows."""
    publish(log, codec, records)
    time.sleep(IN_FORCE_AFTER)


def hint(kind: WorkflowType) -> str:
    """What is still to be done before questions are asked."""
    if kind.review.gold_share > 0:
        return ""
    return f"; {kind.name} asks none yet: set gold_share under [review] in its policy"


def for_machines(question: GoldAdded, codec: Codec) -> dict[str, object]:
    """A question without bytes."""
    names = ("workflow", "gold_id", "label", "note", "added_by", "added_at")
    return {name: getattr(question, name) for name in names} | {"content": summary(request_in(question, codec), 1_000)}


def list_text(found: Sequence[GoldAdded], codec: Codec) -> str:
    """The questions as a table."""
    if not found:
        return "no question is asked; `hitl gold add WORKFLOW FILE` adds some"
    rows = [
        (each.workflow, each.gold_id, each.label, each.added_by, moment(each.added_at), each.note,
         summary(request_in(each, codec), 40))
        for each in found
    ]  # fmt: skip
    return rendered(table(("workflow", "question", "answer", "added by", "at", "note", "content"), rows))
