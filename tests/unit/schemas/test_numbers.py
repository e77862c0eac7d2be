"""Numbers as Avro writes them: the same bytes whether they are remembered or were forgotten meanwhile."""

from io import BytesIO

from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from schemas.writing import KEPT, LONG

LARGEST = 2**63 - 1


def by_fastavro(number: int) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, "long", number)
    return stream.getvalue()


@given(st.integers(-LARGEST - 1, LARGEST))
def test_a_number_has_the_bytes_that_fastavro_writes(number: int) -> None:
    assert (LONG[number], LONG[number]) == (by_fastavro(number), by_fastavro(number))


def test_moments_are_forgotten_but_never_change_and_small_numbers_stay() -> None:
    moments = range(1_800_000_000_000, 1_800_000_000_000 + 3 * KEPT)
    before = [LONG[moment] for moment in moments]
    assert len(LONG) <= KEPT
    assert set(range(256)) <= LONG.keys()
    assert [LONG[moment] for moment in moments] == before
