"""A case is the fold of its events: opened by an announcement, leased, answered, escalated, closed, reopened."""

from typing import assert_never

from msgspec.structs import replace

from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    AppealNoted,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    CaseSnapshot,
    ExpertReviewRequested,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewRequested,
)
from schemas.values import (
    Appeal,
    CaseStage,
    CaseStatus,
    EscalatedBy,
    GivenAnswer,
    Hold,
    Lease,
    Note,
    PendingAnswer,
    ReopenedBy,
)

Case = CaseSnapshot
Announcement = ReviewRequested | ExpertReviewRequested
Held = LeaseGranted | LeaseExtended | LeaseEnded | CaseHeld | HoldEnded | CaseNoted
Answering = AnswerReceived | AnswerWithdrawn | AnswerCounted
Announcing = CaseOpened | CaseEscalated | CaseReopened | CaseReprioritised | CaseReturned
CaseEvent = Announcing | CaseAnnounced | CaseClosed | Held | Answering | AppealNoted


class BrokenHistory(ValueError):
    """Events of a case that do not follow one another, or come without their announcement."""


def evolve(case: Case | None, event: CaseEvent, said: Announcement | GivenAnswer | None = None) -> Case:
    """The case after one more of its events; an event that was folded before changes nothing.

    CaseOpened comes with the announcement at its `review` coordinates, other `Announcing` events with the announcement
    of their revision, AnswerReceived and AnswerCounted with the answer at their cause (one that had been received is
    known). Raises `BrokenHistory` when events are missing or what was said does not belong.
    """
    announcement = said if isinstance(said, Announcement) else None
    if isinstance(event, AppealNoted):
        return _noted(case, event)
    if case is not None and event.sequence <= case.sequence:
        return case
    forgotten = case is None and isinstance(event, CaseReopened)  # what came before, if anything did, is not known
    if event.sequence != (case.sequence if case is not None else 0) + 1 and not forgotten:
        raise BrokenHistory(f"case {event.request_id}: change {event.sequence} came before the one it follows")
    if isinstance(event, CaseOpened):
        return _opened(event, _belonging(event, announcement))
    if isinstance(event, CaseReopened):
        return _reopened(case, event, _belonging(event, announcement))
    if case is None or case.status is CaseStatus.CLOSED:
        raise BrokenHistory(f"case {event.request_id} is not open: CaseOpened or CaseReopened must come first")
    match event:
        case CaseAnnounced():
            return replace(case, sequence=event.sequence, review=event.review)
        case CaseEscalated():
            return _escalated(case, event, _belonging(event, announcement))
        case CaseReturned() | CaseReprioritised():
            return _announced_anew(case, event, _belonging(event, announcement))
        case CaseClosed():
            return _stub(case, event)
        case AnswerReceived() | AnswerWithdrawn() | AnswerCounted():
            return _answered(case, event, said if isinstance(said, GivenAnswer) else None)
        case LeaseGranted() | LeaseExtended() | LeaseEnded() | CaseHeld() | HoldEnded() | CaseNoted():
            return _held(case, event)
        case _:
            assert_never(event)


def _noted(case: Case | None, event: AppealNoted) -> Case:
    """With an appeal that waits. It takes no number of its own: a gap would tell that it is there."""
    if case is None or case.sequence < event.sequence:
        raise BrokenHistory(f"case {event.request_id}: the appeal was noted after change {event.sequence}, yet to come")
    return case if case.sequence > event.sequence else replace(case, appeal=event.appeal, standing=event.standing)


def stage_of(announcement: Announcement) -> CaseStage:
    """Whom an announcement asks."""
    return CaseStage.EXPERT if isinstance(announcement, ExpertReviewRequested) else CaseStage.HUMAN


def _belonging(event: Announcing, announcement: Announcement | None) -> Announcement:
    if announcement is None or announcement.request_id != event.request_id or announcement.revision != event.revision:
        raise BrokenHistory(f"case {event.request_id}: revision {event.revision} comes without its announcement")
    return announcement


def _held(case: Case, event: Held) -> Case:
    """Who has it now, until when, and what they wrote beside it."""
    match event:
        case LeaseGranted(reviewer_id=who, lease=token, expires_at=end, occurred_at=now):
            lease = Lease(token=token, reviewer_id=who, granted_at=now, expires_at=end)
            return replace(case, sequence=event.sequence, lease=lease, hold=None)
        case LeaseExtended(expires_at=end) if case.lease is not None:
            return replace(case, sequence=event.sequence, lease=replace(case.lease, expires_at=end))
        case CaseHeld(reviewer_id=who, resumes_at=at, note=note):
            hold = Hold(reviewer_id=who, resumes_at=at, note=note)
            return replace(case, sequence=event.sequence, lease=None, hold=hold)
        case CaseNoted(reviewer_id=who, note=note, occurred_at=now):
            noted = Note(reviewer_id=who, note=note, noted_at=now)
            return replace(case, sequence=event.sequence, notes=(*case.notes, noted))
        case LeaseEnded():
            return replace(case, sequence=event.sequence, lease=None)
        case HoldEnded():
            return replace(case, sequence=event.sequence, hold=None)
    raise BrokenHistory(f"case {event.request_id}: a lease is renewed that nobody has")


