"""The figures over the last hundred answers, on the recorded example (130 answers)."""

from pathlib import Path
from typing import TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.feedback.analytics import AnalyticsPolicy, AnalyticsState, Judgement, analytics, judgement, observe
from schemas.values import FeedbackType
from tests.support.learning import feedback


class Answer(TypedDict):
    type: FeedbackType
    reviewer_confidence: float
    sample_weight: float
    immediate: bool


class Figures(TypedDict):
    total: int
    window: int
    distribution: dict[FeedbackType, int]
    mean_confidence: float
    correction_rate: float
    improvement_opportunity: float


class Example(TypedDict):
    feedback: list[Answer]
    analytics: Figures
    tolerance: float


EXAMPLE = msgspec.json.decode((Path(__file__).parent / "feedback.json").read_bytes(), type=Example)
POLICY = AnalyticsPolicy()


def test_figures_of_the_recorded_example() -> None:
    state = AnalyticsState()
    for number, one in enumerate(EXAMPLE["feedback"]):
        seen = judgement(feedback(number, type=one["type"], confidence=one["reviewer_confidence"]))
        assert seen is not None
        state = observe(state, seen, POLICY)
    found, expected = analytics(state), EXAMPLE["analytics"]
    assert (found.total, found.window, POLICY.window) == (expected["total"], expected["window"], 100)
    assert found.distribution == expected["distribution"]
    for name in ("mean_confidence", "correction_rate", "improvement_opportunity"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=EXAMPLE["tolerance"])


def test_before_the_first_answer_every_figure_is_zero() -> None:
    found = analytics(AnalyticsState())
    assert (found.total, found.window, found.mean_confidence, found.correction_rate) == (0, 0, 0.0, 0.0)
    assert set(found.distribution.values()) == {0}


def test_an_answer_that_says_nothing_about_the_model_is_not_counted() -> None:
    assert judgement(feedback(1, type=FeedbackType.NONE)) is None


JUDGEMENTS = st.builds(
    Judgement, st.sampled_from([FeedbackType.POSITIVE, FeedbackType.NEGATIVE, FeedbackType.CORRECTION]), st.floats(0, 1)
)


@given(st.lists(JUDGEMENTS, max_size=40), st.integers(1, 20))
def test_the_figures_are_those_of_the_last_answers_alone(seen: list[Judgement], window: int) -> None:
    policy, state, last = AnalyticsPolicy(window=window), AnalyticsState(), AnalyticsState()
    for one in seen:
        state = observe(state, one, policy)
    for one in seen[-window:]:
        last = observe(last, one, policy)
    assert state.recent == last.recent
    assert state.total == len(seen)
    assert sum(analytics(state).distribution.values()) == min(window, len(seen))
