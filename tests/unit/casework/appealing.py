"""Decisions, appeals of them, and experts who judge them, at a table of casework."""

from typing import Any

from msgspec.structs import replace

from schemas.events import AppealFiled, DecisionMade, DecisionRequested, Event
from schemas.topics import APPEALS, EXPERT
from schemas.values import Coordinates, DecidedBy, Grounds, Outcome
from streams.casework.config import Config
from tests.unit.casework.driver import CLASSES, CODEC, HOUR, START, WORKFLOW, Table, decision, policies


def table(more: str = "") -> Table:
    made = Table(0)
    made.config = Config(policies=policies(more))
    return made


def original(label: str = "hate", **changes: Any) -> DecisionMade:
    """An automatic decision as the router writes it."""
    made = DecisionMade(
        event_id="outcome:r", request_id="r", workflow=WORKFLOW,
        request=Coordinates(topic="requests", partition=0, offset=7),
        outcome=Outcome.APPROVED if label == CLASSES[0] else Outcome.REJECTED, label=label,
        decided_by=DecidedBy.AUTOMATION, confidence=0.97, requested_at=START - HOUR, decided_at=START,
        grounds=Grounds(
            reason="high confidence, low risk", policy_version=4, policy_digest="p" * 64, model_digest="d" * 64,
            risk_flags=("amount",), config_offsets={"policies": 2},
            cause=Coordinates(topic="predictions", partition=0, offset=7),
        ),
    )  # fmt: skip
    return replace(made, **changes)


def appeal(made: DecisionMade | None = None, request_id: str = "r", **changes: Any) -> AppealFiled:
    made = made or original()
    request_body, request_name = CODEC.body(CODEC.encode(DecisionRequested(request_id=request_id, workflow=WORKFLOW)))
    decision_body, decision_name = CODEC.body(CODEC.encode(made))
    filed = AppealFiled(
        appeal_id="a1", request_id=request_id, workflow=WORKFLOW, request=made.request, request_body=request_body,
        request_fingerprint=request_name, requested_at=made.requested_at,
        decision=Coordinates(topic="outcomes", partition=0, offset=3), decision_body=decision_body,
        decision_fingerprint=decision_name, statement="It is a quotation.", filed_by="customer-5",
    )  # fmt: skip
    return replace(filed, **changes)


def file(at: Table, filed: AppealFiled | None = None) -> list[Event]:
    """Write an appeal and let casework read it."""
    at.write(APPEALS.name, filed or appeal())
    return at.read_all(APPEALS.name)


def kinds(made: list[Event]) -> list[str]:
    return [type(event).__name__ for event in made]


def only(made: list[Event], kind: type[Any]) -> Any:
    (found,) = [event for event in made if isinstance(event, kind)]
    return found


def judge(at: Table, label: str, *, reviewer_id: str = "expert-1") -> list[Event]:
    """An expert answers the newest announcement, once casework has seen it."""
    at.read_all(EXPERT.name)
    place = Coordinates(topic=EXPERT.name, partition=0, offset=len(at.topics[EXPERT.name]) - 1)
    action = "approve" if label == CLASSES[0] else "reject"
    return at.answer(decision(place, action, label=label, reviewer_id=reviewer_id, decision_id="d9", feedback="Mine."))