def _answered(case: Case, event: Answering, given: GivenAnswer | None) -> Case:
    """An answer waits for its grace period to end, was taken back, or counts beside a further person's."""
    if isinstance(event, AnswerWithdrawn):
        return replace(case, sequence=event.sequence, pending=None)
    answer = given if given is not None else case.pending.answer if case.pending is not None else None
    if answer is None or answer.decision_id != event.decision_id:
        raise BrokenHistory(f"case {event.request_id}: change {event.sequence} comes without its answer")
    free = replace(case, sequence=event.sequence, lease=None, hold=None)
    if isinstance(event, AnswerReceived):
        return replace(free, pending=PendingAnswer(answer=answer, leaves_at=event.leaves_at))
    return replace(
        free, pending=None, counted=(*case.counted, answer), people=_with(case.people, answer.reviewer_id)
    )


def _with(people: tuple[str, ...], *more: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*people, *(name for name in more if name is not None))))


def waiting_appeal(case: Case) -> Appeal | None:
    """The appeal that waits for the end of the review that is under way."""
    return None if case.reopened_by is ReopenedBy.APPEAL else case.appeal


def _opened(event: CaseOpened, announcement: Announcement) -> Case:
    return replace(_asked(event, announcement), stage=event.stage, review=event.review, sealed=event.sealed)


def _reopened(case: Case | None, event: CaseReopened, announcement: Announcement) -> Case:
    """With an expert, and not to be answered before its announcement was seen on its topic."""
    if case is not None and case.status is CaseStatus.OPEN:
        raise BrokenHistory(f"case {event.request_id} is open: it cannot be reopened")
    return replace(
        _asked(event, announcement),
        reopened_by=event.reopened_by,
        appeal=event.appeal,
        standing=event.standing,
        people=_with(case.people if case is not None else (), event.standing.reviewer_id),
    )


def _asked(event: CaseOpened | CaseReopened, asked: Announcement) -> Case:
    """An open case as its announcement tells it."""
    return Case(
        request_id=event.request_id,
        workflow=event.workflow,
        status=CaseStatus.OPEN,
        stage=stage_of(asked),
        revision=event.revision,
        sequence=event.sequence,
        priority=asked.priority,
        opened_at=event.occurred_at,
        due_at=asked.due_at,
        request=asked.request,
        request_body=asked.request_body,
        request_fingerprint=asked.request_fingerprint,
        requested_at=asked.requested_at,
        reason=asked.reason,
        recommendation=asked.recommendation,
        classes=asked.classes,
        approving_class=asked.approving_class,
        rule_hits=asked.rule_hits,
        risk_flags=asked.risk_flags,
        high_risk=asked.high_risk,
        compliance=asked.compliance,
        policy_version=asked.policy_version,
        policy_digest=asked.policy_digest,
        config_offsets=asked.config_offsets,
        sealed=asked.sealed,
        escalated_by=_escalator(asked),
        answers=asked.answers,
        skills=asked.skills,
        tags=asked.tags,
    )


def _escalator(announcement: Announcement) -> EscalatedBy | None:
    return announcement.escalated_by if isinstance(announcement, ExpertReviewRequested) else None


def _escalated(case: Case, event: CaseEscalated, announcement: Announcement) -> Case:
    """With an expert now, and not to be answered before its announcement was seen on its topic."""
    return replace(
        _free(case, event),
        stage=CaseStage.EXPERT,
        priority=announcement.priority,
        reason=announcement.reason,
        due_at=announcement.due_at,
        sealed=announcement.sealed,
        escalated_by=event.escalated_by,
        answers=announcement.answers,
    )


def _announced_anew(case: Case, event: CaseReturned | CaseReprioritised, announcement: Announcement) -> Case:
    """Under its next revision: back with reviewers, or as it was but for its priority, in the same hands."""
    known = _free(case, event) if isinstance(event, CaseReturned) else case
    return replace(
        known,
        stage=stage_of(announcement),
        revision=event.revision,
        sequence=event.sequence,
        review=None,
        priority=announcement.priority,
        reason=announcement.reason,
        due_at=announcement.due_at,
        sealed=announcement.sealed,
        answers=announcement.answers,
    )


def _free(case: Case, event: CaseEscalated | CaseReturned) -> Case:
    """In nobody's hands, under its next revision; whose answer counted is remembered, the answers are not."""
    return replace(
        case,
        revision=event.revision,
        sequence=event.sequence,
        review=None,
        lease=None,
        hold=None,
        counted=(),
        pending=None,
    )


def _stub(case: Case, event: CaseClosed) -> Case:
    """What remains of a finished case: enough to refuse late answers, nothing of the request or of what was said."""
    return Case(
        request_id=case.request_id,
        workflow=case.workflow,
        status=CaseStatus.CLOSED,
        stage=case.stage,
        revision=case.revision,
        sequence=event.sequence,
        review=case.review,
        priority=case.priority,
        opened_at=case.opened_at,
        request=case.request,
        requested_at=case.requested_at,
        policy_version=case.policy_version,
        policy_digest=case.policy_digest,
        escalated_by=case.escalated_by,
        closed_at=event.occurred_at,
        closed_by=event.closed_by,
        label=event.label,
        reopened_by=case.reopened_by,
        appeal=replace(case.appeal, statement="") if case.appeal is not None else None,
        standing=event.standing or case.standing,
        people=_with(case.people, event.reviewer_id),
    )
