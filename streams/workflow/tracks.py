"""What runs beside the states of a request: its appeal, its audit, and that it was no request but a question."""

from collections.abc import Sequence
from typing import Final

from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    CaseReopened,
    Event,
    GoldAnswered,
    OutcomeAmended,
    OutcomeUpheld,
)
from schemas.values import Appeal
from streams.workflow.story import AppealStatus, AppealTrack, AuditStatus, AuditTrack, GoldTrack, Record

APPEAL_ORDER: Final = (
    AppealStatus.AMENDED, AppealStatus.UPHELD, AppealStatus.UNDER_REVIEW, AppealStatus.WAITING, AppealStatus.FILED,
    AppealStatus.REFUSED,
)  # fmt: skip


def appeal_of(told: Sequence[Record]) -> AppealTrack | None:
    """The appeal that was taken on, else the first that casework has yet to read, else the last that was refused."""
    found: dict[AppealStatus, AppealTrack] = {}
    for event, _ in told:
        if (track := _said_of_appeal(event)) is not None:
            found[track.status] = track
    refused = {event.appeal_id for event, _ in told if isinstance(event, AppealRefused)}
    unread = (e.appeal_id for e, _ in told if isinstance(e, AppealFiled) and e.appeal_id not in refused)
    if (name := next(unread, None)) is not None:
        found[AppealStatus.FILED] = AppealTrack(appeal_id=name, status=AppealStatus.FILED)
    return next((found[status] for status in APPEAL_ORDER if status in found), None)


def _said_of_appeal(event: Event) -> AppealTrack | None:
    """What an event of casework says of an appeal."""
    match event:
        case OutcomeAmended(appeal_id=str(name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.AMENDED)
        case OutcomeUpheld(appeal_id=str(name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.UPHELD)
        case CaseReopened(appeal=Appeal(appeal_id=name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.UNDER_REVIEW)
        case AppealNoted(appeal=Appeal(appeal_id=name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.WAITING)
        case AppealRefused(appeal_id=name, reason=reason):
            return AppealTrack(appeal_id=name, status=AppealStatus.REFUSED, reason=reason)
    return None


def audit_of(told: Sequence[Record]) -> AuditTrack | None:
    """What became of the draw, if chance drew it."""
    drawn = next((event for event, _ in told if isinstance(event, AuditDrawn)), None)
    if drawn is None:
        return None
    for event, _ in told:
        if isinstance(event, AuditAnswered):
            return AuditTrack(
                kind=drawn.kind,
                status=AuditStatus.ANSWERED,
                drawn_at=drawn.drawn_at,
                label=event.label,
                agrees=event.agrees,
            )
    expired = any(isinstance(event, AuditExpired) for event, _ in told)
    status = AuditStatus.EXPIRED if expired else AuditStatus.OPEN
    return AuditTrack(kind=drawn.kind, status=status, drawn_at=drawn.drawn_at)


def gold_of(told: Sequence[Record]) -> GoldTrack | None:
    """What came of a question whose answer is known; before that it looks like any other case."""
    answered = next((event for event, _ in told if isinstance(event, GoldAnswered)), None)
    if answered is None:
        return None
    return GoldTrack(
        gold_id=answered.gold_id,
        reviewer_id=answered.reviewer_id,
        label=answered.label,
        right_label=answered.right_label,
        agrees=answered.agrees,
    )
