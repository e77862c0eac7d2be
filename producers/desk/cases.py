"""Open cases as a reviewer sees them: the last snapshot of each, in the order to answer them. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from infra.kafka.scan import Entry
from schemas.codec import Codec, Undecodable
from schemas.events import CaseSnapshot, DecisionRequested
from schemas.values import CaseStage, CaseStatus, Priority, Recommendation

URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}


class WaitingCase(msgspec.Struct, frozen=True, kw_only=True):
    """An open case in the queue; ages and times left in milliseconds, negative when a deadline is past.

    `holder` has it for themselves or has set it aside, `until` (milliseconds since the epoch) at the longest.
    """

    position: int
    request_id: str
    workflow: str
    priority: Priority
    stage: str
    reason: str
    age_ms: int
    due_in_ms: int | None
    recommendation: Recommendation | None
    holder: str | None = None
    on_hold: bool = False
    until: int | None = None
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def open_cases(entries: Iterable[Entry]) -> list[CaseSnapshot]:
    """The last snapshot of every case that is open."""
    cases: dict[bytes, CaseSnapshot] = {}
    for entry in entries:
        if isinstance(entry.event, CaseSnapshot) and entry.event.status is CaseStatus.OPEN:
            cases[entry.key or b""] = entry.event
        else:
            cases.pop(entry.key or b"", None)
    return list(cases.values())


def queue(
    cases: Iterable[CaseSnapshot], *, now: int, workflow: str | None = None, priority: Priority | None = None
) -> list[WaitingCase]:
    """The most urgent first, then by deadline, then by age; `now` in milliseconds."""
    chosen = [case for case in cases if workflow in (None, case.workflow) and priority in (None, case.priority)]
    chosen.sort(key=lambda case: (URGENCY[case.priority], case.due_at or 1 << 62, case.opened_at, case.request_id))
    return [_waiting(position, case, now) for position, case in enumerate(chosen, start=1)]


def _waiting(position: int, case: CaseSnapshot, now: int) -> WaitingCase:
    who = possession_of(case)
    return WaitingCase(
        position=position,
        request_id=case.request_id,
        workflow=case.workflow,
        priority=case.priority,
        stage=case.stage.value,
        reason=case.reason,
        age_ms=max(0, now - case.opened_at),
        due_in_ms=None if case.due_at is None else case.due_at - now,
        recommendation=case.recommendation,
        holder=who.holder,
        on_hold=who.on_hold,
        until=who.until,
        skills=case.skills,
        tags=case.tags,
    )


class Possession(NamedTuple):
    """Who has a case: by a lease, by having set it aside, or by an answer that can still be taken back."""

    holder: str | None = None
    on_hold: bool = False
    until: int | None = None


def possession_of(case: CaseSnapshot) -> Possession:
    """Whose the case is now, and until when."""
    if case.lease is not None:
        return Possession(case.lease.reviewer_id, until=case.lease.expires_at)
    if case.hold is not None:
        return Possession(case.hold.reviewer_id, on_hold=True, until=case.hold.resumes_at)
    if case.pending is not None:
        return Possession(case.pending.answer.reviewer_id, until=case.pending.leaves_at)
    return Possession()


def request_in(case: CaseSnapshot, codec: Codec) -> DecisionRequested | None:
    """What is to be decided, while the case is open."""
    if case.request_body is None or case.request_fingerprint is None:
        return None
    try:
        request = codec.decode_body(case.request_body, case.request_fingerprint)
    except Undecodable:
        return None
    return request if isinstance(request, DecisionRequested) else None


def actions_for(case: CaseSnapshot) -> Sequence[str]:
    """What can be answered."""
    return actions_at(case.stage, case.classes, shows_recommendation=case.recommendation is not None)


def actions_at(stage: CaseStage, classes: Sequence[str], *, shows_recommendation: bool) -> tuple[str, ...]:
    """Experts have the last word, and a blind case shows nothing that could be wrong."""
    judging = ("approve", "reject", *(("label",) if len(classes) > 2 else ()))
    if stage is CaseStage.EXPERT:
        return judging
    return (*judging, "escalate", *(("mark_wrong",) if shows_recommendation else ()))
