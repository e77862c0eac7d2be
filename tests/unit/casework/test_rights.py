"""Who may work on a case: roles and skills by enrolment or token, people set inactive, experts who may adjudicate."""

import msgspec
import pytest
from msgspec.structs import replace

from schemas.events import Event, LeaseGranted
from streams.casework.config import Config
from streams.casework.identity import Claims, Identity, Role, issuer
from streams.casework.people import fold_people
from streams.casework.rights import who_is
from tests.unit.casework.appealing import appeal, file, only, original
from tests.unit.casework.driver import START, Table, action, decision, expert_review, review
from tests.unit.casework.test_signing_keys import FIRST, published
from tests.unit.casework.working import (
    ask,
    assessed,
    claim,
    enrolled,
    escalate,
    expert_place,
    names,
    refused,
    say,
    table,
)


def both_ways(at: Table, who: str) -> set[str]:
    """Why this person is refused the case, as a claim and as an answer."""
    case = at.cases()["r"]
    assert case.review is not None
    return {refused(ask(at, "claim", who)), refused(say(at, case.review, who))}


def test_nobody_is_forbidden_anything_while_nobody_says_what_they_are() -> None:
    at = table()
    at.announce(expert_review())
    assert claim(at, "a stranger").reviewer_id == "a stranger"


def test_roles_are_those_of_the_enrolment() -> None:
    at = table("", enrolled("ann", "reviewer"), enrolled("eve", "expert"), enrolled("lea", "lead"))
    at.announce(expert_review())
    assert both_ways(at, "ann") == both_ways(at, "lea") == {"missing_role"}
    assert claim(at, "eve").reviewer_id == "eve"
    at = table("", enrolled("eve", "expert"), enrolled("lea", "lead"))
    at.announce(review())
    assert both_ways(at, "lea") == {"missing_role"}
    assert claim(at, "eve").reviewer_id == "eve"  # an expert may do what reviewers do


def test_the_newest_enrolment_is_in_force() -> None:
    at = table("", enrolled("ann", "reviewer"), enrolled("ann", "expert"))
    at.announce(expert_review())
    assert claim(at, "ann")


def test_who_is_set_inactive_gets_no_case() -> None:
    at = table("", enrolled("ann", "reviewer", active=False))
    at.announce(review())
    assert both_ways(at, "ann") == {"not_active"}
    at.config = at.config.with_event(enrolled("ann", "reviewer"))
    assert claim(at, "ann")


def test_a_workflow_may_be_for_enrolled_people_only() -> None:
    at = table("[review]\nenrolled_only = true", enrolled("ann", "reviewer"), assessed("bob", may_adjudicate=True))
    at.announce(review())
    assert both_ways(at, "a stranger") == both_ways(at, "bob") == {"not_enrolled"}
    assert claim(at, "ann")


def test_a_case_needs_all_its_skills() -> None:
    at = table("", enrolled("ann", "reviewer", skills=("law",)), enrolled("bob", "reviewer", skills=("law", "german")))
    at.announce(review(skills=("german", "law")))
    assert both_ways(at, "ann") == both_ways(at, "a stranger") == {"missing_skill"}
    (said,) = ask(at, "claim", "ann")
    assert "'german'" in getattr(said, "detail", "") and "'law'" not in getattr(said, "detail", "")
    assert claim(at, "bob")


def test_skills_go_with_the_case_to_the_expert_and_back() -> None:
    at = table("", enrolled("bob", "reviewer", "expert", skills=("law",)), enrolled("eve", "expert"))
    escalate(at, at.announce(review(skills=("law",))), "bob")
    assert both_ways(at, "eve") == {"missing_skill"}
    ask(at, "return", "bob", note="again")
    at.read_all("review.high")
    assert both_ways(at, "eve") == {"missing_skill"}


def test_who_is_not_good_enough_does_not_adjudicate_but_takes_other_experts_cases() -> None:
    at = table("", assessed("fay", may_adjudicate=False), assessed("gus", may_adjudicate=True))
    place = at.announce(review(overlap=2, most_answers=2))
    say(at, place, "p0", "hate")
    say(at, place, "p1", "neither")
    expert_place(at)
    assert both_ways(at, "fay") == {"not_qualified"}
    (said,) = ask(at, "claim", "fay")
    assert "62 of 100" in getattr(said, "detail", "")
    assert claim(at, "gus")
    at = table("", assessed("fay", may_adjudicate=False))
    escalate(at, at.announce(review()))
    assert claim(at, "fay")


