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


LOANS = parse_workflow(
    document(
        "loans",
        featurizer="tabular",
        more='[columns]\nnumeric = ["amount", "age"]\ncategorical = ["use"]\nrequired = ["amount"]\n',
    )
)


def loans(text: str) -> ImportedLabels:
    return read_labels(text.splitlines(keepends=True), LOANS, text=None, id=None)


def test_named_columns_become_fields_of_the_type_that_they_look_like() -> None:
    found = loans("id,amount,use,zip,label,age\n7,12.5,A43,01067,approve,\n8,3,true,x,reject,41\n")
    assert [(request_fields(asked), label) for asked, label in found.requests.values()] == [
        ({"amount": 12.5, "use": "A43", "zip": "01067"}, "approve"),
        ({"amount": 3, "use": True, "zip": "x", "age": 41}, "reject"),
    ]


def test_lines_without_what_the_model_reads_are_named() -> None:
    found = loans("amount,use,note,label\n,,x,approve\nmuch,car,x,approve\n5,,,reject\n")
    assert [request_fields(asked) for asked, _ in found.requests.values()] == [{"amount": 5}]
    assert [(bad.line, bad.reason) for bad in found.bad] == [
        (2, "none of the columns that loans reads holds a value"),
        (3, "the column 'amount', which is required, holds no value that can be read"),
    ]


def test_ids_of_columns_derive_from_what_they_say() -> None:
    ids = [
        list(loans(text).requests)
        for text in (
            "amount,use,label\n5,car,approve\n",
            "use,label,amount\ncar,reject,5\n",
            "amount,label\n5,reject\n",
        )
    ]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("use,label", "there is no column 'amount', which loans requires, in the header"),
        ("amount,verdict", "there is no column 'label' in the header"),
    ],
)
def test_a_file_without_the_columns_that_are_needed_is_refused(header: str, says: str) -> None:
    with pytest.raises(LabelsRefused, match=says):
        loans(f"{header}\n1,approve\n")


def test_a_file_without_any_column_that_the_model_reads_is_refused() -> None:
    kind = parse_workflow(document("loans", featurizer="tabular", more='[columns]\ncategorical = ["use", "home"]\n'))
    with pytest.raises(LabelsRefused, match=r"no column that loans reads, in .* \(colour\); it reads use, home:"):
        read_labels(["id,colour,label\n", "1,red,approve\n"], kind, text=None, id=None)


def test_an_import_says_nothing_about_a_model_and_trains() -> None:
    ((asked, label),) = read("id,text,label\n7,hello,approve\n").requests.values()
    made = as_feedback(asked, label, CODEC, at=NOW)
    assert (made.kind, made.type, made.split, made.weight) == (
        FeedbackKind.IMPORTED, FeedbackType.NONE, Split.TRAIN, 1.0,
    )  # fmt: skip
    assert (made.blind, made.model_label, made.label, made.request_id) == (False, None, "approve", "7")
    assert CODEC.decode_body(made.request_body, made.request_fingerprint) == asked
    assert CODEC.decode(CODEC.encode(made)) == made
