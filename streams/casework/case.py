"""A case is the fold of its events: opened by an announcement, announced again, escalated, closed, reopened."""

from typing import assert_never

from msgspec.structs import replace

from schemas.events import (
    AppealNoted,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
    CaseSnapshot,
    ExpertReviewRequested,
    ReviewRequested,
)
from schemas.values import Appeal, CaseStage, CaseStatus, EscalatedBy, ReopenedBy

Case = CaseSnapshot
Announcement = ReviewRequested | ExpertReviewRequested
CaseEvent = CaseOpened | CaseAnnounced | CaseEscalated | CaseClosed | CaseReopened | AppealNoted


class BrokenHistory(ValueError):
    """Events of a case that do not follow one another, or come without their announcement."""


def evolve(case: Case | None, event: CaseEvent, announcement: Announcement | None = None) -> Case:
    """The case after one more of its events; an event that was folded before changes nothing.

    CaseOpened comes with the announcement at its `review` coordinates, CaseEscalated and CaseReopened with the
    ExpertReviewRequested of their revision. Raises `BrokenHistory` when events are missing or the announcement does
    not belong.
    """
    if isinstance(event, AppealNoted):
        return _noted(case, event)
    if case is not None and event.sequence <= case.sequence:
        return case
    if event.sequence != (case.sequence if case is not None else 0) + 1:
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
        case CaseClosed():
            return _stub(case, event)
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


def _belonging(event: CaseOpened | CaseEscalated | CaseReopened, announcement: Announcement | None) -> Announcement:
    if announcement is None or announcement.request_id != event.request_id or announcement.revision != event.revision:
        raise BrokenHistory(f"case {event.request_id}: revision {event.revision} comes without its announcement")
    return announcement


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
        _asked(event, announcement), reopened_by=event.reopened_by, appeal=event.appeal, standing=event.standing
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
        answers=asked.answers if isinstance(asked, ExpertReviewRequested) else (),
    )


def _escalator(announcement: Announcement) -> EscalatedBy | None:
    return announcement.escalated_by if isinstance(announcement, ExpertReviewRequested) else None


def _escalated(case: Case, event: CaseEscalated, announcement: Announcement) -> Case:
    """With an expert now, and not to be answered before its announcement was seen on its topic."""
    return replace(
        case,
        stage=CaseStage.EXPERT,
        revision=event.revision,
        sequence=event.sequence,
        review=None,
        priority=announcement.priority,
        reason=announcement.reason,
        due_at=announcement.due_at,
        sealed=announcement.sealed,
        escalated_by=event.escalated_by,
        answers=case.answers if event.answer is None else (*case.answers, event.answer),
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
    )
