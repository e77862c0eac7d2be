"""Who answers too often at random: a sequential test on gold questions that may be looked at after every answer."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.assurance.policy import ReliabilityPolicy

Floats = NDArray[np.float64]

RANDOM_SHARES: Final = (0.2, 0.5)  # of the answers, in the two alternatives that are weighed equally
STRETCH: Final = 50  # questions after which the test begins once more, for people who were careful before


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """What the test remembers of a person's answers: wrong ones before the beginning of each stretch, and in all."""

    answers: int = 0
    wrong: int = 0
    wrong_before: tuple[int, ...] = ()


def screened(state: Screening, *, right: bool) -> Screening:
    """The state after one more gold question was answered."""
    begins = state.answers % STRETCH == 0
    return Screening(
        answers=state.answers + 1,
        wrong=state.wrong + (not right),
        wrong_before=(*state.wrong_before, state.wrong) if begins else state.wrong_before,
    )


def evidence(state: Screening, policy: ReliabilityPolicy, *, classes: int) -> float:
    """How much more probable the answers are where some are random than where errors are within what is tolerated.

    An e-value at every moment: the likelihood ratio against the hypothesis "errs with probability ≤ tolerated" is a
    supermartingale, and so is its mean over alternatives and over beginnings j, weighed 1/((j+1)(j+2)) (Ville 1939;
    Robbins 1970). It exceeds 1/δ at any time with probability δ at most, whatever the order of questions.
    """
    begun = np.arange(len(state.wrong_before))  # [J]
    wrong = state.wrong - np.array(state.wrong_before, np.float64)
    right = state.answers - begun * STRETCH - wrong
    tolerated = policy.tolerated_error
    shares = np.array(RANDOM_SHARES)
    careless = (1 - shares) * tolerated + shares * max(1 - 1 / classes, tolerated)  # [A] probability of an error
    ratios = np.outer(wrong, np.log(careless / tolerated)) + np.outer(right, np.log((1 - careless) / (1 - tolerated)))
    weights = 1 / ((begun + 1) * (begun + 2))
    yet_to_begin = 1 / (len(begun) + 1)
    return float(weights @ np.exp(np.minimum(ratios, 700.0)).mean(axis=1)) + yet_to_begin


def is_suspect(state: Screening, policy: ReliabilityPolicy, *, classes: int) -> bool:
    """Whether the evidence stands, as of the answers so far; many right ones later can outweigh it again."""
    return evidence(state, policy, classes=classes) >= 1 / policy.false_suspicion
