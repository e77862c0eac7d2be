"""A command about a case into the log, and what casework makes of it."""

import msgspec

from infra.kafka.scan import Entry
from producers.desk.asking import PATIENCE, Door, ask
from schemas.events import (
    CaseActionRequested,
    CaseHeld,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    Event,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
)
from schemas.topics import REVIEW_COMMANDS
from schemas.values import Coordinates, Priority


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command; times in milliseconds since the epoch. `holder` has the case with that lease now."""

    request_id: str
    command_id: str
    action: str
    accepted: bool
    became: str  # granted, handed_over, withdrawn, extended, released, held, noted, reprioritised, returned or refused
    reason: str = ""
    detail: str = ""
    holder: str | None = None
    lease: int | None = None
    expires_at: int | None = None
    resumes_at: int | None = None
    priority: Priority | None = None


def carry_out(door: Door, command: CaseActionRequested, *, patience_seconds: float = PATIENCE) -> Carried:
    """Write a command and wait until it was carried out or refused. Raises as `ask` does."""
    record = REVIEW_COMMANDS.message(command)
    return ask(
        door, record, lambda entry, at: carried(entry, command, at), is_last=is_last, patience_seconds=patience_seconds
    )


def is_last(_: Carried) -> bool:
    """Casework has one word for what becomes of a command."""
    return True


def carried(entry: Entry, command: CaseActionRequested, at: Coordinates) -> Carried | None:
    """What a change of a case says about this command, which lies `at`; None when it is about something else."""
    if getattr(entry.event, "cause", None) != at:
        return None
    plain = Carried(
        request_id=command.request_id, command_id=command.command_id, action=command.action, accepted=True, became=""
    )
    return _told(plain, entry.event)


def _told(plain: Carried, event: Event | None) -> Carried | None:
    """What the event adds. An answer that is taken back leaves its person with a lease, which is the last word."""
    change = msgspec.structs.replace
    match event:
        case CommandRefused(reason=reason, detail=detail):
            return change(plain, accepted=False, became="refused", reason=reason, detail=detail)
        case LeaseGranted(reviewer_id=who, lease=lease, expires_at=end):
            handed = None if event.handed_over_by is None else "handed_over"
            became = "withdrawn" if plain.action == "undo" else handed or "granted"
            return change(plain, became=became, holder=who, lease=lease, expires_at=end)
        case LeaseExtended(reviewer_id=who, lease=lease, expires_at=end):
            return change(plain, became="extended", holder=who, lease=lease, expires_at=end)
        case LeaseEnded() | HoldEnded():
            return change(plain, became="released")
        case CaseHeld(reviewer_id=who, resumes_at=until):
            return change(plain, became="held", holder=who, resumes_at=until)
        case CaseNoted():
            return change(plain, became="noted")
        case CaseReprioritised(priority=priority):
            return change(plain, became="reprioritised", priority=priority)
        case CaseReturned():
            return change(plain, became="returned")
    return None
