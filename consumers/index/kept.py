"""What the compacted topic of cases still tells of open ones whose beginning the log no longer has."""

from msgspec.structs import replace

from consumers.index.facts import UNKNOWN, asked_in
from consumers.index.keeping import place_of
from consumers.index.notes import noted, with_notes
from consumers.index.standing import settled
from infra.redis.records import (
    Answerable,
    Decided,
    Hands,
    Moved,
    Noted,
    Opened,
    Origin,
    Possession,
    Reopened,
    RequestRecord,
)
from schemas.events import CaseSnapshot
from schemas.values import CaseStage, CaseStatus, EscalatedBy

BEFORE_ALL: int = 0  # the sequence of what is told after the fact: the events themselves count from 1, and win


def record_of(case: CaseSnapshot) -> RequestRecord | None:
    """An open case as facts that give way to its own events; None for a closed one."""
    if case.status is CaseStatus.CLOSED:
        return None
    request = place_of(case.request)
    went_on = case.stage is CaseStage.EXPERT and case.escalated_by not in (None, EscalatedBy.POLICY)
    record = replace(
        UNKNOWN,
        origin=Origin(confirmed=True, workflow=case.workflow, request=request, requested_at=case.requested_at),
        asked=asked_in(case),
        possession=_possession(case),
        notes=_notes(case),
        updated_at=case.opened_at,
    )
    if case.reopened_by is not None:
        record = replace(record, reopened=(_reopened(case),), decided=_decided(case))
    else:
        record = replace(record, opened=_opened(case, went_on=went_on))
    if case.reopened_by is None and went_on:
        moved = Moved(sequence=BEFORE_ALL, revision=case.revision, stage=case.stage, at=case.opened_at)
        record = replace(record, moved=(moved,))
    if case.review is not None:
        said = Answerable(sequence=BEFORE_ALL, revision=case.revision, review=place_of(case.review))
        record = replace(record, answerable=said)
    return settled(record)


def _opened(case: CaseSnapshot, *, went_on: bool) -> Opened:
    return Opened(
        restored=True,
        workflow=case.workflow,
        revision=1 if went_on else case.revision,
        stage=CaseStage.HUMAN if went_on else case.stage,
        priority=case.priority,
        due_at=case.due_at,
        at=case.opened_at,
    )


def _reopened(case: CaseSnapshot) -> Reopened:
    return Reopened(
        sequence=BEFORE_ALL,
        revision=case.revision,
        workflow=case.workflow,
        at=case.opened_at,
        priority=case.priority,
        due_at=case.due_at,
    )


def _possession(case: CaseSnapshot) -> Possession | None:
    if case.pending is not None:
        return _in_hands(Hands.ANSWERED, case.pending.answer.reviewer_id)
    if case.hold is not None:
        return _in_hands(Hands.HELD, case.hold.reviewer_id, case.hold.resumes_at)
    if case.lease is not None:
        return _in_hands(Hands.LEASED, case.lease.reviewer_id, case.lease.expires_at)
    return None


def _notes(case: CaseSnapshot) -> tuple[Noted, ...]:
    said = [
        noted(sequence=BEFORE_ALL, at=each.noted_at, reviewer_id=each.reviewer_id, note=each.note)
        for each in case.notes
    ]
    return with_notes((), said, None)


def _in_hands(hands: Hands, reviewer_id: str, expires_at: int | None = None) -> Possession:
    return Possession(sequence=BEFORE_ALL, hands=hands, reviewer_id=reviewer_id, expires_at=expires_at)


def _decided(case: CaseSnapshot) -> Decided | None:
    """What stands while it is judged anew; a DecisionMade that the log still has wins."""
    standing = case.standing
    if standing is None:
        return None
    return Decided(
        restored=True,
        at=case.opened_at,
        request_offset=case.request.offset,
        outcome=standing.outcome,
        label=standing.label,
        by=standing.decided_by,
        reviewer_id=standing.reviewer_id,
    )
