"""From the end of a topic backwards: every record once, the newest first, whatever the sizes, gaps and cursors."""

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.log import Record
from infra.kafka.newest import newest
from schemas.topics import DEAD_LETTERS
from tests.support.simlog import SimulatedLog

NAME = DEAD_LETTERS.name
Written = tuple[int, int, bool]  # partition, bytes, whether its transaction is committed


def log_of(written: Sequence[Written]) -> SimulatedLog:
    """Each record in a transaction of its own, a millisecond after the other, so that marks lie between."""
    ticks = count(1)
    log = SimulatedLog(partitions=3, wall=lambda: next(ticks))
    for number, (partition, size, committed) in enumerate(written):
        producer = log.producer(transactional_id=f"t{number}")
        producer.begin()
        producer.send(NAME, b"k", bytes(size), partition)
        if committed:
            producer.commit()
        else:
            producer.abort()
    return log


def pages_of(log: SimulatedLog, *, most: int, most_bytes: int) -> list[Sequence[Record]]:
    """All pages, one after the other."""
    pages: list[Sequence[Record]] = []
    found = newest(log, NAME, most=most, most_bytes=most_bytes)
    pages.append(found.records)
    while not found.is_last:
        before = found.before
        found = newest(log, NAME, before=before, most=most, most_bytes=most_bytes)
        assert found.began == before and (found.records or found.before != before), "it goes on"
        pages.append(found.records)
    return pages


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 10, 500]), st.booleans()), max_size=120),
    st.integers(1, 40),
    st.sampled_from([1, 600, 1 << 20]),
)
def test_pages_hold_every_committed_record_once_the_newest_first(
    written: list[Written], most: int, most_bytes: int
) -> None:
    log = log_of(written)
    pages = pages_of(log, most=most, most_bytes=most_bytes)
    found = [record for page in pages for record in page]
    expected = sorted(log.read_all(NAME), key=lambda record: -record.timestamp)
    assert found == expected
    assert all(len(page) <= most for page in pages)


def test_large_records_make_a_short_page() -> None:
    log = log_of([(0, 1_000, True)] * 60)
    found = newest(log, NAME, most=50, most_bytes=5_000)
    assert 0 < len(found.records) < 20 and not found.is_last


def test_a_long_stretch_without_records_is_passed() -> None:
    log = log_of([(1, 5, True), *[(0, 5, False)] * 400])
    assert [len(page) for page in pages_of(log, most=50, most_bytes=1 << 20)] == [1]


@pytest.mark.parametrize("before", [{0: 10**17, 1: 0, 7: 3}, {0: 0}, {2: 999_999_999}])
def test_offsets_that_are_not_there_do_no_harm(before: dict[int, int]) -> None:
    log = log_of([(number % 3, 5, True) for number in range(30)])
    found = newest(log, NAME, before=before, most=100, most_bytes=1 << 20)
    allowed = {place: before.get(place, 10**18) for place in range(3)}
    expected = [r for r in log.read_all(NAME) if r.offset < allowed[r.partition]]
    assert sorted(found.records) == sorted(expected) and found.is_last


def test_an_empty_topic_has_one_empty_page() -> None:
    found = newest(log_of([]), NAME, most=10, most_bytes=100)
    assert (found.records, found.is_last, found.in_all) == ((), True, 0)


def test_what_is_not_committed_yet_is_not_waited_for() -> None:
    log = log_of([(0, 5, True)])
    pending = log.producer(transactional_id="open")
    pending.begin()
    pending.send(NAME, b"k", b"later", 0)
    assert len(newest(log, NAME, most=10, most_bytes=100).records) == 1
