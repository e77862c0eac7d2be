"""Numbers as Avro writes them, read back and refused as it says; remembered or forgotten, the bytes are the same."""

import json
from io import BytesIO

import pytest
from fastavro import schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from schemas.avsc import parse_avsc
from schemas.reading import UPPER as READ
from schemas.reading import more
from schemas.writing import KEPT, UPPER, encoder

LARGEST = 2**63 - 1
SCHEMA = {"type": "record", "name": "One", "fields": [{"name": "number", "type": "long"}]}


class One(Struct):
    number: int


encode = encoder(parse_avsc(json.dumps(SCHEMA)), b"")


def by_fastavro(number: int) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, "long", number)
    return stream.getvalue()


numbers = st.integers(0, 63).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1))


@given(numbers)
@example(2**13 - 1)
@example(2**13)
@example(LARGEST)
@example(-LARGEST - 1)
def test_a_number_has_the_bytes_that_fastavro_writes(number: int) -> None:
    assert (encode(One(number)), encode(One(number))) == (by_fastavro(number), by_fastavro(number))


@pytest.mark.parametrize("number", [LARGEST + 1, -LARGEST - 2, 2**70, -(2**70)])
def test_a_number_beyond_64_bits_is_not_written(number: int) -> None:
    with pytest.raises(OverflowError, match="does not fit in 64 bits"):
        encode(One(number))


@given(numbers, st.binary(max_size=8))
@example(2**27, b"")
@example(2**34 - 1, b"")
@example(2**34, b"")
@example(2**41, b"")
@example(-(2**62), b"")
def test_a_number_of_any_length_is_read_back_whatever_follows_it(number: int, behind: bytes) -> None:
    written = by_fastavro(number)
    assert more(written + behind, 1, written[0]) == (number, len(written))


@given(st.integers(1, 9))
def test_a_number_that_breaks_off_is_refused(kept: int) -> None:
    written = by_fastavro(-LARGEST - 1)[:kept]
    with pytest.raises(IndexError):
        more(written, 1, written[0])


@pytest.mark.parametrize("wire", [b"\xff" * 10 + b"\0", b"\xff" * 9 + b"\x02"])
def test_a_number_beyond_64_bits_is_refused(wire: bytes) -> None:
    with pytest.raises(ValueError, match="a number of more than"):
        more(wire, 1, wire[0])


def test_what_is_remembered_of_moments_is_bounded_and_never_changes_them() -> None:
    moments = range(1_800_000_000_000, 1_800_000_000_000 + 3 * KEPT * 10_000, 5_000)
    before = [encode(One(moment)) for moment in moments]
    assert [more(written, 1, written[0])[0] for written in before] == list(moments)
    assert 0 < len(UPPER) <= KEPT
    assert 0 < len(READ) <= KEPT
    assert [encode(One(moment)) for moment in moments] == before
