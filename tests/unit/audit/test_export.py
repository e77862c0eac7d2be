"""The log as files: nothing left out, nothing half written."""

import csv
import io
from collections.abc import Iterator

import msgspec
import pytest

from consumers.audit.command import write_rows
from consumers.audit.export import (
    ExportImpossible,
    FeedbackRow,
    Form,
    OutcomeRow,
    event_line,
    feedback_row,
    form_of,
    outcome_row,
    row_lines,
)
from consumers.audit.reading import AuditLog
from infra.kafka.publisher import publish
from schemas.codec import HEADER
from schemas.events import FeedbackRecorded, PolicyPublished
from schemas.topics import FEEDBACK, POLICIES
from schemas.values import FeedbackKind, FeedbackType, Split
from streams.workflow.policies import WorkflowUnknown
from tests.support.learning import NOW, document, policy
from tests.support.recorded import CODEC, Recorded
from tests.support.simlog import SimulatedLog
from tests.unit.audit.test_reconcile import healthy


def outcomes() -> Iterator[OutcomeRow]:
    return filter(None, map(outcome_row, healthy().entries))


def test_every_outcome_is_a_row_with_its_grounds() -> None:
    text = b"".join(row_lines(outcomes(), OutcomeRow, Form.CSV)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["request_id"] for row in rows) == ["audited", "auditing", "automatic", "expert", "reviewed"]
    assert {row["decided_by"] for row in rows} == {"automation", "reviewer", "expert"}
    assert all(row["reason"] == "tested" and row["decided_at"].endswith("+00:00") for row in rows)


def test_json_lines_hold_the_same_rows() -> None:
    lines = list(row_lines(outcomes(), OutcomeRow, Form.JSONL))
    assert len(lines) == 5
    assert msgspec.json.decode(lines[0])["policy_version"] == 1


@pytest.mark.parametrize("kind", [OutcomeRow, FeedbackRow])
def test_a_table_without_rows_still_has_its_header(kind: type[OutcomeRow | FeedbackRow]) -> None:
    assert b"".join(row_lines([], kind, Form.CSV)).startswith(b"request_id,workflow,")
    assert list(row_lines([], kind, Form.JSONL)) == []


def test_labels_carry_the_payload_they_are_about() -> None:
    log = Recorded()
    request = log.request("a", text='he said "no", twice')
    stored = log.entries[0].value or b""
    recorded = FeedbackRecorded(
        event_id="f", request_id="a", workflow="moderation", kind=FeedbackKind.BLIND, type=FeedbackType.POSITIVE,
        label="approve", split=Split.TRAIN, reviewer_id="ann", reviewer_confidence=0.9, weight=0.9,
        request_body=stored[HEADER.size :], request_fingerprint=CODEC.body(stored)[1], cause=request, decided_at=0,
    )  # fmt: skip
    log.write(FEEDBACK.message(recorded))
    rows = filter(None, (feedback_row(entry, CODEC) for entry in log.entries))
    (line,) = row_lines(rows, FeedbackRow, Form.JSONL)
    row = msgspec.json.decode(line)
    assert (row["label"], row["split"]) == ("approve", "train")
    assert row["payload"] == '{"text":"he said "no", twice"}'


def test_every_record_can_be_exported_even_one_that_nobody_can_read() -> None:
    lines = [msgspec.json.decode(event_line(entry)) for entry in healthy().entries]
    assert all(line["event"] is not None or (line["unreadable"] and line["value"]) for line in lines)
    assert {line["type"] for line in lines} >= {"DecisionRequested", "DecisionMade", None}


@pytest.mark.parametrize(("name", "events"), [("x.txt", False), ("x", False), ("x.csv", True)])
def test_a_form_that_cannot_be_written_is_refused(name: str, events: bool) -> None:
    with pytest.raises(ExportImpossible):
        form_of(name, events=events)


def test_a_workflow_that_the_log_does_not_know_is_refused_and_one_without_rows_is_not() -> None:
    log = SimulatedLog(partitions=2, wall=lambda: NOW)
    published = policy(document()).event
    assert isinstance(published, PolicyPublished)
    publish(log, CODEC, [POLICIES.message(published)])
    audited, out = AuditLog(log, CODEC, 0), io.BytesIO()
    assert write_rows(out, audited, "outcomes", Form.CSV, workflow="posts") == 0
    assert out.getvalue().startswith(b"request_id,workflow,outcome")
    for what in ("outcomes", "feedback", "all"):
        form = Form.JSONL if what == "all" else Form.CSV
        with pytest.raises(WorkflowUnknown, match=r"'psots' \(published: posts\)"):
            write_rows(out, audited, what, form, workflow="psots")
