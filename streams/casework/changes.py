"""The events that casework writes about a case: every change, and what was refused."""

from typing import NamedTuple, TypedDict

from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseActionRequested,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewDecided,
)
from schemas.ids import derive_id
from schemas.values import (
    ClosedBy,
    Coordinates,
    EndedBy,
    EscalatedBy,
    GivenAnswer,
    Hold,
    Lease,
    PreviousAnswer,
    Priority,
    StandingDecision,
)
from streams.casework.case import Announcement, Case, stage_of
from streams.casework.refusal import Refused


class Stamp(NamedTuple):
    """What every change carries: the record that led to it, the clock (milliseconds), the configuration in force."""

    cause: Coordinates
    now: int
    config_offsets: dict[str, int]


class Frame(TypedDict):
    """What every change of a case says."""

    event_id: str
    request_id: str
    workflow: str
    sequence: int
    revision: int
    cause: Coordinates
    config_offsets: dict[str, int]
    occurred_at: int


def _frame(case: Case, stamp: Stamp, *, revisions: int = 0) -> Frame:
    """The next change of a case, that many revisions on."""
    sequence = case.sequence + 1
    return Frame(
        event_id=derive_id("case", case.request_id, sequence),
        request_id=case.request_id,
        workflow=case.workflow,
        sequence=sequence,
        revision=case.revision + revisions,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
    )


# ---- announced, escalated, closed ----


def case_opened(announcement: Announcement, review: Coordinates, stamp: Stamp) -> CaseOpened:
    """Casework takes on what was announced at `review`."""
    return CaseOpened(
        event_id=derive_id("case", announcement.request_id, 1),
        request_id=announcement.request_id,
        workflow=announcement.workflow,
        sequence=1,
        revision=announcement.revision,
        cause=stamp.cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        stage=stage_of(announcement),
        review=review,
        priority=announcement.priority,
        due_at=announcement.due_at,
        sealed=announcement.sealed,
    )


def case_announced(case: Case, review: Coordinates, stamp: Stamp) -> CaseAnnounced:
    """The case's current revision was seen at `review` and can be answered there."""
    return CaseAnnounced(**_frame(case, stamp), review=review)


def case_escalated(case: Case, by: EscalatedBy, answer: PreviousAnswer | None, stamp: Stamp) -> CaseEscalated:
    """The case goes to an expert, under its next revision."""
    return CaseEscalated(**_frame(case, stamp, revisions=1), escalated_by=by, answer=answer)


def case_returned(case: Case, command: CaseActionRequested, stamp: Stamp) -> CaseReturned:
    """The case goes back to reviewers, under its next revision."""
    return CaseReturned(**_frame(case, stamp, revisions=1), reviewer_id=command.reviewer_id, note=command.note)


def case_reprioritised(
    case: Case, command: CaseActionRequested, priority: Priority, stamp: Stamp
) -> CaseReprioritised:
    """The case has another priority, under its next revision."""
    return CaseReprioritised(
        **_frame(case, stamp, revisions=1), reviewer_id=command.reviewer_id, priority=priority, note=command.note
    )


def case_closed(
    case: Case, by: ClosedBy, stamp: Stamp, *, reviewer_id: str | None = None, label: str | None = None,
    standing: StandingDecision | None = None,
) -> CaseClosed:  # fmt: skip
    """The case is finished, with this answer or with none; `standing` where the answer made a decision."""
    return CaseClosed(
        **_frame(case, stamp), closed_by=by, reviewer_id=reviewer_id, label=label, standing=standing
    )


# ---- leases, holds, notes ----


def lease_granted(
    case: Case, reviewer_id: str, stamp: Stamp, *, expires_at: int, handed_over_by: str | None = None
) -> LeaseGranted:
    """The person has the case; the number of this change is the fencing token, so that tokens only grow."""
    frame = _frame(case, stamp)
    return LeaseGranted(
        **frame,
        reviewer_id=reviewer_id,
        lease=frame["sequence"],
        expires_at=expires_at,
        handed_over_by=handed_over_by,
    )


