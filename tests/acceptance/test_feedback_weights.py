"""Every row of `feedback.json`: sample weights and immediate corrections."""

import json
from pathlib import Path

import pytest

from schemas.values import FeedbackType
from streams.casework.feedback import WEIGHTS, is_immediate, sample_weight

FACTS = json.loads((Path(__file__).parent / "feedback.json").read_text())


@pytest.mark.parametrize("kind", FACTS["weights"])
def test_the_weight_of_a_type_is_as_given(kind: str) -> None:
    assert WEIGHTS[FeedbackType(kind)] == FACTS["weights"][kind]


@pytest.mark.parametrize("row", FACTS["feedback"], ids=lambda row: f"{row['type']}-{row['reviewer_confidence']}")
def test_sample_weight_and_immediacy_are_as_given(row: dict[str, float | str | bool]) -> None:
    kind, confidence = FeedbackType(str(row["type"])), float(row["reviewer_confidence"])
    assert sample_weight(kind, confidence) == pytest.approx(row["sample_weight"], abs=FACTS["tolerance"])
    assert is_immediate(kind, confidence) is row["immediate"]


def test_an_answer_without_a_model_trains_with_its_confidence() -> None:
    assert sample_weight(FeedbackType.NONE, 0.5) == 0.5
    assert not is_immediate(FeedbackType.NONE, 1.0)
