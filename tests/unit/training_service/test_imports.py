"""Every line of a file is a label, or is refused with its number and the reason."""

import numpy as np
import pytest

from consumers.training.imports import ImportedLabels, LabelsRefused, as_feedback, read_labels
from infra.models.vector import encode_vector
from schemas.values import FeedbackKind, FeedbackType, Split
from streams.workflow.types import parse_workflow, request_fields
from tests.support.learning import CODEC, NOW, document

POSTS = parse_workflow(document())
SCANS = parse_workflow(document("scans", featurizer="vector"))


def read(text: str, *, label: str = "label", column: str | None = None, id: str | None = None) -> ImportedLabels:
    return read_labels(text.splitlines(keepends=True), POSTS, label=label, text=column, id=id)


def texts(found: ImportedLabels) -> list[tuple[object, str]]:
    return [(request_fields(asked)["text"], label) for asked, label in found.requests.values()]


def test_labels_are_read_by_the_names_of_the_columns() -> None:
    found = read("when,verdict,post\nnow,approve,hello\nnow, reject ,bye\n", label="verdict", column="post")
    assert texts(found) == [("hello", "approve"), ("bye", "reject")]
    assert found.bad == ()


def test_ids_come_from_their_column_or_from_the_content() -> None:
    assert list(read("id,text,label\n7,hello,approve\n").requests) == ["7"]
    assert list(read("id,request_id,text,label\n7,8,hello,approve\n").requests) == ["8"]
    (first,), (again,), (other,) = (
        list(read(f"text,label\n{text},approve\n").requests) for text in ("hello", "hello", "bye")
    )
    assert first == again
    assert first != other


def test_a_later_line_about_the_same_request_counts() -> None:
    found = read("text,label\nhello,approve\nbye,approve\nhello,reject\n")
    assert texts(found) == [("bye", "approve"), ("hello", "reject")]
    assert found.repeated == 1


def test_bad_lines_are_named_by_number_and_reason() -> None:
    lines = 'text,label\nhello,approve\nhello,perhaps\n"two\nlines",approve\n ,reject\nx,approve,more\n\nbye,reject\n'
    found = read(lines)
    assert [label for _, label in texts(found)] == ["approve", "approve", "reject"]
    assert [(bad.line, bad.reason) for bad in found.bad] == [
        (3, "the label 'perhaps' is none of reject, approve"),
        (6, "the column 'text' is empty"),
        (7, "it has 3 columns, the header has 2"),
    ]


def test_a_broken_quote_is_a_bad_line() -> None:
    found = read('text,label\n"hello"x,approve\nbye,reject\n')
    assert [bad.line for bad in found.bad] == [2]
    assert texts(found) == [("bye", "reject")]


@pytest.mark.parametrize("text", ["", "text,verdict\nhello,approve\n", "content,label\nhello,approve\n"])
def test_a_missing_column_is_named(text: str) -> None:
    with pytest.raises(LabelsRefused, match="there is no column '(label|text)' in the header"):
        read(text)


def test_the_workflows_text_field_is_the_default_column() -> None:
    kind = parse_workflow(document(more='text_field = "body"\n'))
    found = read_labels(["text,body,label\n", "no,yes,approve\n"], kind, text=None, id=None)
    ((asked, _),) = found.requests.values()
    assert request_fields(asked) == {"body": "yes"}


def test_numbers_are_read_from_all_other_columns() -> None:
    lines = ["id,a,label,b\n", "1,0.5,approve,-2\n", "2,x,reject,1\n"]
    found = read_labels(lines, SCANS, text=None, id=None)
    ((asked, label),) = found.requests.values()
    assert (asked.request_id, label, asked.features) == ("1", "approve", encode_vector(np.array([0.5, -2.0])))
    assert found.bad[0].reason == "the column 'a' holds 'x', which is no number"


def test_an_import_says_nothing_about_a_model_and_trains() -> None:
    ((asked, label),) = read("id,text,label\n7,hello,approve\n").requests.values()
    made = as_feedback(asked, label, CODEC, at=NOW)
    assert (made.kind, made.type, made.split, made.weight) == (
        FeedbackKind.IMPORTED, FeedbackType.NONE, Split.TRAIN, 1.0,
    )  # fmt: skip
    assert (made.blind, made.model_label, made.label, made.request_id) == (False, None, "approve", "7")
    assert CODEC.decode_body(made.request_body, made.request_fingerprint) == asked
    assert CODEC.decode(CODEC.encode(made)) == made