def lease_extended(case: Case, lease: Lease, stamp: Stamp, *, expires_at: int) -> LeaseExtended:
    """A further term; never a shorter one than was promised."""
    return LeaseExtended(
        **_frame(case, stamp),
        reviewer_id=lease.reviewer_id,
        lease=lease.token,
        expires_at=max(lease.expires_at, expires_at),
    )


def lease_ended(case: Case, lease: Lease, by: EndedBy, stamp: Stamp) -> LeaseEnded:
    return LeaseEnded(**_frame(case, stamp), reviewer_id=lease.reviewer_id, lease=lease.token, ended_by=by)


def case_held(case: Case, command: CaseActionRequested, resumes_at: int, stamp: Stamp) -> CaseHeld:
    return CaseHeld(
        **_frame(case, stamp), reviewer_id=command.reviewer_id, resumes_at=resumes_at, note=command.note
    )


def hold_ended(case: Case, hold: Hold, by: EndedBy, stamp: Stamp) -> HoldEnded:
    return HoldEnded(**_frame(case, stamp), reviewer_id=hold.reviewer_id, ended_by=by)


def case_noted(case: Case, command: CaseActionRequested, stamp: Stamp) -> CaseNoted:
    return CaseNoted(**_frame(case, stamp), reviewer_id=command.reviewer_id, note=command.note)


# ---- answers that wait ----


def answer_received(case: Case, given: GivenAnswer, stamp: Stamp, *, leaves_at: int) -> AnswerReceived:
    """The answer takes effect when its grace period ends."""
    return AnswerReceived(
        **_frame(case, stamp), reviewer_id=given.reviewer_id, decision_id=given.decision_id, leaves_at=leaves_at
    )


def answer_withdrawn(case: Case, given: GivenAnswer, stamp: Stamp) -> AnswerWithdrawn:
    return AnswerWithdrawn(**_frame(case, stamp), reviewer_id=given.reviewer_id, decision_id=given.decision_id)


def answer_counted(case: Case, given: GivenAnswer, stamp: Stamp) -> AnswerCounted:
    """The answer counts beside those before it; a further person is asked."""
    return AnswerCounted(
        **_frame(case, stamp),
        reviewer_id=given.reviewer_id,
        decision_id=given.decision_id,
        answers=len(case.counted) + 1,
    )


# ---- refused ----


def decision_refused(case: Case | None, decision: ReviewDecided, refused: Refused, stamp: Stamp) -> DecisionRefused:
    """An answer that changed nothing, and why."""
    cause = stamp.cause
    return DecisionRefused(
        event_id=derive_id("refused", cause.topic, cause.partition, cause.offset),
        request_id=decision.request_id,
        workflow=case.workflow if case is not None else None,
        sequence=case.sequence if case is not None else 0,
        cause=cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        decision_id=decision.decision_id,
        reviewer_id=decision.reviewer_id,
        reason=refused.reason.value,
        detail=refused.detail,
        watermark=refused.watermark,
    )


def command_refused(case: Case | None, command: CaseActionRequested, refused: Refused, stamp: Stamp) -> CommandRefused:
    """A command that changed nothing, and why."""
    cause = stamp.cause
    return CommandRefused(
        event_id=derive_id("refused", cause.topic, cause.partition, cause.offset),
        request_id=command.request_id,
        workflow=case.workflow if case is not None else None,
        sequence=case.sequence if case is not None else 0,
        cause=cause,
        config_offsets=stamp.config_offsets,
        occurred_at=stamp.now,
        command_id=command.command_id,
        reviewer_id=command.reviewer_id,
        action=command.action,
        reason=refused.reason.value,
        detail=refused.detail,
        watermark=refused.watermark,
    )
