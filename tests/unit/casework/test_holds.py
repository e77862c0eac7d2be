"""Set aside until a date, noted, given back for rework, moved in the queue: what happens to a case beside answers."""

import pytest

from schemas.events import (
    CaseHeld,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    ExpertReviewRequested,
    HoldEnded,
    ReviewRequested,
)
from schemas.topics import EXPERT
from schemas.values import CaseStage, EndedBy, Priority, SampleKind
from streams.casework.answer import MAX_NOTE_BYTES
from streams.casework.lease import MAX_NOTES, MAX_NOTES_BYTES, MAX_ROUNDS
from tests.unit.casework.appealing import only
from tests.unit.casework.driver import HOUR, SEALER, START, Table, expert_review, review, sealed
from tests.unit.casework.replaying import fold
from tests.unit.casework.working import (
    MINUTE,
    after,
    ask,
    assessed,
    case_of,
    claim,
    enrolled,
    escalate,
    expert_place,
    names,
    refused,
    say,
    table,
)

DAY = 24 * HOUR
DEADLINE = START + 24 * HOUR


def held(at: Table, who: str = "ada", *, until: int = START + HOUR) -> CaseHeld:
    return only(ask(at, "hold", who, resumes_at=until, note="asked legal"), CaseHeld)  # type: ignore[no-any-return]


def test_a_held_case_waits_for_its_person_and_comes_back_by_the_clock() -> None:
    at = table()
    place = at.announce(review())
    claim(at)
    assert held(at).note == "asked legal"
    assert case_of(at).lease is None
    assert refused(ask(at, "claim", "bob")) == "on_hold"
    assert refused(say(at, place, "bob")) == "on_hold"
    assert after(at, HOUR - 1).tick() == []
    (resumed, _) = after(at, 1).tick()
    assert isinstance(resumed, HoldEnded) and resumed.ended_by is EndedBy.EXPIRED
    assert claim(at, "bob").reviewer_id == "bob"


def test_whoever_set_it_aside_takes_it_up_again_or_answers_at_once() -> None:
    at = table()
    place = at.announce(review())
    held(at)
    claim(at)
    assert case_of(at).hold is None
    held(at)
    assert "CaseClosed" in names(say(at, place))


def test_a_hold_is_ended_by_its_person_or_a_lead_alone() -> None:
    at = table("", enrolled("lea", "lead"), enrolled("bob", "reviewer"))
    at.announce(review())
    held(at)
    assert refused(ask(at, "release", "bob")) == "on_hold"
    (ended,) = ask(at, "release", "lea")
    assert isinstance(ended, HoldEnded) and ended.ended_by is EndedBy.RELEASED
    held(at)
    assert names(ask(at, "release")) == ["HoldEnded"]
    held(at)
    ask(at, "hand_over", "lea", to_reviewer="bob")
    assert (case_of(at).hold, case_of(at).lease is not None) == (None, True)


@pytest.mark.parametrize("until", [None, START, START - 1, START + 2 * DAY + 1])
def test_a_hold_needs_a_date_ahead_and_within_the_policys_longest(until: int | None) -> None:
    at = table("[review]\nlongest_hold_days = 2")
    at.announce(review())
    assert refused(ask(at, "hold", resumes_at=until)) == "bad_value"
    assert names(ask(at, "hold", resumes_at=START + 2 * DAY)) == ["CaseHeld"]


def test_what_others_have_cannot_be_set_aside() -> None:
    at = table()
    at.announce(review())
    token = claim(at).lease
    assert refused(ask(at, "hold", "bob", resumes_at=START + HOUR)) == "not_owner"
    assert refused(ask(at, "hold", resumes_at=START + HOUR, lease=token - 1)) == "stale_lease"


def test_a_hold_stops_no_deadline() -> None:
    at = table()
    at.announce(review())
    held(at, until=DEADLINE + HOUR)
    assert names(after(at, 24 * HOUR).tick())[:2] == ["ExpertReviewRequested", "CaseEscalated"]
    assert case_of(at).hold is None
    expert_place(at)
    assert claim(at, "eve").reviewer_id == "eve"


# ---- notes ----


def test_a_note_stands_beside_the_case_and_changes_nobodys_lease() -> None:
    at = table()
    at.announce(review())
    claim(at)
    noted = only(ask(at, "note", "bob", note="seen this before"), CaseNoted)
    assert (noted.reviewer_id, noted.note) == ("bob", "seen this before")
    case = case_of(at)
    assert [(note.reviewer_id, note.note) for note in case.notes] == [("bob", "seen this before")]
    assert case.lease is not None and case.lease.reviewer_id == "ada"
    assert refused(ask(at, "note")) == "bad_value"
    assert refused(ask(at, "note", note="x" * (MAX_NOTE_BYTES + 1))) == "bad_value"


