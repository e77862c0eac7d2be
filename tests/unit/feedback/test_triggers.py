"""When a fit is due: at the label, and only at the label, that makes it so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.feedback.analytics import AnalyticsState, Judgement
from consumers.feedback.triggers import RetrainingState, is_due, learnt, requested, trains
from schemas.events import FeedbackRecorded
from schemas.values import FeedbackKind, FeedbackType, Split, Trigger
from streams.workflow.types import RetrainingPolicy
from tests.support.learning import feedback

POLICY = RetrainingPolicy(labels=200, correction_rate=0.3, minimum_labels=50)


def judged(corrections: int, others: int) -> AnalyticsState:
    recent = (Judgement(FeedbackType.CORRECTION, 1.0),) * corrections + (
        Judgement(FeedbackType.POSITIVE, 1.0),
    ) * others
    return AnalyticsState(len(recent), recent)


@pytest.mark.parametrize(
    ("new", "trained", "trigger"),
    [
        (199, 0, None),
        (200, 0, Trigger.COUNT),
        (200, 2_000, Trigger.COUNT),
        (200, 2_001, None),
        (201, 2_001, Trigger.COUNT),
        (499, 5_000, None),
        (500, 5_000, Trigger.COUNT),
    ],
)
def test_count_needs_the_larger_of_the_policy_and_a_tenth_of_the_training_set(
    new: int, trained: int, trigger: Trigger | None
) -> None:
    verdict = is_due(RetrainingState(new_labels=new, trained_labels=trained), POLICY)
    assert verdict.trigger is trigger
    assert verdict.labels == new


@pytest.mark.parametrize(
    ("corrections", "others", "new", "trigger"),
    [
        (30, 70, 199, None),  # at the limit is allowed
        (31, 69, 199, Trigger.CORRECTION_RATE),
        (31, 69, 50, Trigger.CORRECTION_RATE),
        (31, 69, 49, None),
        (49, 0, 199, None),  # too few judgements to speak of a rate
        (50, 0, 199, Trigger.CORRECTION_RATE),
        (31, 69, 200, Trigger.COUNT),
    ],
)
def test_corrections_need_a_rate_above_the_policy_and_enough_new_labels(
    corrections: int, others: int, new: int, trigger: Trigger | None
) -> None:
    state = RetrainingState(new_labels=new, analytics=judged(corrections, others))
    verdict = is_due(state, POLICY)
    assert verdict.trigger is trigger
    assert verdict.correction_rate == pytest.approx(corrections / (corrections + others))


def test_a_verdict_says_why() -> None:
    assert is_due(RetrainingState(new_labels=12), POLICY).reason == "12 new labels, 200 are needed"
    due = is_due(RetrainingState(new_labels=60, analytics=judged(40, 60)), POLICY)
    assert due.reason == "40% corrections among the last 100 answers, 30% are allowed; 60 new labels"


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (feedback(1), True),
        (feedback(1, blind=True), True),
        (feedback(1, type=FeedbackType.NONE), True),
        (feedback(1, label=None, type=FeedbackType.NEGATIVE), False),
        (feedback(1, split=Split.GATE, blind=True), False),
        (feedback(1, split=Split.CERTIFICATE, blind=True), False),
    ],
)
def test_only_labels_that_can_train_are_new_labels(one: FeedbackRecorded, counts: bool) -> None:
    assert trains(one) is counts
    assert learnt(RetrainingState(), one).new_labels == int(counts)


def test_imported_labels_belong_to_the_training_set_and_are_never_new() -> None:
    state = learnt(RetrainingState(), feedback(1, kind=FeedbackKind.IMPORTED, type=FeedbackType.NONE))
    assert (state.new_labels, state.trained_labels, state.analytics.total) == (0, 1, 0)


def test_after_a_request_counting_starts_again_from_a_larger_training_set() -> None:
    state = requested(RetrainingState(new_labels=200, trained_labels=1_900, analytics=judged(90, 10)))
    assert (state.new_labels, state.trained_labels) == (0, 2_100)
    assert is_due(state, POLICY).trigger is None
    assert is_due(replace(state, new_labels=209, analytics=AnalyticsState()), POLICY).trigger is None
    assert is_due(replace(state, new_labels=210, analytics=AnalyticsState()), POLICY).trigger is Trigger.COUNT


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 500))
def test_more_new_labels_never_make_a_fit_less_due(new: int, trained: int, more: int) -> None:
    fewer = is_due(RetrainingState(new_labels=new, trained_labels=trained), POLICY)
    larger = is_due(RetrainingState(new_labels=new + more, trained_labels=trained), POLICY)
    assert fewer.trigger is None or larger.trigger is not None
