"""What single events say in metrics."""

from typing import Any

from infra.observe.instruments import Instruments
from infra.observe.told import tell
from schemas.events import CaseEscalated, CommandRefused, Event
from schemas.values import Coordinates, EscalatedBy

HERE = Coordinates(topic="review-commands", partition=0, offset=3)
OF_CASE: dict[str, Any] = {"event_id": "e", "request_id": "r", "sequence": 2, "cause": HERE, "occurred_at": 0}


def value(event: Event, name: str, **labels: str) -> float | None:
    show = Instruments()
    tell(show, "casework", event, str)
    return show.registry.get_sample_value(name, labels)


def test_refused_commands_are_counted_apart_from_answers_and_appeals() -> None:
    refused = CommandRefused(
        **OF_CASE, command_id="c", reviewer_id="ann", action="claim", reason="already_leased", detail="bob has it"
    )
    assert value(refused, "hitl_casework_refusals_total", of="command", reason="already_leased") == 1
    assert value(refused, "hitl_casework_refusals_total", of="answer", reason="already_leased") is None


def test_disagreement_is_a_reason_to_go_to_an_expert() -> None:
    escalated = CaseEscalated(**OF_CASE, workflow="posts", revision=2, escalated_by=EscalatedBy.DISAGREEMENT)
    assert value(escalated, "hitl_casework_escalations_total", by="disagreement") == 1
