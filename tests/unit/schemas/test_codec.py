"""The codec: id spaces, older versions, and what it refuses to write."""

import json
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest

import schemas.codec
from schemas.codec import (
    HEADER,
    Codec,
    SchemaVersion,
    Undecodable,
    published,
    schema_fingerprint,
    without_logical_types,
)
from schemas.events import DecisionRequested, Event, StageTallied
from schemas.ids import derive_id
from schemas.publishing import EXAMPLES, example_event

CODEC = Codec.of_repository()


def example(name: str) -> Event:
    return example_event(EXAMPLES / name / "v1.full.json")


def schema_id(value: bytes) -> int:
    return int(HEADER.unpack(value[: HEADER.size])[1])


def test_another_id_space_changes_the_header_only() -> None:
    shifted = Codec({version.fingerprint: version.schema_id + 5_000 for version in published()})
    ours, theirs = CODEC.encode(example("DecisionMade")), shifted.encode(example("DecisionMade"))
    assert schema_id(theirs) == schema_id(ours) + 5_000
    assert theirs[HEADER.size :] == ours[HEADER.size :]
    assert shifted.decode(theirs) == example("DecisionMade")
    with pytest.raises(Undecodable, match="unknown_schema"):
        shifted.decode(ours)


def test_a_cluster_without_an_id_for_a_current_schema_is_refused() -> None:
    ids = {version.fingerprint: version.schema_id for version in published() if version.name != "StageTallied"}
    with pytest.raises(LookupError, match="StageTallied/v1"):
        Codec(ids)


def test_records_of_an_older_version_are_read_into_the_current_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted older schema of ReviewDecided: without `feedback`, and with a field that is gone since."""
    versions = [version for version in published() if version.name == "ReviewDecided"]
    current = max(versions, key=lambda each: each.version)
    schema = json.loads(current.source)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "feedback"]
    schema["fields"].append({"name": "desk", "type": "string", "default": ""})
    fingerprint, source = schema_fingerprint(schema), json.dumps(schema)
    older = SchemaVersion(name="ReviewDecided", version=0, schema_id=900, fingerprint=fingerprint, source=source)
    stream = BytesIO()
    plain = msgspec.to_builtins(example("ReviewDecided"), builtin_types=(bytes,))
    fastavro.schemaless_writer(stream, fastavro.parse_schema(without_logical_types(schema)), plain)
    written = HEADER.pack(0, older.schema_id) + stream.getvalue()
    monkeypatch.setattr(schemas.codec, "published", lambda: (older, *published()))
    codec = Codec({version.fingerprint: version.schema_id for version in (older, *published())})
    assert codec.decode(written) == msgspec.structs.replace(example("ReviewDecided"), feedback="")
    assert schema_id(codec.encode(example("ReviewDecided"))) == current.schema_id, "what is written is current"


@pytest.mark.parametrize(
    ("field", "value"),
    [("sequence", 2**70), ("sequence", "3"), ("event_id", None), ("event_id", "\ud800"), ("sealed", "text"),
     ("priority", "soon"), ("cause", None), ("config_offsets", {1: 2}), ("due_at", "tomorrow")],
)  # fmt: skip
def test_what_the_schema_cannot_hold_is_not_written(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CODEC.encode(msgspec.structs.replace(example("CaseOpened"), **{field: value}))


def test_attributes_keep_their_types() -> None:
    """`true` must not come back as 1.0: rules compare by type."""
    request = DecisionRequested(request_id="r", workflow="w", attributes={"flag": True, "amount": 1.0, "text": "1"})
    decoded = CODEC.decode(CODEC.encode(request))
    assert isinstance(decoded, DecisionRequested)
    assert {name: type(value) for name, value in decoded.attributes.items()} == {
        "flag": bool,
        "amount": float,
        "text": str,
    }


def test_a_stored_body_is_handed_on_without_being_decoded() -> None:
    value = CODEC.encode(example("DecisionRequested"))
    body, fingerprint = CODEC.body(value)
    assert value[HEADER.size :] == body
    assert CODEC.decode_body(body, fingerprint) == example("DecisionRequested")
    with pytest.raises(Undecodable, match="no schema with fingerprint"):
        CODEC.decode_body(body, b"12345678")


@pytest.mark.parametrize("value", [b"", b"\x00\x00", b"\x01\x00\x00\x03\xe9rest", b'{"request_id": "r"}'])
def test_bytes_without_the_wire_header_are_named_as_such(value: bytes) -> None:
    with pytest.raises(Undecodable, match="magic byte"):
        CODEC.decode(value)


def test_events_cannot_be_changed() -> None:
    tallied = example("StageTallied")
    assert isinstance(tallied, StageTallied)
    with pytest.raises(AttributeError):
        tallied.stage = "other"  # type: ignore[misc]


def test_ids_derive_from_step_and_cause() -> None:
    assert derive_id("case", "4711", 3) == "case:4711:3"
