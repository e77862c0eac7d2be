"""What the changes of a case add to the facts about its request."""

from collections.abc import Mapping
from typing import Any, Final

from consumers.index.keeping import Rule, changed, greatest, place_of
from consumers.index.notes import noted, with_notes
from infra.kafka.stage import Message
from infra.redis.records import (
    Answer,
    Answerable,
    Closed,
    Hands,
    Moved,
    Opened,
    Possession,
    Reopened,
    Reprioritised,
    RequestRecord,
)
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
)
from schemas.values import CaseStage

Possessing = (
    LeaseGranted | LeaseExtended | LeaseEnded | CaseHeld | HoldEnded | AnswerReceived | AnswerWithdrawn | AnswerCounted
)


def _opened(record: RequestRecord, event: CaseOpened, _: Message) -> RequestRecord:
    opened = Opened(
        workflow=event.workflow,
        revision=event.revision,
        stage=event.stage,
        priority=event.priority,
        due_at=event.due_at,
        at=event.occurred_at,
    )
    return changed(
        record,
        opened=greatest(record.opened, opened, lambda o: (not o.restored, -o.at)),
        answerable=_answerable(record, event),
        updated_at=event.occurred_at,
    )


def _announced_again(record: RequestRecord, event: CaseAnnounced, _: Message) -> RequestRecord:
    return changed(record, answerable=_answerable(record, event), updated_at=event.occurred_at)


def _escalated(record: RequestRecord, event: CaseEscalated, _: Message) -> RequestRecord:
    said = event.answer
    return changed(
        record,
        moved=_moved(record, event, CaseStage.EXPERT),
        answers=_answers(record, event, said.reviewer_id if said else None),
        updated_at=event.occurred_at,
    )


def _reopened(record: RequestRecord, event: CaseReopened, _: Message) -> RequestRecord:
    known = tuple(each for each in record.reopened if each.sequence or not _tells_of(each, event))
    if all(each.sequence != event.sequence for each in known):
        found = Reopened(
            sequence=event.sequence, revision=event.revision, workflow=event.workflow, at=event.occurred_at
        )
        known = tuple(sorted((*known, found), key=lambda each: each.sequence))
    return changed(record, reopened=known, updated_at=event.occurred_at)


def _tells_of(restored: Reopened, event: CaseReopened) -> bool:
    """Whether what was only restored is this event, which it gives way to; its revision may have moved on since."""
    return restored.at == event.occurred_at and restored.revision >= event.revision


def _returned(record: RequestRecord, event: CaseReturned, _: Message) -> RequestRecord:
    return changed(record, moved=_moved(record, event, CaseStage.HUMAN), updated_at=event.occurred_at)


def _reprioritised(record: RequestRecord, event: CaseReprioritised, _: Message) -> RequestRecord:
    said = Reprioritised(sequence=event.sequence, revision=event.revision, priority=event.priority)
    return changed(
        record,
        reprioritised=greatest(record.reprioritised, said, lambda r: r.sequence),
        updated_at=event.occurred_at,
    )


def _leased(record: RequestRecord, event: LeaseGranted | LeaseExtended, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.LEASED, expires_at=event.expires_at)


def _held(record: RequestRecord, event: CaseHeld, message: Message) -> RequestRecord:
    held = _possessed(record, event, Hands.HELD, expires_at=event.resumes_at)
    return _noted(held, event, message) if event.note else held


def _answered(record: RequestRecord, event: AnswerReceived, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.ANSWERED)


def _freed(record: RequestRecord, event: LeaseEnded | HoldEnded | AnswerWithdrawn, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.FREE)


def _counted(record: RequestRecord, event: AnswerCounted, _: Message) -> RequestRecord:
    """Free again, for another person."""
    freed = _possessed(record, event, Hands.FREE)
    return changed(freed, answers=_answers(record, event, event.reviewer_id), updated_at=event.occurred_at)


def _noted(record: RequestRecord, event: CaseNoted | CaseHeld, _: Message) -> RequestRecord:
    said = noted(
        sequence=event.sequence, at=event.occurred_at, reviewer_id=event.reviewer_id, note=event.note
    )
    return changed(record, notes=with_notes(record.notes, [said], record.closed), updated_at=event.occurred_at)


def _closed(record: RequestRecord, event: CaseClosed, _: Message) -> RequestRecord:
    closed = Closed(
        sequence=event.sequence, revision=event.revision, at=event.occurred_at, by=event.closed_by,
        decides=event.standing is not None,
    )  # fmt: skip
    last = greatest(record.closed, closed, lambda c: c.sequence)
    return changed(
        record,
        closed=last,
        notes=with_notes(record.notes, (), last),
        answers=_answers(record, event, event.reviewer_id),
        updated_at=event.occurred_at,
    )


CASE_RULES: Final[Mapping[type[Any], Rule]] = {
    CaseOpened: _opened,
    CaseAnnounced: _announced_again,
    CaseEscalated: _escalated,
    CaseReopened: _reopened,
    CaseReturned: _returned,
    CaseReprioritised: _reprioritised,
    LeaseGranted: _leased,
    LeaseExtended: _leased,
    LeaseEnded: _freed,
    CaseHeld: _held,
    CaseNoted: _noted,
    HoldEnded: _freed,
    AnswerReceived: _answered,
    AnswerWithdrawn: _freed,
    AnswerCounted: _counted,
    CaseClosed: _closed,
}


def _moved(record: RequestRecord, event: CaseEscalated | CaseReturned, stage: CaseStage) -> tuple[Moved, ...]:
    """With this move; what was only restored gives way to any: the log that has one has all that came after it."""
    known = tuple(each for each in record.moved if each.sequence)
    if any(each.sequence == event.sequence for each in known):
        return known
    made = Moved(sequence=event.sequence, revision=event.revision, stage=stage, at=event.occurred_at)
    return tuple(sorted((*known, made), key=lambda each: each.sequence))


def _possessed(
    record: RequestRecord, event: Possessing, hands: Hands, *, expires_at: int | None = None
) -> RequestRecord:
    said = Possession(sequence=event.sequence, hands=hands, reviewer_id=event.reviewer_id, expires_at=expires_at)
    return changed(
        record, possession=greatest(record.possession, said, lambda p: p.sequence), updated_at=event.occurred_at
    )


def _answerable(record: RequestRecord, event: CaseOpened | CaseAnnounced) -> Answerable:
    said = Answerable(sequence=event.sequence, revision=event.revision, review=place_of(event.review))
    return greatest(record.answerable, said, lambda a: a.sequence)


def _answers(
    record: RequestRecord, event: CaseClosed | CaseEscalated | AnswerCounted, reviewer_id: str | None
) -> tuple[Answer, ...]:
    known = record.answers
    if reviewer_id is None or any(answer.sequence == event.sequence for answer in known):
        return known
    passed_on = isinstance(event, CaseEscalated)
    answer = Answer(sequence=event.sequence, at=event.occurred_at, reviewer_id=reviewer_id, passed_on=passed_on)
    return tuple(sorted((*known, answer), key=lambda a: a.sequence))
