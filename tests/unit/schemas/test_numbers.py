"""Numbers as Avro writes them, read back and refused as it says; remembered or forgotten, the bytes are the same."""

from io import BytesIO

import pytest
from fastavro import schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.reading import more
from schemas.writing import KEPT, LONG

LARGEST = 2**63 - 1


def by_fastavro(number: int) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, "long", number)
    return stream.getvalue()


@given(st.integers(-LARGEST - 1, LARGEST))
def test_a_number_has_the_bytes_that_fastavro_writes(number: int) -> None:
    assert (LONG[number], LONG[number]) == (by_fastavro(number), by_fastavro(number))


@given(st.integers(0, 63).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1)), st.binary(max_size=8))
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


def test_moments_are_forgotten_but_never_change_and_small_numbers_stay() -> None:
    moments = range(1_800_000_000_000, 1_800_000_000_000 + 3 * KEPT)
    before = [LONG[moment] for moment in moments]
    assert len(LONG) <= KEPT
    assert set(range(256)) <= LONG.keys()
    assert [LONG[moment] for moment in moments] == before
