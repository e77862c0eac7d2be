"""Which answer teaches what: the type of a person's answer against the model's, and its weight in training."""

from collections.abc import Mapping
from typing import Final

from schemas.values import FeedbackType

MARK_WRONG: Final = "mark_wrong"
ESCALATE: Final = "escalate"
WEIGHTS: Final[Mapping[FeedbackType, float]] = {
    FeedbackType.POSITIVE: 1.0,
    FeedbackType.NEGATIVE: 2.0,
    FeedbackType.CORRECTION: 3.0,
    FeedbackType.NONE: 1.0,  # no model answered: nothing to agree with, but the person's answer is still a label
}
IMMEDIATE_ABOVE: Final = 0.8  # reviewer's confidence


def feedback_type(model_label: str | None, action: str, label: str | None) -> FeedbackType:
    """How an answer stands to the model's; `label` is the person's class, None where the action names none.

    Escalating says nothing until the expert answers, and without a model's answer there is nothing to compare.
    """
    if model_label is None or action == ESCALATE:
        return FeedbackType.NONE
    if action == MARK_WRONG:
        return FeedbackType.NEGATIVE
    return FeedbackType.POSITIVE if label == model_label else FeedbackType.CORRECTION


def sample_weight(kind: FeedbackType, reviewer_confidence: float) -> float:
    """Weight of an answer in training: the weight of its type times the reviewer's confidence, 0 to 1."""
    return WEIGHTS[kind] * reviewer_confidence


def is_immediate(kind: FeedbackType, reviewer_confidence: float) -> bool:
    """Whether an answer may correct the model at once: a correction the reviewer is sure of (strictly above 0.8)."""
    return kind is FeedbackType.CORRECTION and reviewer_confidence > IMMEDIATE_ABOVE
