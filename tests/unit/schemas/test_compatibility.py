"""Schema resolution bites where the Avro specification says so, and nowhere else; fastavro is the second opinion."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.schema import parse_schema

from schemas.avsc import SchemaInvalid, parse_avsc
from schemas.compatibility import full_transitive, incompatibilities


def record(*fields: dict[str, Any], name: str = "E", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "hitl", "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "Colour", "symbols": list(symbols), **more}


def problems(reader: Any, writer: Any) -> list[str]:
    found = incompatibilities(reader=parse_avsc(json.dumps(reader)), writer=parse_avsc(json.dumps(writer)))
    return [f"{path}: {reason}" for path, reason in found]


A = field("string", "a")
POINT = record(field("int", "x"), name="Point")
# name: (reader, writer, a value of the writer's)
READABLE: dict[str, tuple[Any, Any, Any]] = {
    "the same": (record(A), record(A), {"a": "x"}),
    "field added with a default": (record(A, field("int", default=7)), record(A), {"a": "x"}),
    "field removed": (record(A), record(A, field("int")), {"a": "x", "f": 1}),
    "fields in another order": (record(field("int"), A), record(A, field("int")), {"a": "x", "f": 1}),
    "field renamed with an alias": (record(field("string", "b", aliases=["a"])), record(A), {"a": "x"}),
    "int to long": (record(field("long")), record(field("int")), {"f": 1}),
    "int to double": (record(field("double")), record(field("int")), {"f": 1}),
    "long to float": (record(field("float")), record(field("long")), {"f": 1}),
    "float to double": (record(field("double")), record(field("float")), {"f": 1.5}),
    "string to bytes": (record(field("bytes")), record(field("string")), {"f": "x"}),
    "bytes to string": (record(field("string")), record(field("bytes")), {"f": b"x"}),
    "made nullable": (record(field(["null", "string"])), record(field("string")), {"f": "x"}),
    "union widened": (record(field(["null", "string", "int"])), record(field(["null", "int"])), {"f": 1}),
    "union reordered": (record(field(["string", "null"])), record(field(["null", "string"])), {"f": "x"}),
    "promotion into a union": (record(field(["null", "double"])), record(field("int")), {"f": 1}),
    "enum grown": (record(field(enum("red", "blue"))), record(field(enum("red"))), {"f": "red"}),
    "enum shrunk, with a default": (
        record(field(enum("red", default="red"))), record(field(enum("red", "blue"))), {"f": "blue"},
    ),
    "nested record, field added with a default": (
        record(field(record(field("int", "x"), field("int", "y", default=0), name="Point"))),
        record(field(POINT)), {"f": {"x": 1}},
    ),
    "array of promoted items": (
        record(field({"type": "array", "items": "long"})), record(field({"type": "array", "items": "int"})), {"f": [1]},
    ),
    "logical type dropped": (
        record(field("long")), record(field({"type": "long", "logicalType": "timestamp-millis"})), {"f": 1},
    ),
    "another namespace": (record(A), {**record(A), "namespace": "elsewhere"}, {"a": "x"}),
    "record renamed with an alias": (record(A, name="F", aliases=["E"]), record(A), {"a": "x"}),
}  # fmt: skip
UNREADABLE: dict[str, tuple[Any, Any, Any]] = {
    "field added without a default": (record(A, field("int")), record(A), {"a": "x"}),
    "nullable field added without a default": (record(A, field(["null", "int"])), record(A), {"a": "x"}),
    "field renamed without an alias": (record(field("string", "b")), record(A), {"a": "x"}),
    "long to int": (record(field("int")), record(field("long")), {"f": 1}),
    "double to long": (record(field("long")), record(field("double")), {"f": 1.5}),
    "string to int": (record(field("int")), record(field("string")), {"f": "x"}),
    "no longer nullable": (record(field("string")), record(field(["null", "string"])), {"f": None}),
    "union narrowed": (record(field(["null", "int"])), record(field(["null", "int", "string"])), {"f": "x"}),
    "enum shrunk without a default": (record(field(enum("red"))), record(field(enum("red", "blue"))), {"f": "blue"}),
    "enum renamed": (
        record(field({**enum("red"), "name": "Hue"})), record(field(enum("red"))), {"f": "red"},
    ),
    "enum to string": (record(field("string")), record(field(enum("red"))), {"f": "red"}),
    "fixed of another size": (
        record(field({"type": "fixed", "name": "D", "size": 8})),
        record(field({"type": "fixed", "name": "D", "size": 4})), {"f": b"1234"},
    ),
    "array to map": (
        record(field({"type": "map", "values": "int"})), record(field({"type": "array", "items": "int"})), {"f": [1]},
    ),
    "values of a map narrowed": (
        record(field({"type": "map", "values": "int"})), record(field({"type": "map", "values": "string"})),
        {"f": {"k": "x"}},
    ),
    "nested record, field added without a default": (
        record(field(record(field("int", "x"), field("int", "y"), name="Point"))), record(field(POINT)),
        {"f": {"x": 1}},
    ),
    "record renamed": (record(A, name="F"), record(A), {"a": "x"}),
}  # fmt: skip
# fastavro reads these although the specification forbids it: it asks less of names than Java does
LENIENT_IN_FASTAVRO = {"record renamed", "long to int"}


@pytest.mark.parametrize("name", READABLE)
def test_what_the_specification_allows_is_compatible(name: str) -> None:
    reader, writer, value = READABLE[name]
    assert problems(reader, writer) == []
    fastavro_reads(reader, writer, value)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_the_specification_forbids_is_found(name: str) -> None:
    reader, writer, value = UNREADABLE[name]
    assert problems(reader, writer)
    if name not in LENIENT_IN_FASTAVRO:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever fastavro raises
            fastavro_reads(reader, writer, value)


def fastavro_reads(reader: Any, writer: Any, value: Any) -> None:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, parse_schema(writer), value)
    stream.seek(0)
    fastavro.schemaless_reader(stream, parse_schema(writer), parse_schema(reader))


def test_a_problem_names_its_place() -> None:
    reader = record(field({"type": "array", "items": record(field("int", "x"), name="Point")}, "points"))
    writer = record(field({"type": "array", "items": record(field("string", "x"), name="Point")}, "points"))
    assert problems(reader, writer) == ["E.points[].x: string cannot be read as int"]


def test_full_transitive_compares_the_first_with_the_last_version() -> None:
    """Each step is compatible with its neighbour; only the pair of ends is not."""
    steps = [record(field("int")), record(), record(field("string", default=""))]
    versions = [parse_avsc(json.dumps(step)) for step in steps]
    neighbours = [*full_transitive(versions[1:])]
    assert not neighbours
    assert {(reader, writer) for reader, writer, _ in full_transitive(versions)} == {(0, 1), (0, 2), (2, 0)}


def test_records_that_contain_themselves_are_compared_to_the_end() -> None:
    tree = record(field("int", "value"), field({"type": "array", "items": "hitl.E"}, "children"))
    grown = record(field("long", "value"), field({"type": "array", "items": "E"}, "children"))
    assert problems(grown, tree) == []
    assert problems(tree, grown) == ["E.value: long cannot be read as int"]


@pytest.mark.parametrize(
    "document",
    [
        "7",
        '"decimal"',
        '{"type": "array"}',
        '{"type": "record", "name": "E"}',
        '{"type": "enum", "name": "C", "symbols": 3}',
        '{"type": "record", "name": "E", "fields": [{"name": "f"}]}',
    ],
)
def test_a_document_that_is_no_schema_is_refused(document: str) -> None:
    with pytest.raises(SchemaInvalid):
        parse_avsc(document)
