"""Risk and compliance of a request: named flags, a score, and what the workflow's rules add."""

import math
from typing import Final, NamedTuple

from schemas.events import DecisionRequested
from schemas.values import Priority
from streams.routing.policy import Action
from streams.routing.rules import NO_FINDINGS, Fields, evaluate
from streams.workflow.types import WorkflowType, request_fields

AMOUNT_ABOVE_LIMIT: Final = "amount_above_limit"
AUDIT_REQUESTED: Final = "audit_requested"
HIGH_RISK_WEIGHT: Final = 0.5
FLAG_WEIGHT: Final = 0.2


class Risk(NamedTuple):
    """What is known of a request before any model is asked; `score` from 0 to 1."""

    score: float = 0.0
    flags: tuple[str, ...] = ()
    high_risk: bool = False
    compliance: bool = False
    rule_hits: tuple[str, ...] = ()
    action: Action | None = None  # what rules force
    priority: Priority | None = None  # what rules set
    skills: tuple[str, ...] = ()  # what rules require of the person who answers


NO_RISK: Final = Risk()


def assess(request: DecisionRequested, workflow: WorkflowType) -> Risk:
    """Flags, score and what rules say about a request. Total, and the same for the same request and policy."""
    fields = request_fields(request)
    above = above_limit(fields, workflow.high_risk_amount)
    findings = evaluate(workflow.rules, fields) if workflow.rules else NO_FINDINGS
    if not above and not request.requires_audit and findings is NO_FINDINGS:
        return NO_RISK
    own = (AMOUNT_ABOVE_LIMIT,) * above + (AUDIT_REQUESTED,) * request.requires_audit
    flags = tuple(dict.fromkeys(own + findings.flags))
    high_risk = above or findings.high_risk
    return Risk(
        score=risk_score(len(flags), high_risk=high_risk),
        flags=flags,
        high_risk=high_risk,
        compliance=request.requires_audit or findings.compliance,
        rule_hits=findings.hits,
        action=None if findings.action is None else Action(findings.action),
        priority=findings.priority,
        skills=findings.skills,
    )


def above_limit(fields: Fields, limit: float | None) -> bool:
    """Whether the field `amount` exceeds the limit. A number written as text counts, and so does NaN."""
    amount = fields.get("amount")
    if limit is None or limit == math.inf or amount is None or isinstance(amount, bool):
        return False
    try:
        number = float(amount) if isinstance(amount, str) else amount
    except ValueError:
        return False  # a text that is no number says nothing
    return not number <= limit


def risk_score(flags: int, *, high_risk: bool) -> float:
    """Noisy-or of independent causes: half for high risk, then each flag takes a fifth of what is left.

    >>> risk_score(0, high_risk=False), risk_score(1, high_risk=True)
    (0.0, 0.6)
    """
    return round(1 - (1 - HIGH_RISK_WEIGHT * high_risk) * (1 - FLAG_WEIGHT) ** flags, 9)