def test_where_proof_is_demanded_nobody_adjudicates_without() -> None:
    at = table("[reliability]\nproven = true\n", assessed("gus", may_adjudicate=True))
    place = at.announce(review(overlap=2, most_answers=2))
    say(at, place, "p0", "hate")
    say(at, place, "p1", "neither")
    expert_place(at)
    assert both_ways(at, "somebody new") == {"not_qualified"}
    assert claim(at, "gus")


def test_nobody_judges_their_own_appeal() -> None:
    at = table()
    file(at, appeal(original(), filed_by="cid"))
    expert_place(at)
    assert both_ways(at, "cid") == {"self_appeal"}
    assert refused(ask(at, "hand_over", "lea", to_reviewer="cid")) == "self_appeal"
    assert claim(at, "eve")


# ---- by token ----


def token(who: str, *roles: Role, skills: tuple[str, ...] = ()) -> str:
    claims = Claims(
        iss=issuer("hitl."), sub=who, iat=START // 1_000, exp=START // 1_000 + 60, jti="t", roles=roles, skills=skills
    )
    return FIRST.sign(msgspec.json.encode(claims))


def guarded(*people: Event) -> Table:
    """A key is in force: only a token says who somebody is."""
    at = table()
    for event in (published(at=START - 1), *people):
        at.config = at.config.with_event(event)
    return at


def test_with_a_token_the_roles_are_the_tokens() -> None:
    at = guarded(enrolled("ann", "reviewer", "expert"))
    at.announce(expert_review())
    assert refused(ask(at, "claim", "ann", token=token("ann", Role.REVIEWER))) == "missing_role"
    assert refused(ask(at, "claim", "ann")) == "missing_token"
    assert claim(at, "ann", token=token("ann", Role.EXPERT))


def test_skills_are_those_of_token_and_enrolment_together() -> None:
    at = guarded(enrolled("ann", "reviewer", skills=("law",)))
    place = at.announce(review(skills=("german", "law")))
    plain = decision(place, reviewer_id="ann")
    short = replace(plain, token=token("ann", Role.REVIEWER))
    assert refused(at.answer(short, at=START)) == "missing_skill"
    full = replace(plain, token=token("ann", Role.REVIEWER, skills=("german",)), decision_id="d2")
    assert "DecisionMade" in names(at.answer(full, at=START))


def test_a_lead_by_token_hands_over_to_somebody_by_enrolment() -> None:
    at = guarded(enrolled("bob", "reviewer"), enrolled("lia", "lead"))
    at.announce(review())
    lead = token("lea", Role.LEAD)
    assert refused(ask(at, "hand_over", "lea", to_reviewer="lia", token=lead)) == "missing_role"
    given = only(ask(at, "hand_over", "lea", to_reviewer="bob", token=lead), LeaseGranted)
    assert (given.reviewer_id, given.handed_over_by) == ("bob", "lea")


def test_an_inactive_persons_token_opens_nothing() -> None:
    at = guarded(enrolled("ann", "reviewer", active=False))
    at.announce(review())
    assert refused(ask(at, "claim", "ann", token=token("ann", Role.REVIEWER))) == "not_active"


# ---- the fold of people ----


@pytest.mark.parametrize("events", [(enrolled("ann", "expert"), assessed("ann", may_adjudicate=False))])
def test_enrolment_and_assessment_come_in_any_order(events: tuple[Event, Event]) -> None:
    known = fold_people(fold_people(Config().people, events[0]), events[1])
    assert known == fold_people(fold_people(Config().people, events[1]), events[0])
    who = who_is(Identity("ann"), known)
    assert who.may_be(Role.EXPERT) and not who.may_be(Role.LEAD)
    assert not who.person.assessed["content_moderation"].may_adjudicate
    assert action("claim", "ann").reviewer_id == who.reviewer_id
