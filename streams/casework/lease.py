"""Who has a case for themselves, and what they may do with it: the lease, its fencing token, and every command.

A lease is ended by the clock alone, and only after everything that people wrote in time was read (see `stage.tick`); so
a case whose lease ran out is nobody's, and everybody's again only when that is on record.
"""

from typing import Final, NamedTuple

from schemas.events import CaseActionRequested
from schemas.values import CaseStage, CaseStatus, Priority
from streams.casework.answer import MAX_ID_BYTES, MAX_NOTE_BYTES
from streams.casework.case import Case
from streams.casework.config import Rules
from streams.casework.identity import Role
from streams.casework.refusal import Refusal, Refused, not_open, quote
from streams.casework.rights import Who, may_work_on

MAX_NOTES: Final = 100
MAX_NOTES_BYTES: Final = 256 * 1024
MAX_ROUNDS: Final = 20  # words of people that a case carries when an expert still returns it
ACTIONS: Final = ("claim", "renew", "release", "hold", "note", "hand_over", "return", "reprioritise", "undo")


class Grant(NamedTuple):
    """This person has the case from now on."""

    reviewer_id: str
    handed_over_by: str | None = None


class Extend(NamedTuple):
    """Whoever has the case keeps it for another term."""


class Release(NamedTuple):
    """Nobody has the case any more."""


class SetAside(NamedTuple):
    """The case comes back at a time (milliseconds)."""

    resumes_at: int


class Annotate(NamedTuple):
    """A note stands beside the case."""


class Reprioritise(NamedTuple):
    """The case has another priority."""

    priority: Priority


class GiveBack(NamedTuple):
    """Reviewers are to look at the case again."""


class Withdraw(NamedTuple):
    """The answer that waits is taken back, and the person goes on."""


Act = Grant | Extend | Release | SetAside | Annotate | Reprioritise | GiveBack | Withdraw


def fence(case: Case, reviewer_id: str, token: int | None, *, at: int) -> Refused | None:
    """Refuses whoever does not have an open case, or had it once; a case that nobody has is open to everybody.

    `token` is the fencing token that the record carries, `at` its append time in milliseconds.
    """
    lease, hold = case.lease, case.hold
    if case.pending is not None:
        who = quote(case.pending.answer.reviewer_id)
        return Refused(Refusal.ANSWER_PENDING, f"{who} has just answered and may still take it back: take another case")
    if token is not None and (lease is None or lease.token != token):
        now = "nobody has the case now" if lease is None else f"{quote(lease.reviewer_id)} has it now"
        return Refused(Refusal.STALE_LEASE, f"the lease {token} is over, {now}: claim it again, or take another one")
    if hold is not None and hold.reviewer_id != reviewer_id:
        return Refused(Refusal.ON_HOLD, f"{quote(hold.reviewer_id)} has set the case aside: take another one")
    if lease is None:
        return None
    if lease.reviewer_id != reviewer_id:
        return Refused(Refusal.NOT_OWNER, f"{quote(lease.reviewer_id)} has the case: take another one")
    if at >= lease.expires_at:
        return Refused(Refusal.STALE_LEASE, f"the lease {lease.token} has run out: claim the case again")
    return None


def rule_on(
    case: Case | None, command: CaseActionRequested, who: Who, heir: Who | None, rules: Rules, *, at: int
) -> Act | Refused:
    """What a command leads to; `heir` is the person of `to_reviewer`, `at` the record's append time in milliseconds."""
    if refused := _bad_value(command):
        return refused
    if command.action == "undo":
        return _undo(case, command, at=at)
    if refused := not_open(case):
        return refused
    assert case is not None
    match command.action:
        case "claim":
            return _claim(case, command, who, rules, at=at)
        case "renew":
            return may_work_on(case, who, rules) or _of_owner(case, command, Extend(), at=at)
        case "release":
            return _release(case, command, who, at=at)
        case "hold":
            return _hold(case, command, who, rules, at=at)
        case "note":
            return _note(case, command)
        case "hand_over":
            return _hand_over(case, command, who, heir, rules, at=at)
        case "return":
            return _give_back(case, command, who, rules, at=at)
        case "reprioritise":
            return _reprioritise(case, command, who)
        case _:
            return _bad(f"action {quote(command.action)} is none of {', '.join(ACTIONS)}")


def _claim(case: Case, command: CaseActionRequested, who: Who, rules: Rules, *, at: int) -> Act | Refused:
    """One's own case again is a renewal: whoever lost an answer of ours may ask twice."""
    if case.lease is not None and case.lease.reviewer_id != who.reviewer_id:
        return Refused(
            Refusal.ALREADY_LEASED,
            f"{quote(case.lease.reviewer_id)} has the case (lease {case.lease.token}): take another one",
        )
    if refused := fence(case, who.reviewer_id, command.lease, at=at) or may_work_on(case, who, rules):
        return refused
    return Grant(who.reviewer_id) if case.lease is None else Extend()


def _of_owner(case: Case, command: CaseActionRequested, act: Act, *, at: int) -> Act | Refused:
    """Only for whoever has the case."""
    if refused := fence(case, command.reviewer_id, command.lease, at=at):
        return refused
    return act if case.lease is not None else Refused(Refusal.NOT_OWNER, "nobody has the case: claim it first")