@pytest.mark.parametrize("words", ["x", "x" * MAX_NOTE_BYTES])
def test_notes_never_outgrow_the_record_of_their_case(words: str) -> None:
    at = table()
    at.announce(review())
    most = min(MAX_NOTES, MAX_NOTES_BYTES // len(words))
    for _ in range(most):
        only(ask(at, "note", note=words), CaseNoted)
    assert refused(ask(at, "note", note=words)) == "not_allowed"
    assert len(case_of(at).notes) == most


# ---- given back ----


def test_an_expert_returns_a_case_for_rework_in_the_time_that_is_left() -> None:
    at = table()
    escalate(at, at.announce(review()))
    made = ask(after(at, HOUR), "return", "eve", note="ask for the other page")
    asked, returned = only(made, ReviewRequested), only(made, CaseReturned)
    assert (returned.revision, returned.note) == (3, "ask for the other page")
    assert (asked.revision, asked.due_at) == (3, DEADLINE)
    assert [(a.reviewer_id, a.action) for a in asked.answers] == [("ada", "escalate"), ("eve", "return")]
    assert asked.recommendation is not None
    at.read_all("review.high")
    case = case_of(at)
    assert (case.stage, case.review is not None) == (CaseStage.HUMAN, True)
    assert case.review is not None
    assert "CaseClosed" in names(say(at, case.review))
    assert at.cases() == fold(at.history())


def test_what_came_to_an_expert_at_once_is_given_a_deadline_when_it_is_returned() -> None:
    at = table("review_timeout_hours = 5")
    at.announce(expert_review(due_at=None))
    asked = only(ask(after(at, HOUR), "return", "eve", note="look"), ReviewRequested)
    assert asked.due_at == START + 6 * HOUR


def test_after_its_deadline_no_case_is_returned() -> None:
    at = table()
    escalate(at, at.announce(review()))
    after(at, 24 * HOUR).tick()
    (said,) = ask(at, "return", "eve", note="again")
    assert getattr(said, "reason", "") == "not_allowed" and "deadline" in getattr(said, "detail", "")


def test_an_audits_deadline_never_moves() -> None:
    at = table()
    escalate(at, at.announce(review(kind=SampleKind.AUDIT)))
    asked = only(ask(after(at, HOUR), "return", "eve", note="again"), ReviewRequested)
    assert asked.due_at == DEADLINE
    assert SEALER.open(asked.sealed, request_id="r", revision=3) == sealed(SampleKind.AUDIT)
    assert asked.recommendation is None
    assert names(after(at, 23 * HOUR).tick())[:1] == ["AuditExpired"]


def test_only_an_expert_returns_and_not_what_is_with_reviewers() -> None:
    at = table("", enrolled("bob", "reviewer"))
    place = at.announce(review())
    assert refused(ask(at, "return", "eve")) == "not_allowed"
    escalate(at, place)
    assert refused(ask(at, "return", "bob")) == "missing_role"
    claim(at, "eve")
    assert refused(ask(at, "return", "fay")) == "not_owner"
    assert "CaseReturned" in names(ask(at, "return", "eve"))
    assert case_of(at).lease is None


def test_who_may_not_adjudicate_may_still_do_the_rework() -> None:
    """The case came to an expert because people disagreed; now it is with reviewers again."""
    at = table("", assessed("cid", may_adjudicate=False))
    place = at.announce(review(overlap=2, most_answers=2))
    say(at, place, "ada", "hate")
    say(at, place, "bob", "neither")
    expert_place(at)
    assert refused(ask(at, "claim", "cid")) == "not_qualified"
    ask(at, "return", "eve", note="again")
    assert refused(ask(at, "claim", "ada")) == "same_person"
    assert claim(at, "cid").reviewer_id == "cid"


def test_a_case_does_not_go_to_and_fro_for_ever() -> None:
    at = table()
    place = at.announce(review())
    for _ in range(MAX_ROUNDS):
        escalate(at, place)
        if names(made := ask(at, "return", "eve")) == ["CommandRefused"]:
            break
        at.read_all("review.high")
        found = case_of(at).review
        assert found is not None
        place = found
    assert refused(made) == "not_allowed"
    assert "CaseClosed" in names(say(at, expert_place(at), "eve"))


# ---- priority ----


def test_a_lead_changes_the_priority_and_the_owner_keeps_the_case() -> None:
    at = table("", enrolled("lea", "lead"), enrolled("bob", "reviewer"))
    old = at.announce(review())
    token = claim(at, "bob").lease
    assert refused(ask(at, "reprioritise", "bob", priority="urgent")) == "missing_role"
    assert refused(ask(at, "reprioritise", "lea", priority="normal")) == "not_allowed"
    assert refused(ask(at, "reprioritise", "lea", priority="soon")) == "bad_value"
    assert refused(ask(at, "reprioritise", "lea")) == "bad_value"
    made = ask(at, "reprioritise", "lea", priority="urgent", note="the press asks")
    asked, changed = only(made, ReviewRequested), only(made, CaseReprioritised)
    assert (asked.priority, asked.revision, asked.due_at) == (Priority.URGENT, 2, DEADLINE)
    assert (changed.reviewer_id, changed.note) == ("lea", "the press asks")
    case = case_of(at)
    assert case.lease is not None and case.lease.token == token
    # named by the old announcement: with the lease it stands, without one nobody can know what was seen
    assert refused(say(at, old, "bob")) == "superseded"
    assert "CaseClosed" in names(say(at, old, "bob", lease=token))
    assert at.cases() == fold(at.history())


def test_the_new_announcement_can_be_answered_once_it_was_read() -> None:
    at = table()
    at.announce(review())
    ask(at, "reprioritise", "lea", priority="low")
    at.read_all("review.low")
    place = case_of(at).review
    assert place is not None and place.topic == "review.low"
    assert "CaseClosed" in names(say(at, place))


def test_an_experts_case_is_announced_to_experts_again() -> None:
    at = table()
    at.announce(expert_review())
    asked = only(ask(at, "reprioritise", "lea", priority="low"), ExpertReviewRequested)
    assert (asked.priority, asked.revision, asked.escalated_by) == (Priority.LOW, 2, "policy")
    assert at.topics[EXPERT.name][-1][1] == asked
    assert "CaseClosed" in names(say(at, expert_place(at), "eve"))


def test_a_deadline_that_is_promised_stays_through_a_change_of_priority() -> None:
    at = table("[review]\nsla_hours = {urgent = 1}")
    at.announce(review())
    ask(at, "reprioritise", "lea", priority="urgent")
    assert after(at, 24 * HOUR - MINUTE).tick() == []
    assert "CaseEscalated" in names(after(at, MINUTE).tick())
