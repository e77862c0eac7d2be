"""Changes of cases as they come: which of them concern a person, and each in a line for people or for machines."""

from collections.abc import Iterable
from typing import Final

import msgspec

from infra.cli.moments import clock
from infra.kafka.scan import Entry
from producers.desk.cases import possession_of
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseReopened,
    CaseReturned,
    CaseSnapshot,
    Event,
    HoldEnded,
    LeaseEnded,
    LeaseGranted,
)
from schemas.values import ReopenedBy
from streams.workflow.sentences import sentence

TAKING: Final = (LeaseGranted, CaseHeld, AnswerReceived)
LEAVING: Final = (LeaseEnded, HoldEnded, AnswerCounted, CaseClosed, CaseEscalated, CaseReturned)


class InHand:
    """The cases that a person has: what happens to them concerns the person, whoever does it."""

    def __init__(self, reviewer_id: str, request_ids: Iterable[str] = ()) -> None:
        """`request_ids`: of the cases that they have already."""
        self._who, self._cases = reviewer_id, set(request_ids)

    def concerns(self, event: Event) -> bool:
        """Whether the person does it, or it happens to a case of theirs, its leaving their hands included."""
        request_id = getattr(event, "request_id", "")
        had = request_id in self._cases
        if isinstance(event, TAKING) and event.reviewer_id == self._who:
            self._cases.add(request_id)
        elif isinstance(event, TAKING + LEAVING):
            self._cases.discard(request_id)
        return had or self._who in (getattr(event, "reviewer_id", None), getattr(event, "handed_over_by", None))


def held_by(reviewer_id: str, cases: Iterable[CaseSnapshot]) -> list[str]:
    """The request ids of the cases that somebody has."""
    return [case.request_id for case in cases if possession_of(case).holder == reviewer_id]


def for_machines(entry: Entry) -> dict[str, object]:
    """A change as a JSON object: what happened, in words, when (milliseconds), and the event without what is sealed."""
    assert entry.event is not None
    hidden = {"sealed"}
    if isinstance(entry.event, CaseReopened) and entry.event.reopened_by is ReopenedBy.VALIDATION:
        hidden |= {"standing", "reopened_by"}  # whoever judges anew is not shown what stands
    if isinstance(entry.event, CaseClosed):
        hidden |= {"standing"}  # there is none after an audit and a question whose answer is known: that would tell
    fields = {name: value for name, value in msgspec.to_builtins(entry.event).items() if name not in hidden}
    where = {"partition": entry.partition, "offset": entry.offset, "at": entry.timestamp}
    return {"event": type(entry.event).__name__, "text": sentence(entry.event), **where, **fields}


def for_people(entry: Entry) -> str:
    """The time of day in UTC, the case, and what happened in a sentence."""
    assert entry.event is not None
    return f"{clock(entry.timestamp)}  {getattr(entry.event, 'request_id', '')}  {sentence(entry.event)}"
