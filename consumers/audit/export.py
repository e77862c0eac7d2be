"""The log as files for other tools: outcomes, labels, or every event. Rows in, lines out."""

import csv
import io
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from infra.cli.moments import iso
from infra.errors import HitlError
from infra.kafka.scan import Entry
from schemas.codec import Codec, Undecodable
from schemas.events import DecisionMade, DecisionRequested, FeedbackRecorded
from schemas.values import PayloadEncoding
from streams.workflow.telling import plain

Value = str | int | float | bool | None
ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


class ExportImpossible(HitlError):
    """The export cannot be written in this form."""


class Form(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def form_of(name: str, *, events: bool) -> Form:
    """By the end of the name; events of many kinds need JSON lines. Raises `ExportImpossible`."""
    ending = name.rpartition(".")[2].lower()
    if name == "-":
        return Form.JSONL
    if ending not in (*Form, "ndjson"):
        raise ExportImpossible(f"{name} ends with neither .csv nor .jsonl; name the file with one of them.")
    form = Form.JSONL if ending == "ndjson" else Form(ending)
    if events and form is Form.CSV:
        raise ExportImpossible("events of many kinds have no columns in common; name the file with .jsonl.")
    return form


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome with its grounds, flat."""

    request_id: str
    workflow: str
    outcome: str
    label: str | None
    decided_by: str
    reviewer_id: str | None
    reviewers: str
    confidence: float | None
    reason: str
    policy_version: int | None
    policy_digest: str | None
    model_digest: str | None
    rule_hits: str
    risk_flags: str
    requested_at: str
    decided_at: str
    event_id: str
    request_partition: int
    request_offset: int


class FeedbackRow(msgspec.Struct, frozen=True, kw_only=True):
    """A label with how it came about and the payload it is about."""

    request_id: str
    workflow: str
    label: str | None
    type: str
    kind: str
    model_label: str | None
    model_digest: str | None
    blind: bool
    inclusion_probability: float | None
    split: str
    reviewer_id: str | None
    reviewer_confidence: float | None
    weight: float
    note: str
    decided_at: str
    payload: str | None


Row = OutcomeRow | FeedbackRow


def outcome_row(entry: Entry) -> OutcomeRow | None:
    """None for another record than an outcome."""
    made = entry.event
    if not isinstance(made, DecisionMade):
        return None
    grounds = made.grounds
    return OutcomeRow(
        request_id=made.request_id,
        workflow=made.workflow,
        outcome=made.outcome.value,
        label=made.label,
        decided_by=made.decided_by.value,
        reviewer_id=made.reviewer_id,
        reviewers=" ".join(made.reviewers),
        confidence=made.confidence,
        reason=grounds.reason,
        policy_version=grounds.policy_version,
        policy_digest=grounds.policy_digest,
        model_digest=grounds.model_digest,
        rule_hits=" ".join(grounds.rule_hits),
        risk_flags=" ".join(grounds.risk_flags),
        requested_at=iso(made.requested_at),
        decided_at=iso(made.decided_at),
        event_id=made.event_id,
        request_partition=made.request.partition,
        request_offset=made.request.offset,
    )


def feedback_row(entry: Entry, codec: Codec) -> FeedbackRow | None:
    """None for another record than a label."""
    recorded = entry.event
    if not isinstance(recorded, FeedbackRecorded):
        return None
    return FeedbackRow(
        request_id=recorded.request_id,
        workflow=recorded.workflow,
        label=recorded.label,
        type=recorded.type.value,
        kind=recorded.kind.value,
        model_label=recorded.model_label,
        model_digest=recorded.model_digest,
        blind=recorded.blind,
        inclusion_probability=recorded.inclusion_probability,
        split=recorded.split.value,
        reviewer_id=recorded.reviewer_id,
        reviewer_confidence=recorded.reviewer_confidence,
        weight=recorded.weight,
        note=recorded.note,
        decided_at=iso(recorded.decided_at),
        payload=plain_payload(recorded.request_body, recorded.request_fingerprint, codec),
    )


def plain_payload(body: bytes, fingerprint: bytes, codec: Codec) -> str | None:
    """The text of a request's payload, unless it is encrypted or no text."""
    try:
        request = codec.decode_body(body, fingerprint)
        if not isinstance(request, DecisionRequested) or request.payload is None:
            return None
        return request.payload.body.decode() if request.payload.encoding is PayloadEncoding.PLAIN else None
    except (Undecodable, UnicodeDecodeError):
        return None


def event_line(entry: Entry) -> bytes:
    """Any record as one JSON object; bytes in base64."""
    return ENCODER.encode(plain(entry)) + b"\n"


def row_lines(rows: Iterable[Row], kind: type[Row], form: Form) -> Iterator[bytes]:
    """Each row as a line; CSV begins with a header, also when there is no row."""
    if form is Form.CSV:
        yield _csv_line(kind.__struct_fields__)
    for row in rows:
        yield ENCODER.encode(row) + b"\n" if form is Form.JSONL else _csv_line(msgspec.structs.astuple(row))


def _csv_line(cells: Iterable[Value]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow("" if cell is None else cell for cell in cells)
    return text.getvalue().encode(errors="surrogateescape")
