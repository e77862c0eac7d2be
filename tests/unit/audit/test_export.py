"""The log as files: nothing left out, nothing half written."""

import csv
import io
from functools import partial
from pathlib import Path

import msgspec
import pytest

from consumers.audit.command import write_whole
from consumers.audit.export import ExportImpossible, Form, event_line, feedback_row, form_of, outcome_row, row_lines
from schemas.codec import HEADER
from schemas.events import FeedbackRecorded
from schemas.topics import FEEDBACK
from schemas.values import FeedbackKind, FeedbackType, Split
from tests.support.recorded import CODEC, Recorded
from tests.unit.audit.test_reconcile import healthy


def test_every_outcome_is_a_row_with_its_grounds() -> None:
    text = b"".join(row_lines(healthy().entries, outcome_row, Form.CSV)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["request_id"] for row in rows) == ["audited", "auditing", "automatic", "expert", "reviewed"]
    assert {row["decided_by"] for row in rows} == {"automation", "reviewer", "expert"}
    assert all(row["reason"] == "tested" and row["decided_at"].endswith("+00:00") for row in rows)


def test_json_lines_hold_the_same_rows() -> None:
    lines = list(row_lines(healthy().entries, outcome_row, Form.JSONL))
    assert len(lines) == 5
    assert msgspec.json.decode(lines[0])["policy_version"] == 1


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
    (line,) = row_lines(log.entries, partial(feedback_row, codec=CODEC), Form.JSONL)
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


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    write_whole(target, [b"old\n"])

    def failing() -> object:
        yield b"new\n"
        raise RuntimeError("the log went away")

    with pytest.raises(RuntimeError):
        write_whole(target, failing())  # type: ignore[arg-type]
    assert target.read_bytes() == b"old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
