"""An answer may be taken back while its grace lasts; then it takes effect, and only an expert can change it."""

import pytest

from schemas.events import AnswerReceived, AnswerWithdrawn, DecisionMade, LeaseGranted
from schemas.topics import REVIEW_COMMANDS, REVIEW_DECISIONS
from schemas.values import CaseStatus, Coordinates, SampleKind
from tests.unit.casework.appealing import only
from tests.unit.casework.driver import HOUR, START, Table, action, decision, expert_review, review
from tests.unit.casework.replaying import fold
from tests.unit.casework.working import after, ask, case_of, claim, expert_place, names, refused, say, table

GRACE = 5_000  # milliseconds
DEADLINE = START + 24 * HOUR


def waiting() -> Table:
    """An answer of ada's waits."""
    at = table()
    at.announce(review())
    received = only(say(at, place_of(at), grace_seconds=5.0), AnswerReceived)
    assert received.leaves_at == START + GRACE
    return at


def place_of(at: Table) -> Coordinates:
    found = case_of(at).review
    assert found is not None
    return found


def test_nothing_leaves_before_the_grace_ends_and_then_everything() -> None:
    at = waiting()
    assert not any(isinstance(event, DecisionMade) for event in at.events)
    assert after(at, GRACE - 1).tick() == []
    made = after(at, 1).tick()
    outcome = only(made, DecisionMade)
    assert (outcome.reviewer_id, outcome.grounds.cause.topic) == ("ada", REVIEW_DECISIONS.name)
    assert case_of(at).status is CaseStatus.CLOSED
    assert at.cases() == fold(at.history())


def test_while_it_waits_nobody_else_gets_the_case() -> None:
    at = waiting()
    for who in ("ada", "bob"):
        assert refused(ask(at, "claim", who)) == "answer_pending"
        assert refused(say(at, place_of(at), who, "neither")) == "answer_pending"
    assert refused(ask(at, "release")) == "answer_pending"
    assert refused(ask(at, "hand_over", "lea", to_reviewer="bob")) == "answer_pending"
    assert refused(ask(at, "hold", resumes_at=START + HOUR)) == "answer_pending"


def test_undo_takes_it_back_and_the_case_is_theirs_again() -> None:
    at = waiting()
    withdrawn, granted = ask(after(at, GRACE - 1), "undo")
    assert isinstance(withdrawn, AnswerWithdrawn) and isinstance(granted, LeaseGranted)
    assert granted.reviewer_id == "ada"
    assert after(at, GRACE).tick() == []  # its time is nothing any more
    made = say(at, place_of(at), label="neither", lease=granted.lease)
    assert only(made, DecisionMade).label == "neither"
    assert at.cases() == fold(at.history())


def test_only_they_take_it_back_and_only_in_time() -> None:
    at = waiting()
    assert refused(ask(at, "undo", "bob")) == "not_owner"
    assert refused(ask(after(at, GRACE), "undo")) == "too_late"  # by the time of the record, not of the clock's look
    at.tick()
    assert refused(ask(at, "undo")) == "too_late"
    assert refused(ask(at, "undo", request_id="r6")) == "unknown_case"


def test_an_undo_that_waits_to_be_read_comes_before_the_clock() -> None:
    at = waiting()
    at.write(REVIEW_COMMANDS.name, action("undo"), at=START + GRACE - 1)
    assert after(at, HOUR).tick() == []
    assert "AnswerWithdrawn" in names(at.read_all(REVIEW_COMMANDS.name))
    assert at.tick() == []


@pytest.mark.parametrize("seconds", [-1.0, 60.1, float("nan")])
def test_grace_is_a_minute_at_most(seconds: float) -> None:
    at = table()
    at.announce(review())
    assert refused(say(at, place_of(at), grace_seconds=seconds)) == "bad_value"


def test_a_waiting_answer_is_in_time_for_the_deadline() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT))
    after(at, 24 * HOUR - 1_000)
    say(at, place, grace_seconds=5.0)
    made = after(at, 1_000).tick()
    assert "AuditAnswered" in names(made) and "AuditExpired" not in names(made)


def test_the_grace_of_an_overdue_expert_case_is_kept_through_a_crash() -> None:
    """Its deadline is past and means nothing; a restart looks at it again."""
    at = table()
    place = at.announce(expert_review())
    after(at, 25 * HOUR).tick()
    only(say(at, place, "eve", grace_seconds=5.0), AnswerReceived)
    at.restart()
    assert after(at, 1_000).tick() == []
    assert "AnswerWithdrawn" in names(ask(at, "undo", "eve"))


def test_an_escalation_can_be_taken_back_too() -> None:
    at = table()
    place = at.announce(review())
    token = claim(at).lease
    at.answer(decision(place, "escalate", lease=token, grace_seconds=5.0), at=START)
    assert at.topics["expert"] == []
    ask(at, "undo")
    assert case_of(at).lease is not None
    at.answer(decision(place, "escalate", grace_seconds=5.0, decision_id="d2"), at=START)
    assert "CaseEscalated" in names(after(at, GRACE).tick())
    assert "CaseClosed" in names(say(at, expert_place(at), "eve"))


def test_grace_and_leases_begin_when_the_record_was_appended() -> None:
    """Whatever casework's own clock says: the brokers' is ahead here by a quarter of an hour."""
    ahead = 15 * 60_000
    at = table()
    place = at.announce(review())
    granted = only(at.command(action("claim"), at=START + ahead), LeaseGranted)
    assert granted.expires_at == START + ahead + 10 * 60_000
    said = decision(place, lease=granted.lease, grace_seconds=5.0)
    received = only(at.answer(said, at=START + ahead + 1), AnswerReceived)
    assert received.leaves_at == START + ahead + 1 + GRACE

