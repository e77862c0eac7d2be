"""Figures over the last answers: how often people agreed with the model, and how sure they were."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from schemas.events import FeedbackRecorded
from schemas.values import FeedbackType

JUDGEMENTS: Final = (FeedbackType.POSITIVE, FeedbackType.NEGATIVE, FeedbackType.CORRECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsPolicy:
    """Over how many of the last judgements the figures run."""

    window: int = 100


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one answer said about the model."""

    type: FeedbackType
    reviewer_confidence: float


@dataclass(frozen=True, slots=True)
class AnalyticsState:
    """How many judgements there were, and the last of them, oldest first."""

    total: int = 0
    recent: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackAnalytics:
    """Rates and means are of the last judgements; all are 0 before the first one."""

    total: int
    window: int  # how many judgements the figures below are of
    distribution: dict[FeedbackType, int]
    mean_confidence: float
    correction_rate: float
    improvement_opportunity: float  # share of negatives


def judgement(feedback: FeedbackRecorded) -> Judgement | None:
    """What a feedback says about the model; None when it says nothing, as an import or an escalation."""
    if feedback.type not in JUDGEMENTS:
        return None
    return Judgement(feedback.type, feedback.reviewer_confidence)


def observe(state: AnalyticsState, seen: Judgement, policy: AnalyticsPolicy) -> AnalyticsState:
    """The state after one more judgement."""
    return AnalyticsState(state.total + 1, (*state.recent, seen)[-policy.window :])


def analytics(state: AnalyticsState) -> FeedbackAnalytics:
    """The figures of a state."""
    counts = Counter(one.type for one in state.recent)
    number = len(state.recent)
    share = 1 / number if number else 0.0
    return FeedbackAnalytics(
        total=state.total,
        window=number,
        distribution={type_: counts[type_] for type_ in JUDGEMENTS},
        mean_confidence=sum(one.reviewer_confidence for one in state.recent) * share,
        correction_rate=counts[FeedbackType.CORRECTION] * share,
        improvement_opportunity=counts[FeedbackType.NEGATIVE] * share,
    )
