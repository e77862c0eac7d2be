"""Several people answer one case: fixed and adaptive overlap, four eyes, adjudication, and nobody ever twice."""

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.events import (
    AnswerCounted,
    AuditAnswered,
    AuditExpired,
    CaseEscalated,
    DecisionMade,
    Event,
    ExpertReviewRequested,
    OverlapAnswered,
)
from schemas.values import Coordinates, DecidedBy, EscalatedBy, SampleKind
from tests.unit.casework.appealing import appeal, file, only
from tests.unit.casework.driver import CLASSES, HOUR, Table, review
from tests.unit.casework.replaying import fold
from tests.unit.casework.working import after, ask, case_of, claim, escalate, expert_place, names, refused, say, table

TWO: dict[str, Any] = {"overlap": 2, "most_answers": 3}
HATE = CLASSES.index("hate")


def outcome(made: Sequence[Event]) -> tuple[str, tuple[str, ...]]:
    (found,) = (event for event in made if isinstance(event, DecisionMade))
    return found.label, found.reviewers


def answered(at: Table, place: Coordinates, *labels: str) -> list[list[Event]]:
    """One person after the other, p0, p1 …"""
    return [say(at, place, f"p{number}", label) for number, label in enumerate(labels)]


def test_fixed_overlap_asks_so_many_people_and_each_answer_is_on_record() -> None:
    at = table()
    place = at.announce(review(**TWO))
    claim(at, "p0")
    first, second = answered(at, place, "hate", "hate")
    assert names(first) == ["AnswerCounted"]
    assert outcome(second) == ("hate", ("p0", "p1"))
    told = [(e.reviewer_id, e.label, e.position, e.resolved_label) for e in second if isinstance(e, OverlapAnswered)]
    assert told == [("p0", "hate", 1, "hate"), ("p1", "hate", 2, "hate")]
    assert at.cases() == fold(at.history())


def test_an_answer_that_counts_frees_the_case_for_the_next_person_alone() -> None:
    at = table()
    place = at.announce(review(**TWO))
    token = claim(at).lease
    counted = only(say(at, place, lease=token), AnswerCounted)
    assert counted.answers == 1
    assert case_of(at).lease is None
    assert refused(ask(at, "claim")) == "same_person"
    assert refused(say(at, place)) == "same_person"
    assert refused(ask(at, "hand_over", "lea", to_reviewer="ada")) == "same_person"
    assert refused(ask(at, "hold", resumes_at=at.lane.now + HOUR)) == "same_person"
    claim(at, "bob")


def test_confidence_of_the_outcome_is_the_mean_of_those_who_agree() -> None:
    at = table()
    place = at.announce(review(overlap=3, most_answers=3))
    say(at, place, "p0", "hate", confidence=0.6)
    say(at, place, "p1", "neither", confidence=1.0)
    made = only(say(at, place, "p2", "hate", confidence=0.8), DecisionMade)
    assert (made.label, made.confidence, made.reviewer_id) == ("hate", pytest.approx(0.7), "p2")


def test_adaptive_overlap_asks_further_people_only_while_they_disagree() -> None:
    adaptive: dict[str, Any] = {"overlap": 2, "adaptive": True, "most_answers": 3}
    at = table()
    assert outcome(answered(at, at.announce(review(**adaptive)), "hate", "hate")[-1])[0] == "hate"
    at = table()
    *_, last = answered(at, at.announce(review(**adaptive)), "hate", "neither", "neither")
    assert outcome(last) == ("neither", ("p0", "p1", "p2"))


def test_four_eyes_want_a_second_person_behind_a_class_and_only_that_one() -> None:
    at = table()
    assert outcome(answered(at, at.announce(review(four_eyes=(HATE,))), "neither")[-1]) == ("neither", ("p0",))
    at = table()
    first, second = answered(at, at.announce(review(four_eyes=(HATE,))), "hate", "hate")
    assert names(first) == ["AnswerCounted"]
    assert outcome(second) == ("hate", ("p0", "p1"))


def test_people_who_disagree_to_the_end_are_adjudicated_by_an_expert_who_sees_what_they_said() -> None:
    at = table()
    *_, last = answered(at, at.announce(review(**TWO)), "hate", "neither")
    escalated = next(event for event in last if isinstance(event, CaseEscalated))
    asked = next(event for event in last if isinstance(event, ExpertReviewRequested))
    assert escalated.escalated_by is EscalatedBy.DISAGREEMENT
    assert [(a.reviewer_id, a.action) for a in asked.answers] == [("p0", "reject (hate)"), ("p1", "approve (neither)")]
    assert [(e.label, e.resolved_label) for e in last if isinstance(e, OverlapAnswered)] == [
        ("hate", None), ("neither", None),
    ]  # fmt: skip
    place = expert_place(at)
    for who in ("p0", "p1"):
        assert refused(say(at, place, who)) == "same_person"
    made = only(say(at, place, "eve", "offensive"), DecisionMade)
    assert (made.decided_by, made.label) == (DecidedBy.EXPERT, "offensive")
    assert at.cases() == fold(at.history())


