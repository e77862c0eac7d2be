"""A second telling of a request's story, written without the state machine: it asks the events, not a fold.

It shares nothing with `streams.workflow.timeline` but the result's type, so that the two check each other.
"""

from collections.abc import Iterable
from typing import Any

from schemas import events as e
from streams.workflow.story import Record

Row = tuple[str, str, str, int]  # from, to, trigger, time
PROGRESS = {
    "started": 0,
    "routing_decision": 0.4,
    "human_review": 0.6,
    "expert_review": 0.8,
    "completed": 1,
    "failed": 1,
}
TIMES = (
    "predicted_at",
    "created_at",
    "occurred_at",
    "drawn_at",
    "answered_at",
    "expired_at",
    "validated_at",
    "dead_lettered_at",
    "decided_at",
)
OUTSIDERS = (e.ReviewDecided, e.DecisionRequested, e.AppealFiled, e.CaseActionRequested)


class Facts:
    """The events of a request by type, the earliest of each id."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.all: dict[tuple[str, object], tuple[int, Any]] = {}
        for event, timestamp in records:
            if isinstance(event, e.CaseSnapshot):
                continue
            at = timestamp
            if not isinstance(event, OUTSIDERS):
                at = next(getattr(event, name) for name in TIMES if hasattr(event, name))
            name = getattr(event, "event_id", None) or getattr(event, "decision_id", None)
            name = name or getattr(event, "appeal_id", None) or getattr(event, "command_id", None) or timestamp
            key = (type(event).__name__, name)
            if key not in self.all or at < self.all[key][0]:
                self.all[key] = (at, event)

    def first(self, *types: type, **having: object) -> tuple[int, Any] | None:
        found = [
            (at, event)
            for at, event in self.all.values()
            if isinstance(event, types) and all(getattr(event, k) == v for k, v in having.items())
        ]
        return min(found, key=lambda pair: pair[0], default=None)

    def last(self, kind: type) -> tuple[int, Any] | None:
        return max(
            ((at, event) for at, event in self.all.values() if isinstance(event, kind)),
            key=lambda pair: pair[0],
            default=None,
        )


def told(records: Iterable[Record]) -> dict[str, object]:
    """State, status, progress, transitions and times of a request, by looking each fact up."""
    facts = Facts(records)
    rows = path(facts)
    state = rows[-1][1] if rows else "started"
    outcome = facts.last(e.OutcomeAmended) or facts.first(e.DecisionMade, e.AutoApproved)
    return {
        "state": state,
        "status": status(facts, state, rows, outcome[1].outcome.value if outcome else None),
        "progress": PROGRESS[state],
        "transitions": rows,
        "updated_at": max(at for at, _ in facts.all.values()),
        "moments": sorted(at for at, _ in facts.all.values()),
    }


def path(facts: Facts) -> list[Row]:
    """The transitions, by what is known to have happened."""
    rows: list[Row] = []
    routed = (
        facts.first(e.AutoApproved)
        or facts.first(e.DecisionMade, decided_by="automation")
        or facts.first(e.ReviewRequested, revision=1)
        or facts.first(e.ExpertReviewRequested, escalated_by="policy", reopened_by=None)
    )
    scored = facts.first(e.PredictionMade) or routed
    if scored:
        rows.append(("started", "ai_processing", "start_ai_processing", scored[0]))
        rows.append(("ai_processing", "routing_decision", "routing_required", scored[0]))
    if routed and isinstance(routed[1], e.DecisionMade | e.AutoApproved):
        rows.append(("routing_decision", "completed", "auto_approve", routed[0]))
        return rows
    if routed:
        rows += by_people(facts, routed)
    if (rows[-1][1] if rows else "started") != "completed" and (dead := stopped_by(facts, bool(scored), bool(routed))):
        rows.append((rows[-1][1] if rows else "started", "failed", "fail", dead))
    return rows


def by_people(facts: Facts, routed: tuple[int, Any]) -> list[Row]:
    at, announced = routed
    rows: list[Row] = []
    escalated = facts.first(e.CaseEscalated)
    if isinstance(announced, e.ReviewRequested):
        rows.append(("routing_decision", "human_review", "human_review", at))
        if escalated:
            rows.append(("human_review", "expert_review", "escalate_to_expert", escalated[0]))
    else:
        rows.append(("routing_decision", "expert_review", "expert_escalation", at))
    made = facts.first(e.DecisionMade)
    if made and rows[-1][1] == "expert_review":
        rows.append(("expert_review", "completed", "expert_decision", made[0]))
    elif made:
        rows.append(("human_review", "completed", f"human_{made[1].outcome}", made[0]))
    return rows


def stopped_by(facts: Facts, scored: bool, routed: bool) -> int | None:
    """The time of the dead letter that ended the request, if one did."""
    ending = [
        at
        for at, letter in facts.all.values()
        if isinstance(letter, e.DeadLettered)
        and letter.reason != "id_conflict"
        and (
            (letter.stage == "inference" and not scored)
            or (letter.stage == "router" and not routed)
            or (letter.stage == "casework" and letter.origin.topic != "review-decisions"
                and facts.first(e.CaseOpened) is None)
        )
    ]  # fmt: skip
    return min(ending, default=None)


def status(facts: Facts, state: str, rows: list[Row], outcome: str | None) -> str | None:
    """The status that an upstream system is told."""
    if state == "expert_review":
        moves = [event for _, event in facts.all.values() if isinstance(event, e.CaseEscalated | e.CaseReturned)]
        last = max(moves, key=lambda event: event.sequence, default=None)
        if isinstance(last, e.CaseReturned):
            return "pending_human"
        return "pending_expert" if last is None and rows[-1][2] == "expert_escalation" else "escalated"
    known = {"started": "pending_ai", "routing_decision": "pending_ai", "human_review": "pending_human"}
    return known.get(state, outcome)
