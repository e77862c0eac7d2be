"""Who may be given what: skills, roles, workflows, and no more in hand than the limit and the others at work allow."""

import pytest

from schemas.values import CaseStage
from streams.casework.eligibility import Idle, Lane, Reviewer, can_do, fair_share, holds_enough, lanes_of

PLAIN = Lane("posts", CaseStage.HUMAN)
FRENCH = Lane("posts", CaseStage.HUMAN, ("french",))
EXPERT = Lane("posts", CaseStage.EXPERT)
LOANS = Lane("loans", CaseStage.HUMAN)


def person(name: str = "ada", *skills: str, roles: str = "reviewer", workflows: str | None = None) -> Reviewer:
    return Reviewer(
        reviewer_id=name,
        skills=frozenset(skills),
        roles=frozenset(roles.split()),
        workflows=None if workflows is None else frozenset(workflows.split()),
    )


@pytest.mark.parametrize(
    ("who", "lane", "able"),
    [
        (person(), PLAIN, True),
        (person(), FRENCH, False),
        (person("ada", "french", "medical"), FRENCH, True),
        (person("ada", "medical"), Lane("posts", CaseStage.HUMAN, ("french", "medical")), False),
        (person(), EXPERT, False),
        (person(roles="reviewer expert"), EXPERT, True),
        (person(roles="reviewer expert"), PLAIN, True),
        (person(roles="lead"), PLAIN, False),
        (Reviewer(reviewer_id="ada"), EXPERT, True),  # nobody has said who is what
        (person(workflows="loans"), PLAIN, False),
        (person(workflows="loans"), LOANS, True),
    ],
)
def test_a_case_asks_for_skills_a_role_and_a_workflow(who: Reviewer, lane: Lane, able: bool) -> None:
    assert can_do(who, lane) is able


def test_a_lane_is_as_scarce_as_the_people_at_work_who_can_do_it_are_few() -> None:
    ada, ben, eve = person("ada", "french"), person("ben"), person("eve", roles="expert")
    lanes = [PLAIN, FRENCH, EXPERT, LOANS]
    assert lanes_of(ada, lanes, [ada, ben, eve]) == {PLAIN: 3, FRENCH: 1, LOANS: 3}
    assert lanes_of(eve, lanes, [ada, ben, eve]) == {PLAIN: 3, EXPERT: 1, LOANS: 3}
    assert lanes_of(ada, lanes, []) == {PLAIN: 1, FRENCH: 1, LOANS: 1}, "who asks is able, whether counted yet or not"


def test_nobody_holds_more_than_the_limit() -> None:
    assert holds_enough(2, waiting=50, limit=3, share=52) is None
    assert holds_enough(3, waiting=50, limit=3, share=53) is Idle.ENOUGH_IN_HAND
    assert holds_enough(0, waiting=0, limit=3, share=1) is Idle.NONE_WAITS


def test_whoever_holds_something_leaves_the_last_cases_to_the_others_at_work() -> None:
    """Seven cases, three people: nobody takes a fourth before the others have had the chance of two."""
    held = {"ada": 0, "ben": 0, "eve": 0}
    waiting = 7
    for who in ("ada",) * 5 + ("ben",) * 5 + ("eve",) * 5:
        share = fair_share(waiting + sum(held.values()), people=3)
        if holds_enough(held[who], waiting=waiting, limit=10, share=share) is None:
            held[who], waiting = held[who] + 1, waiting - 1
    assert waiting == 0
    assert max(held.values()) - min(held.values()) <= 2 and max(held.values()) == 3


def test_the_first_case_is_never_refused_for_the_sake_of_others() -> None:
    assert holds_enough(0, waiting=1, limit=5, share=fair_share(10, people=50)) is None
