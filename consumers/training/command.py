"""`hitl model`: the models of the log, and a first one from labels in a file."""

import io
import time
from pathlib import Path
from typing import Final

import click

from consumers.training.by_hand import check_enough, end_of_feedback, publish_together, standing, train
from consumers.training.imports import BadLine, ImportedLabels, LabelsRefused, as_feedback, read_labels
from consumers.training.log_labels import LogLabels, StoredModels
from consumers.training.words import ModelDescription, TrainReport, description_text, models_text, report_text
from infra.cli.cluster import opened
from infra.cli.files import reading
from infra.cli.groups import CommandGroup
from infra.cli.output import json_option, note, show
from infra.cli.progress import progress_bar
from infra.errors import HitlError
from infra.kafka.client import KafkaLog
from infra.kafka.scan import scan
from infra.models.store import ModelError
from infra.settings import Settings, load_settings
from schemas.codec import Codec
from schemas.topics import FEEDBACK, MODELS
from streams.workflow.models import ModelRecord, Status, fold_history

SHORTEST_DIGEST: Final = 6  # characters of a digest that may stand for all of it
SHOWN_BAD_LINES: Final = 20


class NoSuchModel(HitlError):
    """There is no such workflow or model; `hitl model list` shows those that are."""


@click.group(cls=CommandGroup)
def model() -> None:
    """Show the models, and train one from labels in a file."""


@model.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """List every fit: what runs, what it replaced, what was refused and why."""
    with opened() as (log, codec):
        records = _history(log, codec)
    show(records, as_json=as_json, text=lambda: models_text(records))


@model.command(name="show")
@click.argument("workflow_or_digest", metavar="[WORKFLOW|DIGEST]", required=False)
@json_option
def show_model(workflow_or_digest: str | None, as_json: bool) -> None:
    """Show the running models, the one of a WORKFLOW, or any by the beginning of its DIGEST."""
    settings = load_settings()
    with opened(settings) as (log, codec):
        records = _history(log, codec)
    if workflow_or_digest is None:
        found = [record for record in records if record.status is Status.RUNNING]
    else:
        found = [_named(records, workflow_or_digest)]
    described = [_described(record, settings) for record in found]
    show(
        described if workflow_or_digest is None else described[0],
        as_json=as_json,
        text=lambda: "\n\n".join(map(description_text, described)) or models_text([]),
    )


@model.command(name="train")
@click.argument("workflow")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--label-column", default="label", show_default=True, help="Column with the right class.")
@click.option("--text-column", help="Column with the text (default: the workflow's text field, else `text`).")
@click.option("--id-column", help="Column with the request id (default: `request_id` or `id`, else from the content).")
@click.option("--skip-bad-lines", is_flag=True, help="Import the good lines although some are refused.")
@click.option("--promote", is_flag=True, help="Let the model run whatever the comparison with the running one says.")
@json_option
def train_model(
    workflow: str,
    file: Path,
    label_column: str,
    text_column: str | None,
    id_column: str | None,
    skip_bad_lines: bool,
    promote: bool,
    as_json: bool,
) -> int:
    """Train WORKFLOW's model on the labels of a CSV FILE and on all answers so far; exit 1 when it is refused.

    A tabular workflow reads the columns that are called as in its policy, a vector workflow all others in order.
    The labels go to the topic `feedback`, so that every later fit knows them, too.
    """
    settings, at = load_settings(), time.time_ns() // 1_000_000
    lines = io.StringIO(_text_of(file), newline="")
    with opened(settings) as (log, codec):
        kind = standing(log, codec, workflow).workflow_type
        found = read_labels(lines, kind, label=label_column, text=text_column, id=id_column)
        _refuse_bad(found, file, skip=skip_bad_lines, as_json=as_json)
        labels = LogLabels(log, codec)
        new = [as_feedback(asked, told, codec, at=at) for asked, told in found.requests.values()]
        check_enough(labels.read(workflow, end_of_feedback(log)), new, kind, codec)
        publish_together(log, codec, workflow, [FEEDBACK.message(one) for one in new])
        note(f"{len(new):,} labels are in the log; fitting …", as_json=as_json)
        begun = time.monotonic()
        with progress_bar(f"fitting {workflow}", as_json=as_json):
            candidate, verdict = train(
                log, codec, labels, StoredModels(settings.model_store), workflow, at=at, promote=promote
            )
    report = TrainReport.of(candidate, verdict, found, seconds=time.monotonic() - begun)
    show(report, as_json=as_json, text=lambda: report_text(report))
    return 0 if report.promoted else 1


def _text_of(file: Path) -> str:
    try:
        with reading(file):
            return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelsRefused(f"{file} is not UTF-8 text ({error}); save it as UTF-8.") from error


def _refuse_bad(found: ImportedLabels, file: Path, *, skip: bool, as_json: bool) -> None:
    """Says which lines are no labels. Raises `LabelsRefused` unless they are to be skipped, or when none is left."""
    if found.bad and not (skip and as_json):
        for bad in found.bad[:SHOWN_BAD_LINES]:
            note(f"{file}, line {bad.line}: {bad.reason}", as_json=as_json)
        if len(found.bad) > SHOWN_BAD_LINES:
            note(f"… and {len(found.bad) - SHOWN_BAD_LINES:,} lines more", as_json=as_json)
    if found.bad and not skip:
        first: BadLine = found.bad[0]
        raise LabelsRefused(
            f"{len(found.bad):,} of {len(found.bad) + len(found.requests) + found.repeated:,} lines are no labels "
            f"(line {first.line}: {first.reason}); nothing was imported. Correct them, or leave them out with "
            "--skip-bad-lines."
        )
    if not found.requests:
        raise LabelsRefused(f"{file} holds no labels; give a CSV with a header line and at least one label a class.")


def _history(log: KafkaLog, codec: Codec) -> list[ModelRecord]:
    entries = scan(log, codec, [MODELS.name])
    return fold_history(entry.event for entry in entries if entry.event is not None)


def _named(records: list[ModelRecord], name: str) -> ModelRecord:
    of_workflow = [record for record in records if record.workflow == name and record.status is Status.RUNNING]
    by_digest = [r for r in records if len(name) >= SHORTEST_DIGEST and r.digest.startswith(name)]
    found = of_workflow or by_digest
    if len({record.digest for record in found}) != 1:
        why = "is the beginning of more than one digest" if found else "is no workflow with a model, and no digest"
        raise NoSuchModel(f"{name!r} {why}; `hitl model list` shows what there is.")
    return found[-1]


def _described(record: ModelRecord, settings: Settings) -> ModelDescription:
    """The record, with the manifest where the store has the model."""
    try:
        found = StoredModels(settings.model_store).load(record.uri, record.digest)
        return ModelDescription(model=record, manifest=found.manifest)
    except ModelError as error:
        return ModelDescription(model=record, why_no_manifest=str(error))
