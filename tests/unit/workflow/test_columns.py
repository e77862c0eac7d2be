"""A cell of a file says the same to a model whether its type was guessed or it was left as text."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.models.tabular import category, number
from streams.workflow.columns import cell_value

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # also where others are at work
NUMBERS = st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,5})?([eE][0-9]{1,4})?", fullmatch=True)
CELLS = st.text() | st.floats().map(str) | st.integers().map(str) | NUMBERS


@patient
@given(CELLS | st.sampled_from(["true", "false", "True", " 5 ", "1e999", "9" * 400, "9" * 5_000, "-0", "007"]))
def test_a_cell_means_the_same_guessed_or_as_text(text: str) -> None:
    guessed = cell_value(text)
    assert category(guessed) == category(text)
    assert number(guessed) == number(text) or (math.isnan(number(guessed)) and math.isnan(number(text)))


@pytest.mark.parametrize("text", ["9" * 400, "9" * 5_000, "1e999", "-1e999"])
def test_a_number_that_is_too_large_stays_text(text: str) -> None:
    assert cell_value(text) == text
