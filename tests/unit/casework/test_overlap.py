"""When answers settle a case: by hand where the rule is read, by laws over all tables of answers."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.casework.overlap import Adjudicated, Given, OverlapPolicy, Resolved, Wanted, resolution

LABELS = ("approve", "reject", "unclear")
Settled = Resolved | Wanted | Adjudicated


def after(labels: str, policy: OverlapPolicy) -> Settled:
    """What follows when different people answered `a`pprove, `r`eject or `u`nclear."""
    names = {label[0]: label for label in LABELS}
    return resolution([Given(f"p{n}", names[letter]) for n, letter in enumerate(labels)], policy)


def told(found: Settled) -> str:
    match found:
        case Resolved():
            return found.label
        case Wanted():
            return f"+{found.more}"
        case Adjudicated():
            return "expert"


@pytest.mark.parametrize(
    ("policy", "labels", "expected"),
    [
        (OverlapPolicy(), "", "+1"),
        (OverlapPolicy(), "a", "approve"),
        (OverlapPolicy(people=2), "a", "+1"),
        (OverlapPolicy(people=2), "aa", "approve"),
        (OverlapPolicy(people=2), "ar", "expert"),
        (OverlapPolicy(people=3), "aa", "+1"),  # three were asked for
        (OverlapPolicy(people=3), "aar", "approve"),
        (OverlapPolicy(people=3), "aru", "expert"),
        (OverlapPolicy(people=4), "aarr", "expert"),
        (OverlapPolicy(people=5), "aaruu", "expert"),  # none has more than half
        (OverlapPolicy(people=2, adaptive=True), "", "+2"),
        (OverlapPolicy(people=2, adaptive=True), "aa", "approve"),
        (OverlapPolicy(people=2, adaptive=True), "ar", "+1"),
        (OverlapPolicy(people=2, adaptive=True), "arr", "reject"),
        (OverlapPolicy(people=2, adaptive=True), "aru", "expert"),
        (OverlapPolicy(people=2, adaptive=True, at_most=5), "aru", "+2"),
        (OverlapPolicy(people=2, adaptive=True, at_most=5), "aruu", "+1"),
        (OverlapPolicy(people=2, adaptive=True, at_most=5), "aruuu", "unclear"),
        (OverlapPolicy(people=2, adaptive=True, at_most=4), "aru", "expert"),  # a fourth could settle nothing
        (OverlapPolicy(people=2, adaptive=True, at_most=4), "arar", "expert"),
        (OverlapPolicy(people=3, adaptive=True, at_most=5), "aar", "+1"),
        (OverlapPolicy(people=3, adaptive=True, at_most=5), "aara", "approve"),
        (OverlapPolicy(people=3, adaptive=True, at_most=5), "aarra", "approve"),
        (OverlapPolicy(people=3, adaptive=True, at_most=3), "aar", "approve"),
        (OverlapPolicy(people=5, adaptive=True, at_most=3), "", "+3"),  # the cap comes first
        (OverlapPolicy(people=5, at_most=3), "aar", "approve"),
        (OverlapPolicy(four_eyes=("approve",), at_most=1), "a", "expert"),  # whose eyes are the second pair
        (OverlapPolicy(four_eyes=("approve",)), "r", "reject"),
        (OverlapPolicy(four_eyes=("approve",)), "a", "+1"),
        (OverlapPolicy(four_eyes=("approve",)), "aa", "approve"),
        (OverlapPolicy(four_eyes=("approve",)), "ar", "expert"),
        (OverlapPolicy(four_eyes=("approve",), adaptive=True), "ar", "+1"),
        (OverlapPolicy(four_eyes=("approve",), adaptive=True), "arr", "reject"),
        (OverlapPolicy(four_eyes=("approve",), adaptive=True), "ara", "approve"),
    ],
)
def test_the_rule_by_hand(policy: OverlapPolicy, labels: str, expected: str) -> None:
    assert told(after(labels, policy)) == expected


def test_every_resolution_says_why() -> None:
    policy = OverlapPolicy(people=2, adaptive=True)
    assert after("", policy) == Wanted(2, "2 people to answer")
    assert after("ar", policy) == Wanted(1, "approve 1, reject 1: 1 person more to answer")
    assert after("arr", policy) == Resolved("reject", "2 of 3 people answered reject")
    reason = "approve 1, reject 1, unclear 1: no answer can be settled among 3 people"
    assert after("aru", policy) == Adjudicated(reason)


@st.composite
def policies(draw: st.DrawFn) -> OverlapPolicy:
    people = draw(st.integers(1, 5))
    return OverlapPolicy(
        people=people,
        adaptive=draw(st.booleans()),
        at_most=draw(st.integers(max(people, 2), 9)),
        four_eyes=tuple(sorted(draw(st.sets(st.sampled_from(LABELS))))),
    )


answers = st.lists(st.builds(Given, st.integers(0, 9).map(str), st.sampled_from(LABELS)), max_size=12)


@given(policies(), answers)
def test_no_more_people_are_asked_than_the_cap(policy: OverlapPolicy, given_: list[Given]) -> None:
    people = {answer.reviewer_id for answer in given_}
    match resolution(given_, policy):
        case Wanted(more=more):
            assert more >= 1
            assert len(people) + more <= policy.at_most
        case Resolved(label=label):
            assert label in {answer.label for answer in given_}


@given(policies(), answers, st.randoms(use_true_random=False))
def test_the_order_of_people_does_not_matter(policy: OverlapPolicy, given_: list[Given], chance: Random) -> None:
    mixed = list({answer.reviewer_id: answer for answer in reversed(given_)}.values())
    chance.shuffle(mixed)
    assert resolution(mixed, policy) == resolution(given_, policy)


@given(policies(), answers)
def test_a_second_answer_of_the_same_person_changes_nothing(policy: OverlapPolicy, given_: list[Given]) -> None:
    again = [*given_, *(Given(answer.reviewer_id, label) for answer in given_ for label in LABELS)]
    assert resolution(again, policy) == resolution(given_, policy)


@given(policies(), st.sampled_from(LABELS))
def test_unanimous_people_settle_it_as_soon_as_there_are_enough(policy: OverlapPolicy, label: str) -> None:
    enough = max(policy.people, 2 if label in policy.four_eyes else 1)
    found = [resolution([Given(str(n), label) for n in range(people)], policy) for people in range(enough + 1)]
    assert isinstance(found[enough], Resolved)
    assert not any(isinstance(one, Resolved) for one in found[:enough])
    assert not any(isinstance(one, Adjudicated) for one in found)


@given(policies(), st.integers(1, 4))
def test_a_tie_is_never_settled_by_itself(policy: OverlapPolicy, each: int) -> None:
    tie = [Given(f"{label}{n}", label) for label in LABELS[:2] for n in range(each)]
    found = resolution(tie, policy)
    assert not isinstance(found, Resolved)
    if len(tie) >= policy.at_most:
        assert isinstance(found, Adjudicated)


@given(policies(), answers)
def test_what_is_settled_has_more_than_half_and_its_four_eyes(policy: OverlapPolicy, given_: list[Given]) -> None:
    found = resolution(given_, policy)
    if isinstance(found, Resolved):
        labels = list({answer.reviewer_id: answer.label for answer in reversed(given_)}.values())
        assert 2 * labels.count(found.label) > len(labels)
        assert len(labels) >= policy.people
        assert labels.count(found.label) >= (2 if found.label in policy.four_eyes else 1)


@given(policies(), answers.filter(bool))
def test_as_many_as_are_wanted_can_settle_it(policy: OverlapPolicy, given_: list[Given]) -> None:
    found = resolution(given_, policy)
    if isinstance(found, Wanted):
        ends = [
            resolution([*given_, *(Given(f"new{n}", label) for n in range(found.more))], policy) for label in LABELS
        ]
        assert any(isinstance(end, Resolved) for end in ends)


@given(policies(), st.lists(st.sampled_from(LABELS), min_size=9, max_size=9))
def test_asking_one_after_the_other_always_ends(policy: OverlapPolicy, labels: list[str]) -> None:
    asked: list[Given] = []
    while isinstance(resolution(asked, policy), Wanted):
        asked.append(Given(str(len(asked)), labels[len(asked)]))
        assert len(asked) <= policy.at_most