def test_a_blind_disagreement_stays_blind_with_the_expert() -> None:
    at = table()
    *_, last = answered(at, at.announce(review(kind=SampleKind.AUDIT, **TWO)), "hate", "neither")
    asked = next(event for event in last if isinstance(event, ExpertReviewRequested))
    assert (asked.answers, asked.recommendation) == ((), None)


def test_answers_in_grace_count_when_it_ends() -> None:
    at = table()
    place = at.announce(review(**TWO))
    say(at, place, "p0", "hate", grace_seconds=5.0)
    assert refused(ask(at, "claim", "p1")) == "answer_pending"
    assert names(after(at, 5_000).tick())[:1] == ["AnswerCounted"]
    assert outcome(say(at, place, "p1", "hate")) == ("hate", ("p0", "p1"))
    assert at.cases() == fold(at.history())


def test_who_took_an_answer_back_has_not_answered() -> None:
    at = table()
    place = at.announce(review(**TWO))
    say(at, place, "p0", "hate", grace_seconds=5.0)
    ask(at, "undo", "p0")
    assert only(say(at, place, "p0", "neither"), AnswerCounted).answers == 1


def test_nobody_answers_twice_after_a_return_a_timeout_or_a_reopening() -> None:
    at = table()
    place = at.announce(review(**TWO))
    say(at, place, "p0", "hate")
    escalate(at, place, "p1")  # p0's answer comes to nothing, but it was given
    assert refused(ask(at, "claim", "p0")) == "same_person"
    ask(at, "return", "eve", note="again")
    at.read_all("review.high")
    assert refused(ask(at, "claim", "p0")) == "same_person"
    found = case_of(at).review
    assert found is not None
    answered(at, found, "hate")  # p0 is refused once more
    say(at, found, "p2", "hate")
    closing = only(say(at, found, "p3", "hate"), DecisionMade)
    assert closing.reviewers == ("p2", "p3")
    file(at, appeal(closing))
    again = expert_place(at)
    for who in ("p0", "p2", "p3"):
        assert refused(say(at, again, who, "neither")) == "same_person"
    assert "OutcomeAmended" in names(say(at, again, "eve", "neither"))
    assert at.cases() == fold(at.history())


def test_an_expert_alone_is_no_four_eyes() -> None:
    """Whoever passes a case on to themselves is one person, and so is whoever is asked at once."""
    at = table()
    escalate(at, at.announce(review(four_eyes=(HATE,))), "ann")
    place = expert_place(at)
    assert names(say(at, place, "ann", "hate")) == ["AnswerCounted"]
    assert refused(say(at, place, "ann", "hate")) == "same_person"
    assert outcome(say(at, place, "eve", "hate")) == ("hate", ("ann", "eve"))
    assert at.cases() == fold(at.history())
    at = table()
    escalate(at, at.announce(review(four_eyes=(HATE,))), "ann")
    assert outcome(say(at, expert_place(at), "eve", "neither")) == ("neither", ("eve",))


def test_experts_who_do_not_agree_come_to_an_end() -> None:
    at = table()
    escalate(at, at.announce(review(four_eyes=(HATE, CLASSES.index("offensive")))), "ann")
    place = expert_place(at)
    assert names(say(at, place, "eve", "hate")) == ["AnswerCounted"]
    assert names(say(at, place, "fay", "offensive")) == ["AnswerCounted"]
    assert outcome(say(at, place, "gus", "hate")) == ("hate", ("eve", "fay", "gus"))


def test_an_audit_that_some_answered_in_time_is_answered() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, **TWO))
    say(at, place, "p0", "offensive")
    made = after(at, 24 * HOUR).tick()
    answered_ = only(made, AuditAnswered)
    assert (answered_.label, answered_.reviewer_id) == ("offensive", "p0")
    assert not [event for event in made if isinstance(event, AuditExpired)]
    assert at.cases() == fold(at.history())


def test_an_audit_whose_answers_come_to_nothing_expires() -> None:
    at = table()
    place = at.announce(review(kind=SampleKind.AUDIT, overlap=3, most_answers=3))
    answered(at, place, "offensive", "neither")
    only(after(at, 24 * HOUR).tick(), AuditExpired)


def test_one_answer_alone_is_no_overlap() -> None:
    at = table()
    place = at.announce(review(**TWO))
    say(at, place, "p0", "hate")
    made = after(at, 24 * HOUR).tick()
    only(made, CaseEscalated)
    assert not [event for event in made if isinstance(event, OverlapAnswered)]