def _release(case: Case, command: CaseActionRequested, who: Who, *, at: int) -> Act | Refused:
    """Whoever has it or set it aside gives it free; a lead may do so for others."""
    if case.lease is None and case.hold is None and case.pending is None:
        return Refused(Refusal.NOT_OWNER, "nobody has the case: there is nothing to release")
    refused = fence(case, who.reviewer_id, command.lease, at=at)
    others = refused is not None and refused.reason in (Refusal.NOT_OWNER, Refusal.ON_HOLD)
    if refused is not None and not (others and _is_lead(who)):
        return refused
    return Release()


def _hold(case: Case, command: CaseActionRequested, who: Who, rules: Rules, *, at: int) -> Act | Refused:
    refused = fence(case, who.reviewer_id, command.lease, at=at) or may_work_on(case, who, rules)
    if refused is not None:
        return refused
    resumes_at, longest = command.resumes_at, at + rules.review.longest_hold_ms
    if resumes_at is None or not at < resumes_at <= longest:
        return _bad(
            f"`resumes_at` is {resumes_at}: give a time after now and within {rules.review.longest_hold_days:g} days "
            "(milliseconds since the epoch)"
        )
    return SetAside(resumes_at)


def _note(case: Case, command: CaseActionRequested) -> Act | Refused:
    """Notes are part of the case, which must fit into a record together with its request."""
    if not command.note:
        return _bad("a note needs words: give `note`")
    size = len(command.note.encode()) + sum(len(noted.note.encode()) for noted in case.notes)
    if len(case.notes) >= MAX_NOTES or size > MAX_NOTES_BYTES:
        return Refused(
            Refusal.NOT_ALLOWED,
            f"the case has {len(case.notes)} notes, and a case holds {MAX_NOTES} of {MAX_NOTES_BYTES:,} bytes in all: "
            "write what is new beside the answer",
        )
    return Annotate()


def _hand_over(
    case: Case, command: CaseActionRequested, who: Who, heir: Who | None, rules: Rules, *, at: int
) -> Act | Refused:
    """By whoever has it, or by a lead whoever has it; to somebody who may work on it."""
    if heir is None:
        return _bad("`to_reviewer` is missing: name who takes over")
    refused = _of_owner(case, command, Extend(), at=at)
    if isinstance(refused, Refused):
        free = refused.reason in (Refusal.NOT_OWNER, Refusal.ON_HOLD)
        if not (free and _is_lead(who)):
            return refused
    return may_work_on(case, heir, rules) or Grant(heir.reviewer_id, handed_over_by=who.reviewer_id)


def _give_back(case: Case, command: CaseActionRequested, who: Who, rules: Rules, *, at: int) -> Act | Refused:
    refused = fence(case, who.reviewer_id, command.lease, at=at) or may_work_on(case, who, rules)
    if refused is not None:
        return refused
    if case.stage is not CaseStage.EXPERT or case.reopened_by is not None:
        return Refused(
            Refusal.NOT_ALLOWED, "only an expert returns a case, and not one that is judged anew: answer it instead"
        )
    if case.due_at is not None and at >= case.due_at:
        return Refused(Refusal.NOT_ALLOWED, "the deadline is past, and it stays with the case: answer it instead")
    if len(case.answers) >= MAX_ROUNDS:
        return Refused(
            Refusal.NOT_ALLOWED, f"the case went from hand to hand {len(case.answers)} times: answer it instead"
        )
    return GiveBack()


def _reprioritise(case: Case, command: CaseActionRequested, who: Who) -> Act | Refused:
    if not _is_lead(who):
        return Refused(Refusal.MISSING_ROLE, f"{quote(who.reviewer_id)} is no lead: ask one to change the priority")
    if command.priority not in {priority.value for priority in Priority}:
        known = ", ".join(priority.value for priority in Priority)
        return _bad(f"priority {quote(command.priority or '')} is none of {known}")
    if case.priority.value == command.priority:
        return Refused(Refusal.NOT_ALLOWED, f"the case has the priority {command.priority} already")
    return Reprioritise(Priority(command.priority))


def _undo(case: Case | None, command: CaseActionRequested, *, at: int) -> Act | Refused:
    """Takes one's own answer back while it waits. Afterwards the outcome has left, and an expert must amend it."""
    pending = case.pending if case is not None and case.status is CaseStatus.OPEN else None
    if case is None:
        return Refused(Refusal.UNKNOWN_CASE, "no case is open for this request: check the request id")
    if pending is None or at >= pending.leaves_at:
        return Refused(
            Refusal.TOO_LATE, "no answer waits any more: once the outcome has left, an appeal brings in an expert"
        )
    if pending.answer.reviewer_id != command.reviewer_id:
        whose = quote(pending.answer.reviewer_id)
        return Refused(Refusal.NOT_OWNER, f"the answer is {whose}'s: only they take it back")
    return Withdraw()


def _bad_value(command: CaseActionRequested) -> Refused | None:
    for name, value in (
        ("reviewer_id", command.reviewer_id), ("command_id", command.command_id), ("to_reviewer", command.to_reviewer),
    ):  # fmt: skip
        if value is not None and not 0 < (size := len(value.encode())) <= MAX_ID_BYTES:
            return _bad(f"{name} has {size} bytes: give one of 1 to {MAX_ID_BYTES}")
    if (size := len(command.note.encode())) > MAX_NOTE_BYTES:
        return _bad(f"note has {size} bytes: shorten it to {MAX_NOTE_BYTES}")
    return None


def _is_lead(who: Who) -> bool:
    return who.may_be(Role.LEAD)


def _bad(detail: str) -> Refused:
    return Refused(Refusal.BAD_VALUE, detail)

