"""What is known of one request's case and audit, and what it contributes to the sums.

Two topics tell of it in any order, so what depends on both (an audit is no waiting request) is taken back and added
anew with every event. An event that was told before changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    DecisionValidated,
    GoldAnswered,
    LeaseEnded,
    LeaseGranted,
    OverlapAnswered,
)
from schemas.values import CaseStage, ClosedBy, EndedBy, EscalatedBy, Priority, SampleKind
from streams.casework.cases import STUB_KEPT
from streams.insights.checks import Overlap, add_validation, is_weighable, with_overlap
from streams.insights.sums import Amount, Cell, Sums, minute_of

Moving = CaseOpened | CaseAnnounced | CaseEscalated | CaseClosed | CaseReopened | CaseReturned | CaseReprioritised
Working = LeaseGranted | LeaseEnded | CaseHeld | AnswerReceived | AnswerCounted
CaseEvent = Moving | Working
DrawEvent = AuditDrawn | AuditAnswered | AuditExpired
AuditEvent = DrawEvent | GoldAnswered | OverlapAnswered | DecisionValidated
SIMULATED: Final = "simulated-"  # what the ids of simulated people begin with


class Standing(StrEnum):
    """How an open case stands."""

    PENDING_HUMAN = "pending_human"
    PENDING_EXPERT = "pending_expert"  # sent there by the policy
    ESCALATED = "escalated"  # by a person or a deadline
    SECOND_LOOK = "second_look"  # a decision that is judged anew


class Measure(StrEnum):
    """What is summed of cases and audits; names with a slash go on with what tells them apart."""

    WAITING = "waiting"
    LATENCY = "latency"
    IN_TIME = "in_time"
    LATE = "late"
    OPEN = "open/"  # standing, priority
    OPEN_AUDIT = "open_audit"
    ANSWERS = "answers/"  # reviewer
    WORK = "work"  # answers to cases that the person had claimed; total: time for which people had claimed cases
    GOLD = "gold"  # answers to questions whose answer is known; total: right ones
    SIMULATED = "simulated"
    ESCALATED = "escalated/"  # by whom
    DRAWN = "drawn/"  # kind
    BLIND = "blind/"  # kind, whether a model had answered, inclusion probability, model; total: answers that agree
    UNWEIGHABLE = "unweighable"
    EXPIRED = "expired"


class Subject(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Facts about one request; times in milliseconds. `sequence` and `at` are of the last change of its case."""

    sequence: int = 0
    at: int = 0
    opened_at: int | None = None  # first
    due_at: int | None = None  # of the first opening
    closed_at: int | None = None  # first, after it was opened
    closed_by: ClosedBy | None = None
    timed_out_at: int | None = None  # first
    is_open: bool = False
    standing: Standing = Standing.PENDING_HUMAN
    priority: Priority = Priority.HIGH  # as opened or given since; a decision judged anew without a case has this one
    is_audit: bool = False
    drawn: bool = False
    answered: bool = False
    unweighable: bool = False
    expired: bool = False
    is_gold: bool = False  # a question whose answer is known; before it is answered it looks like any other case
    worker: str | None = None  # the last person who had the case for themselves, until their answer counts
    since: int | None = None  # when they got it; None once their answer is given
    overlap: Overlap = Overlap()
    validated: bool = False


UNKNOWN: Final = Subject()


def with_case_event(subject: Subject, event: CaseEvent, sums: Sums) -> Subject:
    """The facts after a change of the case; adds what the change itself contributes."""
    if not _is_news(subject, event):
        return subject
    after = replace(_changed(subject, event), sequence=event.sequence, at=event.occurred_at)
    after = with_work(after, event, sums)
    if isinstance(event, CaseEscalated):
        _count(sums, event.workflow, event.occurred_at, f"{Measure.ESCALATED}{event.escalated_by}")
    person = _who_answered(event)
    if person is not None:
        _answer(sums, event.workflow, event.occurred_at, person)
    sums.change(contribution(event.workflow, subject), contribution(event.workflow, after))
    return after


