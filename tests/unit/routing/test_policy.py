"""The policy is total and monotone, and nothing that is added to it makes a decision less careful."""

import math

from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Priority
from streams.routing.policy import Action, Route, restricted, route, without_answer
from streams.workflow.types import Thresholds

CARE = [Action.AUTO_APPROVE, Action.HUMAN_REVIEW, Action.EXPERT_ESCALATION]
forced_actions = st.none() | st.sampled_from([Action.HUMAN_REVIEW, Action.EXPERT_ESCALATION])
labels = st.sampled_from(["approve", "reject"])
never = st.sampled_from([(), ("reject",), ("approve", "reject")])
priorities = st.none() | st.sampled_from(list(Priority))


@st.composite
def some_thresholds(draw: st.DrawFn) -> Thresholds:
    low, middle, high = sorted(draw(st.lists(st.floats(0, 1), min_size=3, max_size=3)))
    return Thresholds(auto_approve=high, human_review=middle, expert_escalation=low)


@given(
    confidences=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    high_risk=st.booleans(),
    compliance=st.booleans(),
    thresholds=some_thresholds(),
    label=labels,
    never_automate=never,
    forced=forced_actions,
    priority=priorities,
)
def test_more_confidence_never_leads_to_a_less_automatic_action(
    confidences: list[float],
    high_risk: bool,
    compliance: bool,
    thresholds: Thresholds,
    label: str,
    never_automate: tuple[str, ...],
    forced: Action | None,
    priority: Priority | None,
) -> None:
    def care(confidence: float) -> int:
        found = route(confidence, high_risk=high_risk, compliance=compliance, thresholds=thresholds)
        found = restricted(found, label=label, never_automate=never_automate, forced=forced, priority=priority)
        return CARE.index(found.action)

    lower, higher = confidences
    assert care(higher) <= care(lower)


@given(
    confidence=st.floats(),
    high_risk=st.booleans(),
    compliance=st.booleans(),
    thresholds=some_thresholds(),
    label=labels | st.none(),
    never_automate=never,
    forced=forced_actions,
    priority=priorities,
)
def test_every_confidence_has_a_route_and_restrictions_only_add_care(
    confidence: float,
    high_risk: bool,
    compliance: bool,
    thresholds: Thresholds,
    label: str | None,
    never_automate: tuple[str, ...],
    forced: Action | None,
    priority: Priority | None,
) -> None:
    free = route(confidence, high_risk=high_risk, compliance=compliance, thresholds=thresholds)
    found = restricted(free, label=label, never_automate=never_automate, forced=forced, priority=priority)
    assert CARE.index(found.action) >= CARE.index(free.action)
    assert (found.priority is None) is (found.action is Action.AUTO_APPROVE)
    if forced is not None:
        assert CARE.index(found.action) >= CARE.index(forced)
    if high_risk or compliance:
        assert found.action is not Action.AUTO_APPROVE


def test_nan_goes_to_an_expert() -> None:
    assert (
        route(math.nan, high_risk=False, compliance=False, thresholds=Thresholds()).action is Action.EXPERT_ESCALATION
    )


def test_forbidden_class_goes_to_a_person_and_others_stay_automatic() -> None:
    automatic = route(0.99, high_risk=False, compliance=False, thresholds=Thresholds())

    def of(label: str) -> Route:
        return restricted(automatic, label=label, never_automate=("reject",), forced=None, priority=None)

    assert of("approve") == automatic
    assert (of("reject").action, of("reject").priority) == (Action.HUMAN_REVIEW, Priority.NORMAL)
    assert "never automates 'reject'" in of("reject").reason


def test_request_without_an_answer_is_reviewed_with_high_priority_and_says_why() -> None:
    assert without_answer("no_model") == Route(Action.HUMAN_REVIEW, Priority.HIGH, "no model answer: no_model")
