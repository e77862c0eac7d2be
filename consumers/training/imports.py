"""Labels from a file: every line is a label, or is refused with its number and the reason."""

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.models.bags import Row
from infra.models.tabular import missing_columns
from infra.models.vector import encode_vector
from schemas.codec import Codec
from schemas.events import DecisionRequested, FeedbackRecorded
from schemas.ids import derive_id
from schemas.values import FeedbackKind, FeedbackType, Payload, Split
from streams.workflow.columns import cell_value, id_column
from streams.workflow.types import Columns as TableColumns
from streams.workflow.types import WorkflowType

SOURCE: Final = "import"
ID_BYTES: Final = 16


class LabelsRefused(HitlError):
    """The file cannot be imported and nothing was; correct it as said."""


class Columns(NamedTuple):
    """Where in a line stands what; `id` None derives ids from the content.

    `text` is for texts, `features` for vectors, `fields` become the fields of a row of named columns.
    """

    label: str
    id: str | None
    text: str | None = None
    features: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class BadLine(NamedTuple):
    """A line that is no label, and why."""

    line: int
    reason: str


class ImportedLabels(NamedTuple):
    """The labels of a file, one per request; `repeated` lines gave way to a later one about the same request."""

    requests: Mapping[str, tuple[DecisionRequested, str]]  # request id -> request, label
    repeated: int
    bad: tuple[BadLine, ...]


def columns_of(
    header: Sequence[str], workflow_type: WorkflowType, *, label: str, text: str | None, id: str | None
) -> Columns:
    """The columns to read. Raises `LabelsRefused` when one that is needed or named is not there."""
    id = id_column(header, (label, text or "")) if id is None else id
    if workflow_type.featurizer == "vector":
        _check(header, label, id)
        return Columns(label, id, features=tuple(name for name in header if name not in (label, id)))
    if workflow_type.columns is not None:
        _check(header, label, id)
        fields = tuple(name for name in header if name not in (label, id))
        _check_named(fields, workflow_type.name, workflow_type.columns)
        return Columns(label, id, fields=fields)
    if text is None:
        text = workflow_type.text_field if workflow_type.text_field in header else "text"
    _check(header, label, text, id)
    return Columns(label, id, text)


def _check_named(fields: Sequence[str], workflow: str, columns: TableColumns) -> None:
    lacking = [name for name in columns.required if name not in fields]
    if lacking or not set(fields).intersection(columns.names):
        needed = f"{lacking[0]!r}, which {workflow} requires" if lacking else f"that {workflow} reads"
        raise LabelsRefused(
            f"there is no column {needed}, in the header ({', '.join(fields)}); it reads {', '.join(columns.names)}: "
            "name the columns as the workflow does."
        )


def read_labels(
    lines: Iterable[str], workflow_type: WorkflowType, *, label: str = "label", text: str | None, id: str | None
) -> ImportedLabels:
    """The labels of a CSV with a header line. Raises `LabelsRefused` when there is none to read."""
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise LabelsRefused(f"the header line is no CSV: {error}; save the file as comma-separated values.") from error
    columns = columns_of(header, workflow_type, label=label, text=text, id=id)
    found: dict[str, tuple[DecisionRequested, str]] = {}
    bad: list[BadLine] = []
    repeated = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
            if not cells:
                continue
            asked, told = _label(cells, header, columns, workflow_type)
        except StopIteration:
            return ImportedLabels(found, repeated, tuple(bad))
        except (csv.Error, ValueError) as error:
            bad.append(BadLine(line, str(error)))
            continue
        repeated += asked.request_id in found
        found.pop(asked.request_id, None)
        found[asked.request_id] = asked, told


def _label(
    cells: Sequence[str], header: Sequence[str], columns: Columns, workflow_type: WorkflowType
) -> tuple[DecisionRequested, str]:
    """The request and the label of a line; raises ValueError with the reason."""
    if len(cells) != len(header):
        raise ValueError(f"it has {len(cells)} columns, the header has {len(header)}")
    row = dict(zip(header, cells, strict=True))
    told = row[columns.label].strip()
    if told not in workflow_type.classes:
        raise ValueError(f"the label {told!r} is none of {', '.join(workflow_type.classes)}")
    content = _content(row, columns, workflow_type)
    request_id = row[columns.id].strip() if columns.id is not None else _derived_id(workflow_type.name, content.named)
    if not request_id:
        raise ValueError(f"the column {columns.id!r} is empty")
    return DecisionRequested(
        request_id=request_id,
        workflow=workflow_type.name,
        payload=None if content.body is None else Payload(body=content.body),
        features=content.features,
        source=SOURCE,
    ), told


class _Content(NamedTuple):
    """What a line holds, and the bytes that an id derives from."""

    named: bytes
    body: bytes | None = None
    features: bytes | None = None


def _content(row: Mapping[str, str], columns: Columns, workflow_type: WorkflowType) -> _Content:
    """Raises ValueError when there is nothing to read."""
    if workflow_type.featurizer == "vector":
        features = _features(row, columns.features)
        return _Content(features, features=features)
    if columns.text is not None:
        text = row[columns.text]
        if not text.strip():
            raise ValueError(f"the column {columns.text!r} is empty")
        return _Content(text.encode(), body=msgspec.json.encode({workflow_type.text_field: text}))
    fields = {name: cell_value(row[name]) for name in columns.fields if row[name].strip()}
    _check_fields(fields, workflow_type)
    body = msgspec.json.encode(fields, order="sorted")
    return _Content(body, body=body)


def _check_fields(fields: Row, workflow_type: WorkflowType) -> None:
    columns = workflow_type.columns
    assert columns is not None  # only such a workflow has fields
    missing = missing_columns(fields, numeric=columns.numeric, categorical=columns.categorical)
    if len(missing) == len(columns.names):
        raise ValueError(f"none of the columns that {workflow_type.name} reads holds a value")
    if lacking := [name for name in columns.required if name in missing]:
        raise ValueError(f"the column {lacking[0]!r}, which is required, holds no value that can be read")


def _features(row: Mapping[str, str], names: Sequence[str]) -> bytes:
    numbers = []
    for name in names:
        try:
            numbers.append(float(row[name]))
        except ValueError:
            raise ValueError(f"the column {name!r} holds {row[name]!r}, which is no number") from None
    return encode_vector(numbers)


def _derived_id(workflow: str, content: bytes) -> str:
    digest = hashlib.sha256(workflow.encode() + b"\0" + content)
    return f"{SOURCE}-{digest.hexdigest()[: 2 * ID_BYTES]}"


def as_feedback(asked: DecisionRequested, label: str, codec: Codec, *, at: int) -> FeedbackRecorded:
    """An imported label as an answer: it says nothing about any model and weighs 1. `at` in milliseconds."""
    body, fingerprint = codec.body(codec.encode(asked))
    return FeedbackRecorded(
        event_id=derive_id("imported", asked.workflow, asked.request_id, at),
        request_id=asked.request_id,
        workflow=asked.workflow,
        kind=FeedbackKind.IMPORTED,
        type=FeedbackType.NONE,
        label=label,
        split=Split.TRAIN,
        reviewer_id=SOURCE,
        reviewer_confidence=1.0,
        weight=1.0,
        request_body=body,
        request_fingerprint=fingerprint,
        decided_at=at,
    )


def _check(header: Sequence[str], *needed: str | None) -> None:
    for name in needed:
        if name is not None and name not in header:
            raise LabelsRefused(
                f"there is no column {name!r} in the header ({', '.join(header) or 'the file is empty'}); name the "
                "columns with --label-column, --text-column and --id-column."
            )