def with_audit_event(subject: Subject, event: AuditEvent, sums: Sums) -> Subject:
    """The facts after a draw, or after what became of it; adds what it contributes."""
    after = subject
    if isinstance(event, DrawEvent) and event.kind is SampleKind.AUDIT:
        after = replace(subject, is_audit=True)
    match event:
        case GoldAnswered():
            after = _with_gold(after, event, sums)
        case OverlapAnswered():
            after = replace(after, overlap=with_overlap(after.overlap, event, sums))
        case DecisionValidated() if not subject.validated:
            add_validation(event, sums)
            after = replace(after, validated=True)
        case AuditDrawn() if not subject.drawn:
            after = replace(after, drawn=True)
            _count(sums, event.workflow, event.drawn_at, f"{Measure.DRAWN}{event.kind}")
        case AuditExpired() if not subject.expired:
            after = replace(after, expired=True)
            _count(sums, event.workflow, event.expired_at, Measure.EXPIRED)
        case AuditAnswered():
            after = _with_answer(after, event, sums)
    sums.change(contribution(event.workflow, subject), contribution(event.workflow, after))
    return after


def contribution(workflow: str, subject: Subject) -> Mapping[Cell, Amount]:
    """What the facts as they stand add to the sums."""
    found: dict[Cell, Amount] = {}
    if subject.is_open:
        stands = f"{Measure.OPEN}{subject.standing}/{subject.priority}"
        found[Cell(workflow, None, Measure.OPEN_AUDIT if _is_first_audit(subject) else stands)] = Amount(1)
    if subject.opened_at is None or subject.is_audit or subject.is_gold:
        return found
    if subject.closed_at is None:
        found[Cell(workflow, minute_of(subject.opened_at), Measure.WAITING)] = Amount(1)
    took = review_took(subject)
    if took is not None and subject.closed_at is not None:
        found[Cell(workflow, minute_of(subject.closed_at), Measure.LATENCY)] = Amount(1, took)
    kept = _kept(subject)
    if kept is not None:
        found[Cell(workflow, *kept)] = Amount(1)
    return found


def review_took(subject: Subject) -> int | None:
    """Milliseconds from a case's opening to its first closing by a person; None while it waits, and for what is no
    request: audits and questions whose answer is known."""
    if subject.is_audit or subject.is_gold or subject.opened_at is None or subject.closed_at is None:
        return None
    return None if subject.closed_by is ClosedBy.EXPIRED else subject.closed_at - subject.opened_at


def _kept(subject: Subject) -> tuple[int, str] | None:
    """Whether the deadline was kept, and the minute in which that was settled; None without one, or while it runs."""
    if subject.due_at is None:
        return None
    if subject.timed_out_at is not None:
        return minute_of(subject.timed_out_at), Measure.LATE
    if subject.closed_at is None or subject.closed_by is ClosedBy.EXPIRED:
        return None
    return minute_of(subject.closed_at), Measure.IN_TIME if subject.closed_at <= subject.due_at else Measure.LATE


def _is_first_audit(subject: Subject) -> bool:
    """Whether what stands open is the audit itself, not the second look that it led to."""
    return subject.is_audit and subject.standing is not Standing.SECOND_LOOK


def _is_news(subject: Subject, event: CaseEvent) -> bool:
    """Changes of a case are numbered; a case that was forgotten counts from 1 again."""
    begins_anew = event.sequence == 1 and event.occurred_at - subject.at >= STUB_KEPT
    return event.sequence > subject.sequence or begins_anew


