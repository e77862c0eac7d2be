"""The fold of the view: whatever is repeated, cut, or read in another order, it ends in what the log says."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.scan import Entry
from schemas import events as e
from schemas.topics import ASSIGNMENTS, TALLIES, TOPICS
from schemas.values import ClosedBy, OffsetRange, TallyRow
from streams.insights.fold import FOLDED
from streams.insights.store import Snapshot, ViewTaken, ViewWriter
from tests.support.people_log import MOVES, PLACE, PeopleLog
from tests.support.recorded import Recorded
from tests.support.sums import Rows, Truth

MOVE = st.tuples(st.sampled_from((*MOVES, "repeat")), st.sampled_from(["a", "bb", "ccc", "dddd"]), st.integers(0, 500))
ON_ONE_CASE = st.tuples(st.sampled_from(MOVES), st.just("a"), st.integers(0, 500))
LOGS = st.lists(MOVE, max_size=60) | st.lists(ON_ONE_CASE, max_size=60).map(lambda moves: [("open", "a", 1), *moves])


def made(moves: Sequence[tuple[str, str, int]]) -> list[Entry]:
    people = PeopleLog()
    for name, request_id, number in moves:
        people.repeat(number) if name == "repeat" else people.move(name, request_id, number)
    return people.entries


def rows_of(path: Path) -> Rows:
    with Snapshot(path) as view:
        found = view._db.execute("select * from sums where count!=0 or total!=0").fetchall()
    return {(row[0], row[1], row[2], row[3]): (row[4], row[5]) for row in found}


def folded(batches: Sequence[Sequence[Entry]]) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        writer = ViewWriter(Path(folder), origin="test")
        for batch in batches:
            writer.apply(batch)
        try:
            return rows_of(writer.path)
        finally:
            writer.close()


def test_the_catalogue_names_what_the_view_reads() -> None:
    assert {topic.name for topic in TOPICS if "insights" in topic.readers} == set(FOLDED)


@settings(max_examples=150, deadline=None)
@given(LOGS)
def test_the_view_is_what_the_log_says(moves: list[tuple[str, str, int]]) -> None:
    entries = made(moves)
    assert folded([entries]) == Truth(entries).rows


@settings(max_examples=60, deadline=None)
@given(LOGS, st.integers(0, 1 << 30))
def test_cut_anyhow_with_topics_in_any_order_it_is_the_same(moves: list[tuple[str, str, int]], seed: int) -> None:
    entries, random = made(moves), Random(seed)
    waiting: dict[tuple[str, int], list[Entry]] = {}
    for entry in entries:
        waiting.setdefault((entry.topic, entry.partition), []).append(entry)
    mixed: list[Entry] = []
    while waiting:
        place = random.choice(sorted(waiting))
        mixed.append(waiting[place].pop(0))
        if not waiting[place]:
            del waiting[place]
    batches, rest = [], mixed
    while rest:
        size = random.randint(1, 7)
        batches.append(rest[:size])
        rest = rest[size:]
    assert folded(batches) == folded([entries])


@settings(max_examples=60, deadline=None)
@given(LOGS)
def test_read_twice_it_counts_once(moves: list[tuple[str, str, int]]) -> None:
    entries = made(moves)
    assert folded([entries, entries, entries[len(entries) // 2 :]]) == folded([entries])


def tally(event_id: str, first: int, last: int, *, count: int, at: int = 0, partition: int = 0) -> e.StageTallied:
    span = OffsetRange(topic="predictions", partition=partition, first=first, last=last)
    row = TallyRow(workflow="w", minute=at, action="auto_approve", count=count, milliseconds=10 * count)
    return e.StageTallied(event_id=event_id, stage="router", slot="0", ranges=(span,), rows=(row,), occurred_at=at)


def test_a_tally_that_reaches_back_is_dropped_and_what_it_alone_counted_is_named(tmp_path: Path) -> None:
    log = Recorded()
    for event in (tally("a", 0, 99, count=100), tally("a", 0, 149, count=150), tally("b", 150, 160, count=11)):
        log.write(TALLIES.message(event))
    log.write(TALLIES.message(tally("c", 0, 4, count=5, partition=1)))
    writer = ViewWriter(tmp_path, origin="test")
    writer.apply(log.entries)
    with Snapshot(writer.path) as view:
        whole = view.whole()["w"]["tally/router/auto_approve"]
        assert (whole.count, whole.total) == (116, 1_160)
        assert view.notes() == {"repeated_tallies": 1, "uncounted_records": 50}
    writer.close()


def test_what_no_stage_can_have_written_is_counted_and_passed_over(tmp_path: Path) -> None:
    log = Recorded()
    log.write(TALLIES.message(tally("a", 0, 99, count=-100)))
    log.write(TALLIES.message(tally("b", 100, 199, count=1 << 50)))
    log.write(TALLIES.message(tally("c", 200, 299, count=1, at=61_000)))
    log.poison(topic=TALLIES.name)
    wild = e.CaseClosed(
        event_id="x", request_id="r", workflow="w", sequence=1, revision=1, cause=PLACE, occurred_at=-(1 << 62),
        closed_by=ClosedBy.REVIEWER,
    )  # fmt: skip
    log.write(ASSIGNMENTS.message(wild))
    writer = ViewWriter(tmp_path, origin="test")
    writer.apply(log.entries)
    assert rows_of(writer.path) == {}
    with Snapshot(writer.path) as view:
        assert view.notes() == {"unreadable": 5}
        assert view.positions()["tallies[0]"] == 3
    writer.close()


def test_a_failed_batch_changes_nothing_and_can_be_applied_again(tmp_path: Path) -> None:
    entries = made([("open", "a", 1), ("answer", "a", 2), ("tally", "a", 3)])
    writer = ViewWriter(tmp_path, origin="test")
    broken = [*entries[:-1], entries[-1]._replace(offset=1 << 70)]  # no position that SQLite can hold
    with pytest.raises(OverflowError):
        writer.apply(broken)
    assert rows_of(writer.path) == {} and writer.positions == {}
    writer.apply(entries)
    assert rows_of(writer.path) == Truth(entries).rows
    writer.close()


def test_a_view_is_kept_by_one_process_and_outlives_it(tmp_path: Path) -> None:
    entries = made([("open", "a", 1), ("tally", "a", 3), ("answer", "a", 2)])
    writer = ViewWriter(tmp_path, origin="test")
    writer.apply(entries[:1])
    with pytest.raises(ViewTaken):
        ViewWriter(tmp_path, origin="test")
    writer.close()
    again = ViewWriter(tmp_path, origin="test")
    again.apply(entries)
    assert rows_of(again.path) == Truth(entries).rows
    again.close()


def test_a_view_of_another_log_is_begun_anew(tmp_path: Path) -> None:
    writer = ViewWriter(tmp_path, origin="test")
    writer.apply(made([("open", "a", 1)]))
    writer.close()
    other = ViewWriter(tmp_path, origin="another")
    assert other.positions == {} and rows_of(other.path) == {}
    other.close()
