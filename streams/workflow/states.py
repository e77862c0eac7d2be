"""The states a request moves through, and which trigger leads from which to which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    STARTED = "started"
    AI_PROCESSING = "ai_processing"
    ROUTING_DECISION = "routing_decision"
    HUMAN_REVIEW = "human_review"
    EXPERT_REVIEW = "expert_review"
    COMPLETED = "completed"
    FAILED = "failed"


class Trigger(StrEnum):
    START_AI_PROCESSING = "start_ai_processing"
    ROUTING_REQUIRED = "routing_required"
    AUTO_APPROVE = "auto_approve"
    HUMAN_REVIEW = "human_review"
    EXPERT_ESCALATION = "expert_escalation"
    HUMAN_APPROVED = "human_approved"
    HUMAN_REJECTED = "human_rejected"
    ESCALATE_TO_EXPERT = "escalate_to_expert"
    EXPERT_DECISION = "expert_decision"
    FAIL = "fail"


TRANSITIONS: Final[Mapping[tuple[State, Trigger], State]] = {
    (State.STARTED, Trigger.START_AI_PROCESSING): State.AI_PROCESSING,
    (State.AI_PROCESSING, Trigger.ROUTING_REQUIRED): State.ROUTING_DECISION,
    (State.ROUTING_DECISION, Trigger.AUTO_APPROVE): State.COMPLETED,
    (State.ROUTING_DECISION, Trigger.HUMAN_REVIEW): State.HUMAN_REVIEW,
    (State.ROUTING_DECISION, Trigger.EXPERT_ESCALATION): State.EXPERT_REVIEW,
    (State.HUMAN_REVIEW, Trigger.HUMAN_APPROVED): State.COMPLETED,
    (State.HUMAN_REVIEW, Trigger.HUMAN_REJECTED): State.COMPLETED,
    (State.HUMAN_REVIEW, Trigger.ESCALATE_TO_EXPERT): State.EXPERT_REVIEW,
    (State.EXPERT_REVIEW, Trigger.EXPERT_DECISION): State.COMPLETED,
    (State.STARTED, Trigger.FAIL): State.FAILED,
    (State.AI_PROCESSING, Trigger.FAIL): State.FAILED,
    (State.ROUTING_DECISION, Trigger.FAIL): State.FAILED,
    (State.HUMAN_REVIEW, Trigger.FAIL): State.FAILED,
    (State.EXPERT_REVIEW, Trigger.FAIL): State.FAILED,
}
PROGRESS: Final[Mapping[State, float]] = {
    State.STARTED: 0.0,
    State.AI_PROCESSING: 0.2,
    State.ROUTING_DECISION: 0.4,
    State.HUMAN_REVIEW: 0.6,
    State.EXPERT_REVIEW: 0.8,
    State.COMPLETED: 1.0,
    State.FAILED: 1.0,
}


class Step(NamedTuple):
    """Where a trigger leads; a refused one leaves the state as it is and says why."""

    state: State
    refused: str | None = None


def transition(state: State, trigger: Trigger) -> Step:
    """The state after a trigger. Total: what the table does not list is refused and changes nothing."""
    to = TRANSITIONS.get((state, trigger))
    if to is None:
        return Step(state, f"{trigger} does not lead anywhere from {state}")
    return Step(to)
