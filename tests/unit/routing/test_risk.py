"""Flags, score, and the difference between risk and compliance."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.routing.policy import Action
from streams.routing.risk import NO_RISK, Risk, above_limit, assess, risk_score
from streams.workflow.types import WorkflowType, parse_workflow
from tests.support import routing as r

RULES = """
[[rules]]
name = "abroad"
when = { all = [{ field = "country", op = "ne", value = "NL" }, { field = "amount", op = "gt", value = 100 }] }
then = { flags = ["abroad"], high_risk = true, action = "human_review", require_skill = "fraud" }
"""


def workflow(addition: str = "") -> WorkflowType:
    return parse_workflow(r.DOCUMENT + addition)


def test_ordinary_request_has_no_risk() -> None:
    assert assess(r.request(payload={"amount": 10_000}), workflow()) is NO_RISK


def test_amount_above_the_limit_is_high_risk() -> None:
    risk = assess(r.request(payload={"amount": 10_000.01}), workflow())
    assert risk == Risk(score=0.6, flags=("amount_above_limit",), high_risk=True)


def test_audit_asked_for_by_the_sender_is_compliance_not_risk() -> None:
    risk = assess(r.request(requires_audit=True), workflow())
    assert (risk.flags, risk.high_risk, risk.compliance) == (("audit_requested",), False, True)


def test_rules_add_their_flags_and_names() -> None:
    asked = r.request(payload={"amount": 101, "country": "NL"}, attributes={"country": "BE"})
    risk = assess(asked, workflow(RULES))
    assert (risk.rule_hits, risk.flags, risk.skills) == (("abroad",), ("abroad",), ("fraud",))
    assert (risk.high_risk, risk.compliance, risk.action) == (True, False, Action.HUMAN_REVIEW)


@pytest.mark.parametrize(
    ("amount", "above"),
    [(10_000, False), (10_001, True), ("10001", True), ("1e9", True), ("12", False), ("much", False), ("nan", True),
     (float("nan"), True), (True, False), (10**400, True), (None, False)],
)  # fmt: skip
def test_amount_in_every_form(amount: Any, above: bool) -> None:
    assert above_limit({} if amount is None else {"amount": amount}, 10_000) is above


def test_limit_can_be_switched_off() -> None:
    risk = assess(r.request(payload={"amount": 10**9}), workflow("high_risk_amount = inf\n"))
    assert risk is NO_RISK


@given(st.integers(0, 50), st.booleans())
def test_score_stays_between_zero_and_one_and_grows_with_flags(flags: int, high_risk: bool) -> None:
    assert 0 <= risk_score(flags, high_risk=high_risk) <= risk_score(flags + 1, high_risk=high_risk) <= 1
    assert risk_score(flags, high_risk=False) <= risk_score(flags, high_risk=True)
