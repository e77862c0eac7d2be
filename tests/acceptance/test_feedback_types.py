"""Every row of `feedback_types.csv`: which answer is which feedback."""

import csv
from pathlib import Path

import pytest

from streams.casework.feedback import feedback_type

with (Path(__file__).parent / "feedback_types.csv").open(newline="") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.values()))
def test_an_answer_is_the_feedback_that_the_table_says(row: dict[str, str]) -> None:
    made = feedback_type(row["model_class"], row["reviewer_action"], row["reviewer_class"] or None)
    assert made == row["feedback_type"]


def test_the_table_names_every_type() -> None:
    assert {row["feedback_type"] for row in ROWS} == {"positive", "negative", "correction", "none"}


@pytest.mark.parametrize("action", ["approve", "reject", "mark_wrong", "escalate"])
def test_without_a_model_answer_the_type_is_none(action: str) -> None:
    assert feedback_type(None, action, "reject") == "none"
