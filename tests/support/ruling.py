"""What casework says to those who act at a desk without brokers: `tests.support.desk`."""

from typing import Any, Final

from schemas.events import (
    CaseActionRequested,
    CaseClosed,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    Event,
    LeaseEnded,
    LeaseGranted,
    ReviewDecided,
)
from schemas.values import ClosedBy, Coordinates, EndedBy
from tests.support.desk import World
from tests.support.recorded import START

FRAME: Final[dict[str, Any]] = {"event_id": "e", "workflow": "w", "sequence": 2, "revision": 1, "occurred_at": START}


def says(world: World, **refusals: str) -> None:
    """Casework grants, frees, closes; it refuses the requests named, for these reasons."""

    def said(record: CaseActionRequested | ReviewDecided, at: Coordinates) -> list[Event]:
        name, who = record.request_id, record.reviewer_id
        reason = refusals.get(name)
        frame = {**FRAME, "request_id": name, "cause": at}
        if isinstance(record, ReviewDecided):
            if reason is not None:
                return [DecisionRefused(event_id="e", request_id=name, sequence=0, cause=at, occurred_at=START,
                                        decision_id=record.decision_id, reviewer_id=who, reason=reason,
                                        detail=f"because of {reason}")]  # fmt: skip
            return [CaseClosed(**frame, closed_by=ClosedBy.REVIEWER, reviewer_id=who, label="approve")]
        if reason is not None:
            return [CommandRefused(event_id="e", request_id=name, sequence=0, cause=at, occurred_at=START,
                                   command_id=record.command_id, reviewer_id=who, action=record.action, reason=reason,
                                   detail=f"because of {reason}")]  # fmt: skip
        if record.action == "return":
            return [CaseReturned(**frame, reviewer_id=who, note=record.note)]
        if record.action == "release":
            return [LeaseEnded(**frame, reviewer_id=who, lease=2, ended_by=EndedBy.RELEASED)]
        return [LeaseGranted(**frame, reviewer_id=who, lease=2, expires_at=START)]

    world.casework.says = said
