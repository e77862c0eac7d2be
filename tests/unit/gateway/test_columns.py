"""Which column becomes which field, and which rows are refused."""

import json
import struct

import pytest

from producers.gateway.columns import Columns, MappingInvalid, columns_for
from streams.workflow.submitted import RequestRefused


def mapping(*header: str, **options: object) -> Columns:
    return columns_for(header, **({"workflow": "moderation", "text_field": "text"} | options))  # type: ignore[arg-type]


def test_default_names_are_found_and_the_rest_becomes_the_payload() -> None:
    request = mapping("id", "text", "subject_id", "author").request(
        {"id": "a1", "text": "hello", "subject_id": "s9", "author": "x"}
    )
    assert (request.request_id, request.workflow, request.subject_id) == ("a1", "moderation", "s9")
    assert request.payload is not None
    assert json.loads(request.payload.body) == {"text": "hello", "author": "x"}


def test_a_column_can_be_mapped_to_any_field() -> None:
    columns = mapping(
        "nr",
        "tweet",
        "betrag",
        "flag",
        "ref",
        maps=["request_id=nr", "text=tweet", "requires_audit=flag", "attributes.amount=betrag"],
    )
    request = columns.request({"nr": "7", "tweet": "hm", "betrag": "12000.5", "flag": "true", "ref": "r"})
    assert request.request_id == "7"
    assert request.requires_audit is True
    assert request.attributes == {"amount": 12000.5}
    assert request.payload is not None
    assert json.loads(request.payload.body) == {"text": "hm", "ref": "r"}


def test_numbers_in_a_text_file_stay_numbers_so_that_rules_can_compare_them() -> None:
    request = mapping("id", "text", "amount", "zip", "ok").request(
        {"id": "1", "text": "42", "amount": "12000", "zip": "01067", "ok": "true"}
    )
    assert request.payload is not None
    assert json.loads(request.payload.body) == {"text": "42", "amount": 12000, "zip": "01067", "ok": True}


def test_attributes_have_the_type_that_was_asked_for() -> None:
    columns = mapping("id", "text", "a", "b", "c", attributes=["a:number", "flag:flag=b", "c:text"])
    request = columns.request({"id": "1", "text": "t", "a": "3", "b": "yes", "c": "3"})
    assert request.attributes == {"a": 3.0, "flag": True, "c": "3"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "1", "text": " ", "a": "1"}, "text is empty"),
        ({"id": "1", "text": "t", "a": "many"}, "not a number"),
        ({"id": "1", "text": "t", "a": "nan"}, "not a number"),
        ({"id": ["1"], "text": "t", "a": "1"}, "holds no text"),
    ],
)
def test_a_bad_cell_refuses_its_row_with_the_column(row: dict[str, object], reason: str) -> None:
    with pytest.raises(RequestRefused, match=reason):
        mapping("id", "text", "a", attributes=["a:number"]).request(row)  # type: ignore[arg-type]


def test_without_an_id_column_one_must_be_named_or_derived() -> None:
    with pytest.raises(MappingInvalid, match="--derive-ids"):
        mapping("text")
    columns = mapping("text", derive_ids=True)
    first, again, other = (columns.request({"text": text}).request_id for text in ("a", "a", "b"))
    assert first == again != other


def test_a_workflow_that_reads_text_needs_its_column() -> None:
    with pytest.raises(MappingInvalid, match="--map text=COLUMN"):
        mapping("id", "tweet")


def test_a_misspelt_column_is_named() -> None:
    with pytest.raises(MappingInvalid, match="no column 'twet'"):
        mapping("id", "tweet", maps=["text=twet"])


def test_features_are_float32_little_endian() -> None:
    columns = mapping("id", "x", "y", features=["x", "y"], needs_text=False)
    request = columns.request({"id": "1", "x": "0.5", "y": "-2"})
    assert request.features == struct.pack("<2f", 0.5, -2)
    assert request.payload is None


def test_repeated_columns_are_refused() -> None:
    with pytest.raises(MappingInvalid, match="repeated"):
        mapping("id", "text", "text")


def test_a_file_needs_one_of_the_columns_that_a_tabular_model_reads() -> None:
    reads = {"needs_text": False, "reads": ("amount", "use")}
    request = mapping("id", "amount", **reads).request({"id": "1", "amount": "5"})
    assert request.payload is not None
    assert json.loads(request.payload.body) == {"amount": 5}
    assert mapping("id", "sum", attributes=["amount:number=sum"], **reads).request({"id": "1", "sum": "5"}).attributes
    with pytest.raises(MappingInvalid, match=r"no column is one that moderation reads \(amount, use\)"):
        mapping("id", "colour", **reads)
