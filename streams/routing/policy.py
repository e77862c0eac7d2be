"""The default policy: which confidence and which risk go to the model alone, to a person, to an expert."""

from enum import StrEnum
from typing import Final, NamedTuple

from schemas.values import Priority
from streams.workflow.types import Thresholds


class Action(StrEnum):
    AUTO_APPROVE = "auto_approve"
    HUMAN_REVIEW = "human_review"
    EXPERT_ESCALATION = "expert_escalation"


class Route(NamedTuple):
    """Who decides, how urgently, and why; an automatic decision has no priority."""

    action: Action
    priority: Priority | None
    reason: str


AUTOMATIC: Final = Route(Action.AUTO_APPROVE, None, "high confidence, low risk")
ORDINARY: Final = Route(Action.HUMAN_REVIEW, Priority.NORMAL, "medium confidence, needs human validation")
CAREFUL: Final = Route(Action.HUMAN_REVIEW, Priority.HIGH, "low confidence or high risk, needs careful review")
EXPERT: Final = Route(Action.EXPERT_ESCALATION, Priority.URGENT, "very low confidence")


def route(confidence: float, *, high_risk: bool, compliance: bool, thresholds: Thresholds) -> Route:
    """The table of the default policy, in its order; every comparison is a strict `>`. Total: NaN goes to an expert."""
    if confidence > thresholds.auto_approve and not high_risk and not compliance:
        return AUTOMATIC
    if confidence > thresholds.human_review and not high_risk:
        return ORDINARY
    if confidence > thresholds.expert_escalation:
        return CAREFUL
    return EXPERT


def without_answer(failure: str) -> Route:
    """Where a request goes that no model could score."""
    return Route(Action.HUMAN_REVIEW, Priority.HIGH, f"no model answer: {failure}")


def restricted(
    routed: Route,
    *,
    label: str | None,
    never_automate: tuple[str, ...],
    forced: Action | None,
    priority: Priority | None,
) -> Route:
    """The route after what forbids automation: classes of the policy, and what rules force. Never less careful."""
    if forced is None and priority is None and label not in never_automate:
        return routed
    if routed.action is Action.AUTO_APPROVE and label in never_automate:
        routed = ORDINARY._replace(reason=f"the policy never automates {label!r}")
    if forced is Action.EXPERT_ESCALATION and routed.action is not forced:
        routed = EXPERT._replace(reason="a rule requires an expert")
    elif forced is Action.HUMAN_REVIEW and routed.action is Action.AUTO_APPROVE:
        routed = ORDINARY._replace(reason="a rule requires a person")
    if priority is not None and routed.action is Action.HUMAN_REVIEW:
        routed = routed._replace(priority=priority)
    return routed
