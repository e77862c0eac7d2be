"""What is written can be read, and what cannot be read is refused in one way only."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import HEADER, Codec, SchemaVersion, Undecodable, published
from schemas.events import Event
from tests.contract.schemas.members import EVENTS
from tests.contract.schemas.strategies import events

CODEC = Codec.of_repository()
REASONS = {"empty", "undecodable", "unknown_schema", "invalid"}
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", EVENTS)
def test_decoding_gives_back_what_was_encoded(name: str) -> None:
    @quick
    @given(event=events(name))
    def holds(event: Event) -> None:
        assert CODEC.decode(CODEC.encode(event)) == event

    holds()


@pytest.mark.parametrize("name", EVENTS)
def test_a_body_alone_is_read_by_its_fingerprint(name: str) -> None:
    @settings(quick, max_examples=5)
    @given(event=events(name))
    def holds(event: Event) -> None:
        body, fingerprint = CODEC.body(CODEC.encode(event))
        assert CODEC.decode_body(body, fingerprint) == event

    holds()


def decodes_or_is_refused(value: bytes | None) -> bool:
    try:
        CODEC.decode(value)
    except Undecodable as refusal:
        if refusal.reason not in REASONS:
            pytest.fail(f"{refusal.reason} is no reason that dead letters know")
        return False
    return True


@given(value=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_nothing_else(value: bytes) -> None:
    decodes_or_is_refused(value)


@settings(max_examples=300)
@given(version=st.sampled_from(published()), body=st.binary(max_size=120))
def test_arbitrary_bytes_under_a_known_schema_are_refused_and_nothing_else(version: SchemaVersion, body: bytes) -> None:
    decodes_or_is_refused(HEADER.pack(0, version.schema_id) + body)


@pytest.mark.parametrize("name", EVENTS)
def test_damaged_events_are_refused_or_read_as_another_event(name: str) -> None:
    @settings(quick, max_examples=15)
    @given(event=events(name), data=st.data())
    def holds(event: Event, data: st.DataObject) -> None:
        value = bytearray(CODEC.encode(event))
        for _ in range(data.draw(st.integers(1, 3))):
            value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
        decodes_or_is_refused(bytes(value))

    holds()


@pytest.mark.parametrize("name", EVENTS)
def test_cut_and_lengthened_events_are_refused(name: str) -> None:
    @settings(quick, max_examples=15)
    @given(event=events(name), data=st.data())
    def holds(event: Event, data: st.DataObject) -> None:
        value = CODEC.encode(event)
        assert not decodes_or_is_refused(value[: data.draw(st.integers(0, len(value) - 1))])
        assert not decodes_or_is_refused(value + data.draw(st.binary(min_size=1, max_size=3)))

    holds()


def test_a_record_without_value_is_refused_as_empty() -> None:
    with pytest.raises(Undecodable, match="empty"):
        CODEC.decode(None)
