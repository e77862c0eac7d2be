"""When to fit again: enough new labels, or too many corrections among the last answers."""

from dataclasses import dataclass, field, replace
from typing import Final

from consumers.feedback.analytics import AnalyticsPolicy, AnalyticsState, analytics, judgement, observe
from schemas.events import FeedbackRecorded
from schemas.values import FeedbackKind, Split, Trigger
from streams.workflow.types import RetrainingPolicy

GROWTH: Final = 0.10  # of the training set: fewer new labels hardly change a model
WINDOW: Final = AnalyticsPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingState:
    """What was learnt of one workflow: labels before the last request for a fit, and since then."""

    trained_labels: int = 0
    new_labels: int = 0
    analytics: AnalyticsState = field(default_factory=AnalyticsState)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingVerdict:
    """Whether a fit is due (`trigger`), why or why not, and the figures that decided."""

    trigger: Trigger | None
    reason: str
    labels: int
    correction_rate: float


def trains(feedback: FeedbackRecorded) -> bool:
    """Whether a model may learn from this answer: gate and certificate answers are kept from it."""
    return feedback.split is Split.TRAIN and feedback.label is not None


def learnt(state: RetrainingState, feedback: FeedbackRecorded) -> RetrainingState:
    """The state after one more feedback. Imported labels belong to the model fitted with the import: never new."""
    seen = judgement(feedback)
    if seen is not None:
        state = replace(state, analytics=observe(state.analytics, seen, WINDOW))
    if not trains(feedback):
        return state
    if feedback.kind is FeedbackKind.IMPORTED:
        return replace(state, trained_labels=state.trained_labels + 1)
    return replace(state, new_labels=state.new_labels + 1)


def requested(state: RetrainingState) -> RetrainingState:
    """The state after a fit was asked for: what was new is part of the training set."""
    return replace(state, trained_labels=state.trained_labels + state.new_labels, new_labels=0)


def is_due(state: RetrainingState, policy: RetrainingPolicy) -> RetrainingVerdict:
    """Whether the labels since the last request call for a fit.

    By count: new labels ≥ max(policy.labels, 10 % of the training set). By correction rate: above the policy's over the
    last 100 judgements, on at least `policy.minimum_labels` new labels and as many judgements.
    """
    figures = analytics(state.analytics)
    needed = max(policy.labels, GROWTH * state.trained_labels)
    trigger, reason = None, f"{state.new_labels} new labels, {needed:g} are needed"
    if state.new_labels >= needed:
        trigger, reason = Trigger.COUNT, f"{state.new_labels} new labels, {needed:g} were needed"
    elif (
        figures.window >= min(WINDOW.window, policy.minimum_labels)
        and figures.correction_rate > policy.correction_rate
        and state.new_labels >= policy.minimum_labels
    ):
        trigger = Trigger.CORRECTION_RATE
        reason = (
            f"{figures.correction_rate:.0%} corrections among the last {figures.window} answers, "
            f"{policy.correction_rate:.0%} are allowed; {state.new_labels} new labels"
        )
    return RetrainingVerdict(
        trigger=trigger, reason=reason, labels=state.new_labels, correction_rate=figures.correction_rate
    )
