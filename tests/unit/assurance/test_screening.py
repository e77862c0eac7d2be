"""Whoever answers at random is found within a stated number of gold questions; whoever is careful is left in peace."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.assurance.policy import ReliabilityPolicy
from streams.assurance.screening import STRETCH, Screening, evidence, is_suspect, screened

POLICY = ReliabilityPolicy()
PEOPLE = 200
CARELESS = 0.2  # of the answers are random
FOUND_WITHIN = {2: 250, 3: 160, 5: 120}  # gold questions in which 95 of 100 careless people are found, by classes


def found_after(error: float, *, questions: int, classes: int, seed: int, before: int = 0) -> list[int | None]:
    """After how many questions each of `PEOPLE` is suspected; the first `before` they answer with an error of 2 %."""
    chance = np.random.default_rng(seed)
    after: list[int | None] = []
    for _ in range(PEOPLE):
        state, at = Screening(), None
        for number in range(before + questions):
            state = screened(state, right=bool(chance.random() >= (0.02 if number < before else error)))
            if is_suspect(state, POLICY, classes=classes):
                at = number + 1 - before
                break
        after.append(at)
    return after


def share_found(after: list[int | None]) -> float:
    return sum(at is not None for at in after) / len(after)


def error_of(usual: float, classes: int) -> float:
    """Of a person who answers `CARELESS` of the questions at random."""
    return (1 - CARELESS) * usual + CARELESS * (1 - 1 / classes)


@pytest.mark.parametrize("classes", FOUND_WITHIN)
def test_who_answers_a_fifth_at_random_is_found(classes: int) -> None:
    after = found_after(error_of(0.05, classes), questions=FOUND_WITHIN[classes], classes=classes, seed=1)
    assert share_found(after) >= 0.95


def test_who_errs_as_much_as_is_tolerated_is_hardly_ever_suspected() -> None:
    after = found_after(POLICY.tolerated_error, questions=500, classes=2, seed=2)
    assert share_found(after) <= POLICY.false_suspicion


def test_a_good_reviewer_is_never_suspected() -> None:
    assert share_found(found_after(0.02, questions=500, classes=2, seed=3)) == 0.0


def test_who_becomes_careless_later_is_found_too() -> None:
    after = found_after(error_of(0.05, 2), questions=400, classes=2, seed=4, before=4 * STRETCH)
    assert not [at for at in after if at is not None and at <= 0]
    assert share_found(after) >= 0.95


def test_who_mends_is_cleared() -> None:
    state = Screening()
    for number in range(60):
        state = screened(state, right=number % 3 > 0)
    assert is_suspect(state, POLICY, classes=2)
    for _ in range(400):
        state = screened(state, right=True)
    assert not is_suspect(state, POLICY, classes=2)


def test_before_the_first_question_nothing_speaks_against_anybody() -> None:
    assert evidence(Screening(), POLICY, classes=2) == 1.0


answers = st.lists(st.booleans(), max_size=160)


def state_after(rights: list[bool]) -> Screening:
    state = Screening()
    for right in rights:
        state = screened(state, right=right)
    return state


@given(answers, st.integers(2, 6))
def test_a_further_answer_pays_at_most_what_it_risks(rights: list[bool], classes: int) -> None:
    """A fair game for whoever errs as often as is tolerated: no evidence can be expected to come of nothing."""
    state, error = state_after(rights), POLICY.tolerated_error
    after = [evidence(screened(state, right=right), POLICY, classes=classes) for right in (True, False)]
    now = evidence(state, POLICY, classes=classes)
    assert (1 - error) * after[0] + error * after[1] == pytest.approx(now, rel=1e-9)


@pytest.mark.parametrize("stretches", [1, 2, 5])
def test_a_new_beginning_pays_no_more(stretches: int) -> None:
    state, error = state_after([number % 9 > 0 for number in range(stretches * STRETCH)]), POLICY.tolerated_error
    after = [evidence(screened(state, right=right), POLICY, classes=2) for right in (True, False)]
    now = evidence(state, POLICY, classes=2)
    assert (1 - error) * after[0] + error * after[1] == pytest.approx(now, rel=1e-9)


@given(answers, st.integers(2, 6))
def test_an_error_speaks_against_and_a_right_answer_for(rights: list[bool], classes: int) -> None:
    state = state_after(rights)
    right, wrong = (evidence(screened(state, right=each), POLICY, classes=classes) for each in (True, False))
    assert right < evidence(state, POLICY, classes=classes) < wrong


def test_thousands_of_answers_are_no_trouble() -> None:
    assert is_suspect(state_after([False] * 5_000), POLICY, classes=2)
    assert not is_suspect(state_after([True] * 5_000), POLICY, classes=2)
