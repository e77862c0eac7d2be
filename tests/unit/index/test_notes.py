"""Notes beside a case in the read model: the last of them, in any order of reading, until the case is closed."""

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.index.batch import folded
from consumers.index.kept import record_of
from consumers.index.notes import LONGEST, MOST, noted, with_notes
from infra.kafka.stage import Message
from infra.redis.records import Closed, Noted, RequestRecord, decode_record, encode
from producers.desk.lookup import notes_in
from schemas.events import CaseClosed, CaseHeld, CaseNoted, CaseSnapshot
from schemas.topics import ASSIGNMENTS
from schemas.values import CaseStage, CaseStatus, ClosedBy, Coordinates, Note, Priority

PLACE = Coordinates(topic="requests", partition=0, offset=1)


def change(kind: type, sequence: int, **fields: Any) -> Message:
    event = kind(
        event_id=f"e{sequence}", request_id="a", workflow="posts", sequence=sequence, revision=1, cause=PLACE,
        occurred_at=sequence * 10, **fields,
    )  # fmt: skip
    return Message(event, ASSIGNMENTS.name, 0, sequence, sequence * 10, b"a", b"")


def note(sequence: int, words: str = "n", who: str = "ann") -> Message:
    return change(CaseNoted, sequence, reviewer_id=who, note=words)


def closed(sequence: int) -> Message:
    return change(CaseClosed, sequence, closed_by=ClosedBy.REVIEWER, reviewer_id="ann", label="approve")


def words(record: RequestRecord | None) -> list[str]:
    return [] if record is None else [each.note for each in notes_in(record)]


def test_notes_are_told_in_their_order_however_they_are_read() -> None:
    held = change(CaseHeld, 4, reviewer_id="ann", resumes_at=99, note="later")
    told = [note(2, "first"), note(3, "second", "bob"), held]
    for order in permutations(told):
        record = folded(None, order)
        assert words(record) == ["first", "second", "later"]
        assert folded(record, order) is record
    assert record is not None and notes_in(decode_record(encode(record))) == notes_in(record)


def test_who_set_a_case_aside_without_a_word_left_no_note() -> None:
    assert words(folded(None, [change(CaseHeld, 2, reviewer_id="ann", resumes_at=99)])) == []


def test_notes_go_when_the_case_is_closed_and_not_those_after() -> None:
    for order in permutations([note(2, "before"), closed(3), note(5, "after")]):
        assert words(folded(None, order)) == ["after"]


def test_the_last_notes_are_kept_and_of_a_long_one_its_beginning() -> None:
    record = folded(None, [note(n, f"n{n}") for n in range(2, 30)])
    assert words(record) == [f"n{n}" for n in range(30 - MOST, 30)]
    (kept,) = words(folded(None, [note(2, "x" * 5_000)]))
    assert len(kept) == LONGEST and kept.endswith("…")


def test_what_the_last_state_tells_gives_way_to_the_events_of_it() -> None:
    case = CaseSnapshot(
        request_id="a", workflow="posts", status=CaseStatus.OPEN, stage=CaseStage.HUMAN, revision=1, sequence=3,
        priority=Priority.NORMAL, opened_at=5, request=PLACE, requested_at=1, reason="r", policy_version=1,
        policy_digest="d", notes=(Note(reviewer_id="ann", note="n", noted_at=20),),
    )  # fmt: skip
    restored = record_of(case)
    assert restored is not None and words(restored) == ["n"]
    again = folded(restored, [note(2)])
    assert again is not None and again.notes == (Noted(sequence=2, at=20, reviewer_id="ann", note="n"),)
    assert words(folded(restored, [closed(4)])) == []


SAID = st.builds(
    noted, sequence=st.integers(0, 40), at=st.integers(0, 40), reviewer_id=st.sampled_from("ab"), note=st.just("n")
)


@given(st.lists(SAID, max_size=30), st.lists(SAID, max_size=30), st.none() | st.integers(1, 40))
def test_notes_are_the_same_in_whatever_parts_they_come(one: list[Noted], two: list[Noted], last: int | None) -> None:
    end = None if last is None else Closed(sequence=last, revision=1, at=last, by=ClosedBy.REVIEWER)
    together = with_notes(one, two, end)
    assert with_notes(with_notes((), one, end), two, end) == together == with_notes(with_notes((), two, end), one, end)
    assert with_notes(together, one, end) == together
