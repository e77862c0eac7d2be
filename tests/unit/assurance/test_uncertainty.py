import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Level
from streams.assurance.uncertainty import entropy, level, uncertainty


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.9, Level.MEDIUM),
        (math.nextafter(0.9, 1), Level.HIGH),
        (0.7, Level.LOW),
        (math.nextafter(0.7, 1), Level.MEDIUM),
        (0.0, Level.LOW),
        (1.0, Level.HIGH),
    ],
)
def test_a_bound_belongs_to_the_lower_level(confidence: float, expected: Level) -> None:
    assert level(confidence) is expected


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda row: sum(row) > 0.01))
def test_figures_stay_in_their_range(row: list[float]) -> None:
    probabilities = np.array([row]) / sum(row)
    found = uncertainty(probabilities)
    assert 0 <= found.entropy[0] <= math.log(len(row)) + 1e-9
    assert 0 <= found.margin[0] <= 1
    assert found.least_confident[0] == 1 - found.confidence[0]
    assert probabilities[0, found.predicted[0]] == found.confidence[0]


def test_figures_of_a_row_do_not_depend_on_its_batch() -> None:
    rows = np.random.default_rng(0).dirichlet([0.3] * 5, size=64)
    together = uncertainty(rows)
    assert all(entropy(rows[i : i + 1])[0] == together.entropy[i] for i in range(64))


def test_a_probability_that_is_not_a_number_shows() -> None:
    assert math.isnan(entropy(np.array([[math.nan, 0.5]]))[0])