def _changed(subject: Subject, event: CaseEvent) -> Subject:
    match event:
        case CaseOpened():
            expert = event.stage is CaseStage.EXPERT
            standing = Standing.PENDING_EXPERT if expert else Standing.PENDING_HUMAN
            after = replace(subject, is_open=True, standing=standing, priority=event.priority)
            if subject.opened_at is not None:
                return after
            return replace(after, opened_at=event.occurred_at, due_at=event.due_at)
        case CaseEscalated():
            timed_out = subject.timed_out_at
            if event.escalated_by is EscalatedBy.TIMEOUT and timed_out is None:
                timed_out = event.occurred_at
            return replace(subject, standing=Standing.ESCALATED, timed_out_at=timed_out)
        case CaseReturned():
            return replace(subject, standing=Standing.PENDING_HUMAN)
        case CaseReprioritised():
            return replace(subject, priority=event.priority)
        case CaseReopened():
            return replace(subject, is_open=True, standing=Standing.SECOND_LOOK)
        case CaseClosed():
            after = replace(subject, is_open=False)
            if subject.opened_at is None or subject.closed_at is not None:
                return after
            return replace(after, closed_at=event.occurred_at, closed_by=event.closed_by)
        case _:
            return subject


def _who_answered(event: CaseEvent) -> str | None:
    """The person whose answer takes effect with a change: alone, beside others' or by sending the case on."""
    match event:
        case CaseClosed(reviewer_id=person) | AnswerCounted(reviewer_id=person):
            return person
        case CaseEscalated(answer=answer) if answer is not None:
            return answer.reviewer_id
    return None


def with_work(subject: Subject, event: CaseEvent, sums: Sums) -> Subject:
    """The facts about who has the case; adds the time for which somebody had it, and the answer that came of it.

    A lease that ran out tells no time: the person may have left long before. An answer at the very moment of its claim
    tells none either, and is no answer to a claimed case.
    """
    if isinstance(event, CaseAnnounced | CaseReprioritised):
        return subject  # in the same hands
    at, worker, since = event.occurred_at, subject.worker, subject.since
    expired = isinstance(event, LeaseEnded) and event.ended_by is EndedBy.EXPIRED
    took = 0 if since is None or expired else max(0, at - since)
    answers = int(worker is not None and worker == _who_answered(event) and (took > 0 or since is None))
    if took or answers:
        sums.add(Cell(event.workflow, minute_of(at), Measure.WORK), Amount(answers, took))
    match event:
        case LeaseGranted(reviewer_id=person):
            return replace(subject, worker=person, since=at)
        case AnswerReceived() if took:
            return replace(subject, since=None)
    return replace(subject, worker=None, since=None)


def _with_answer(subject: Subject, event: AuditAnswered, sums: Sums) -> Subject:
    """The first answer that can be weighed counts; that there was one that cannot is kept, too."""
    weighable = is_weighable(event.inclusion_probability)
    if subject.answered if weighable else subject.unweighable:
        return subject
    if event.reviewer_id.startswith(SIMULATED):
        _count(sums, event.workflow, event.answered_at, Measure.SIMULATED)
    if not weighable:
        _count(sums, event.workflow, event.answered_at, Measure.UNWEIGHABLE)
        return replace(subject, unweighable=True)
    cell = Cell(event.workflow, minute_of(event.answered_at), blind_measure(event))
    sums.add(cell, Amount(1, int(event.agrees)))
    return replace(subject, answered=True)


def _with_gold(subject: Subject, event: GoldAnswered, sums: Sums) -> Subject:
    if not subject.is_gold:
        sums.add(Cell(event.workflow, minute_of(event.answered_at), Measure.GOLD), Amount(1, int(event.agrees)))
    return replace(subject, is_gold=True)


def blind_measure(event: AuditAnswered) -> str:
    """What answers are summed under that were drawn alike, about one model."""
    model, drawn = ("model" if event.model_label is not None else "none"), event.inclusion_probability.hex()
    return f"{Measure.BLIND}{event.kind}/{model}/{drawn}/{event.model_digest or ''}"


def _answer(sums: Sums, workflow: str, at: int, person: str) -> None:
    _count(sums, workflow, at, f"{Measure.ANSWERS}{person}")
    if person.startswith(SIMULATED):
        _count(sums, workflow, at, Measure.SIMULATED)


def _count(sums: Sums, workflow: str, at: int, measure: str) -> None:
    sums.add(Cell(workflow, minute_of(at), measure), Amount(1))
