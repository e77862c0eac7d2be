"""Expert validation: chance has an expert judge finished decisions anew, without being told what was decided."""

import pytest

from schemas.events import (
    AnswerCounted,
    CaseEscalated,
    CaseReopened,
    DecisionMade,
    DecisionValidated,
    ExpertReviewRequested,
    FeedbackRecorded,
    OutcomeAmended,
    OutcomeUpheld,
)
from schemas.values import CaseStatus, DecidedBy, FeedbackKind, ReopenedBy, SampleKind
from tests.unit.casework.appealing import appeal, file, only
from tests.unit.casework.driver import HOUR, SEALER, expert_review, review
from tests.unit.casework.replaying import fold
from tests.unit.casework.working import after, ask, case_of, escalate, expert_place, names, refused, say, table


def test_a_drawn_decision_is_reopened_at_once_and_the_expert_sees_neither_it_nor_who_took_it() -> None:
    at = table("review_timeout_hours = 5")
    made = say(at, at.announce(review(validation=0.2)), label="hate", feedback="it is hate")
    asked, reopened = only(made, ExpertReviewRequested), only(made, CaseReopened)
    assert reopened.reopened_by is ReopenedBy.VALIDATION
    assert (asked.answers, asked.standing, asked.reopened_by, asked.appeal) == ((), None, None, None)
    assert asked.recommendation is None
    assert asked.due_at == at.lane.now + 5 * HOUR
    for secret in (b"ada", b"it is hate"):
        assert secret not in repr(asked).encode().replace(asked.sealed, b"")


def test_it_looks_as_any_other_experts_case_but_for_why() -> None:
    """Field by field of the same shape as what a policy sends to an expert: nothing marks the drawn ones."""
    at = table()
    asked = only(say(at, at.announce(review(validation=0.2))), ExpertReviewRequested)
    ordinary = expert_review()
    shapes = [{name: type(getattr(e, name)) for name in e.__struct_fields__} for e in (asked, ordinary)]
    differ = {name for name in shapes[0] if shapes[0][name] is not shapes[1][name]}
    assert differ <= {"recommendation"}
    assert len(asked.sealed) == len(ordinary.sealed)


@pytest.mark.parametrize(("label", "agrees"), [("hate", True), ("neither", False)])
def test_what_the_expert_says_is_on_record_and_amends_or_upholds(label: str, agrees: bool) -> None:
    at = table()
    say(at, at.announce(review(validation=0.2)), label="hate")
    place = expert_place(at)
    assert refused(say(at, place, "ada", label)) == "same_person"
    made = say(at, place, "eve", label)
    told = only(made, DecisionValidated)
    assert (told.label, told.standing_label, told.agrees) == (label, "hate", agrees)
    assert (told.decided_by, told.reviewer_id, told.expert_id) == (DecidedBy.REVIEWER, "ada", "eve")
    assert told.inclusion_probability == 0.2
    judged = only(made, OutcomeUpheld if agrees else OutcomeAmended)
    assert (judged.cause_of_review, judged.label) == (ReopenedBy.VALIDATION, label)
    learnt = only(made, FeedbackRecorded)
    assert (learnt.kind, learnt.label) == (FeedbackKind.EXPERT, label)
    assert case_of(at).status is CaseStatus.CLOSED  # nothing validates a validation
    assert at.cases() == fold(at.history())


def test_what_chance_did_not_draw_is_not_judged_anew() -> None:
    at = table()
    assert "CaseReopened" not in names(say(at, at.announce(review())))


def test_an_experts_decision_can_be_drawn_too_and_another_expert_judges_it() -> None:
    at = table()
    there = escalate(at, at.announce(review(validation=0.2)))
    say(at, there, "eve", "hate")
    again = expert_place(at)
    assert refused(say(at, again, "eve", "hate")) == "same_person"
    told = only(say(at, again, "fay", "hate"), DecisionValidated)
    assert (told.decided_by, told.reviewer_id, told.expert_id) == (DecidedBy.EXPERT, "eve", "fay")


def test_nobody_whose_answer_counted_validates_it() -> None:
    at = table()
    place = at.announce(review(validation=0.2, overlap=2, most_answers=2))
    only(say(at, place, "ada", "hate"), AnswerCounted)
    say(at, place, "bob", "hate")
    again = expert_place(at)
    for who in ("ada", "bob"):
        assert refused(ask(at, "claim", who)) == "same_person"
    assert "DecisionValidated" in names(say(at, again, "eve", "hate"))


def test_an_audit_is_not_validated_it_decides_nothing() -> None:
    at = table()
    made = say(at, at.announce(review(kind=SampleKind.AUDIT, validation=0.2)), label="hate")
    assert "CaseReopened" not in names(made)


def test_an_appeal_that_comes_meanwhile_waits_and_is_judged_by_a_third_person() -> None:
    at = table()


    decided = only(say(at, at.announce(review(validation=0.2)), label="hate"), DecisionMade)
    place = expert_place(at)
    assert names(file(at, appeal(decided)))[:1] == ["AppealNoted"]
    made = say(at, place, "eve", "neither")
    assert [event.reopened_by for event in made if isinstance(event, CaseReopened)] == [ReopenedBy.APPEAL]
    last = expert_place(at)
    for who in ("ada", "eve"):
        assert refused(say(at, last, who, "hate")) == "same_person"
    amended = only(say(at, last, "fay", "hate"), OutcomeAmended)
    assert (amended.previous_label, amended.label) == ("neither", "hate")
    assert at.cases() == fold(at.history())


def test_it_never_times_out_and_is_not_returned() -> None:
    at = table()
    say(at, at.announce(review(validation=0.2)))
    expert_place(at)
    assert not any(isinstance(event, CaseEscalated) for event in after(at, 100 * HOUR).tick())
    assert refused(ask(at, "return", "eve", note="no")) == "not_allowed"
    sealed = case_of(at).sealed
    assert sealed is not None
    assert SEALER.open(sealed, request_id="r", revision=2).validation == 0.2


def test_with_another_priority_it_shows_no_more() -> None:
    at = table()
    say(at, at.announce(review(validation=0.2)), label="hate")
    expert_place(at)
    asked = only(ask(at, "reprioritise", "lea", priority="low"), ExpertReviewRequested)
    assert (asked.answers, asked.standing, asked.reopened_by, asked.appeal) == ((), None, None, None)

