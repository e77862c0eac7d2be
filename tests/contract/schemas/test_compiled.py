"""The compiled encoders and decoders agree with fastavro, byte for byte and value for value."""

import json
from functools import cache
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import HEADER, Codec, Undecodable, without_logical_types
from schemas.events import DecisionRequested, Event
from tests.contract.schemas.members import CURRENT, EVENTS
from tests.contract.schemas.strategies import events

CODEC = Codec.of_repository()
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def schema(name: str) -> Any:
    return fastavro.parse_schema(without_logical_types(json.loads(CURRENT[name].source)))


def written_by_fastavro(event: Event) -> bytes:
    stream = BytesIO()
    plain = msgspec.to_builtins(event, builtin_types=(bytes,))
    fastavro.schemaless_writer(stream, schema(type(event).__name__), plain)
    return stream.getvalue()


def read_by_fastavro(name: str, body: bytes) -> Event | None:
    """None when it refuses the bytes, or leaves some."""
    stream = BytesIO(body)
    try:
        plain = fastavro.schemaless_reader(stream, schema(name), None)
        event: Event = msgspec.convert(plain, EVENTS[name])
    except Exception:  # noqa: BLE001  # fastavro raises whatever the bytes provoke
        return None
    return event if stream.tell() == len(body) else None


@pytest.mark.parametrize("name", EVENTS)
def test_the_bytes_are_those_of_fastavro(name: str) -> None:
    @quick
    @given(event=events(name))
    def holds(event: Event) -> None:
        body = CODEC.encode(event)[HEADER.size :]
        assert body == written_by_fastavro(event)
        assert read_by_fastavro(name, body) == event

    holds()


@pytest.mark.parametrize("name", EVENTS)
def test_what_is_read_from_damaged_bytes_is_what_fastavro_reads(name: str) -> None:
    """Ours refuses more, such as numbers beyond 64 bits, but never reads another event."""

    @quick
    @given(event=events(name), data=st.data())
    def holds(event: Event, data: st.DataObject) -> None:
        value = bytearray(CODEC.encode(event))
        for _ in range(data.draw(st.integers(1, 3))):
            value[data.draw(st.integers(HEADER.size, len(value) - 1))] = data.draw(st.integers(0, 255))
        try:
            ours = CODEC.decode(bytes(value))
        except Undecodable:
            return
        theirs = read_by_fastavro(name, bytes(value[HEADER.size :]))
        assert repr(ours) == repr(theirs), "NaN equals nothing, but is written the same"

    holds()


def test_collections_in_several_blocks_and_with_sizes_are_read() -> None:
    """Other writers split collections, and may say their size in bytes after a negative count."""
    event = DecisionRequested(request_id="r", workflow="w", attributes={"a": "1", "b": "2"})
    body = CODEC.encode(event)[HEADER.size :]
    together = b"\x04\x02a\x00\x021\x02b\x00\x022\x00"
    assert together in body
    in_blocks = b"\x01\x0a\x02a\x00\x021\x02\x02b\x00\x022\x00"
    head = CODEC.encode(event)[: HEADER.size]
    assert CODEC.decode(head + body.replace(together, in_blocks)) == event
