"""A batch is scored in one call; the input at fault fails alone, for the reason that is true of it."""

import math

import numpy as np
import pytest

from consumers.inference.scoring import NOT_FINITE, NOT_PROBABILITIES, WRONG_SHAPE, Failed, Scored, answers, judged
from schemas.values import Level
from tests.support.standin import (
    NotFiniteScorer,
    RaisingScorer,
    StandInScorer,
    WrongShapeScorer,
    WrongSumScorer,
)

TEXTS = [f"post {number}" for number in range(64)]
RAISED = Failed("model_raised: ValueError: it does not digest this text")


def test_figures_of_a_row_are_those_of_its_probabilities() -> None:
    (found,) = judged(np.array([[0.25, 0.75]]), ("reject", "approve"))
    assert isinstance(found, Scored)
    assert found.probabilities == (0.25, 0.75)
    assert (found.label, found.confidence, found.level) == ("approve", 0.75, Level.MEDIUM)
    assert found.entropy == pytest.approx(-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)))
    assert (found.margin, found.least_confident) == pytest.approx((0.5, 0.25))


def test_a_good_batch_is_one_call() -> None:
    scorer = StandInScorer()
    assert all(isinstance(answer, Scored) for answer in answers(scorer, TEXTS))
    assert scorer.sizes == [64]


@pytest.mark.parametrize(
    ("scorer", "reason"),
    [
        (RaisingScorer(), RAISED),
        (NotFiniteScorer(), NOT_FINITE),
        (WrongShapeScorer(), WRONG_SHAPE),
        (WrongSumScorer(), NOT_PROBABILITIES),
    ],
)
@pytest.mark.parametrize("places", [[0], [63], [5, 6, 40], range(64)])
def test_only_the_poisonous_inputs_fail(scorer: StandInScorer, reason: Failed, places: list[int]) -> None:
    texts = [f"{text} poison" if row in places else text for row, text in enumerate(TEXTS)]
    found = answers(scorer, texts)
    expected = answers(StandInScorer(), TEXTS)
    assert found == [reason if row in places else expected[row] for row in range(64)]


def test_one_poisonous_input_costs_a_few_calls_not_one_per_neighbour() -> None:
    scorer = RaisingScorer()
    answers(scorer, [*TEXTS, "poison"])
    assert len(scorer.sizes) <= 8


@pytest.mark.parametrize("row", [[np.inf, -np.inf], [np.nan, 0.5], [1e308, 1e308]])
def test_infinities_are_no_probabilities(row: list[float]) -> None:
    good, bad = judged(np.array([[0.5, 0.5], row]), ("reject", "approve"))
    assert isinstance(good, Scored)
    assert isinstance(bad, Failed)


def test_negative_probabilities_are_refused() -> None:
    assert judged(np.array([[1.5, -0.5]]), ("reject", "approve")) == [NOT_PROBABILITIES]


def test_vectors_of_another_length_fail_alone() -> None:
    class FourNumbers(StandInScorer):
        def scores(self, inputs: object, /) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
            assert isinstance(inputs, np.ndarray)
            if inputs.shape[1] != 4:
                raise ValueError(f"expected 4 numbers, got {inputs.shape[1]}")
            return super().scores(inputs)

    vectors = [np.full(length, 0.5, np.float32) for length in (4, 3, 4)]
    first, second, third = answers(FourNumbers(featurizer_name="vector"), vectors)
    assert isinstance(first, Scored)
    assert third == first
    assert second == Failed("model_raised: ValueError: expected 4 numbers, got 3")


@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c"), tuple("abcdefghi")])
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(classes: tuple[str, ...]) -> None:
    scorer = StandInScorer(classes=classes)
    texts = [f"post {number}" for number in range(1_000)]
    alone = [answers(scorer, [text])[0] for text in texts]
    assert answers(scorer, texts) == alone
    assert answers(scorer, texts[::-1]) == alone[::-1]
