"""What whoever steers does about cases of others, as forms say it, and what became of it. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from infra.http.problems import Problem
from infra.redis.records import Hands, RequestRecord
from producers.desk.commanding import Carried
from producers.desk.pages.forms import Form
from producers.desk.posted import ACTIONS, Acted, ActedUnder, Action, HandedOver, Noted, Reprioritised
from producers.desk.presenting import CaseShown
from producers.desk.signin.person import is_reviewer_id
from schemas.values import Priority

MOST: Final = 50  # cases in one go, as one page lists them
LONGEST_NOTE: Final = 16_000  # characters


class Deed(StrEnum):
    """What can be done about a case of somebody else."""

    HAND_OVER = "hand-over"
    RELEASE = "release"
    REPRIORITISE = "reprioritise"
    NOTE = "note"


DONE: Final[Mapping[str, str]] = {
    Deed.HAND_OVER: "The case is with the person you named.",
    Deed.RELEASE: "The case is free again.",
    Deed.REPRIORITISE: "The case has its new priority.",
    Deed.NOTE: "The note stands beside the case.",
}


class Told(NamedTuple):
    """What became of one case of many."""

    request_id: str
    is_done: bool
    sentence: str


def deed_in(form: Form) -> Deed:
    """What is to be done. Raises `Problem` 422."""
    try:
        return Deed(form.text("action"))
    except ValueError as error:
        raise invalid("Choose what is to be done.") from error


def action_of(deed: Deed) -> Action:
    """As casework knows it."""
    return ACTIONS[deed.value]


def said_in(deed: Deed, form: Form, *, command_id: str) -> Acted:
    """What the form says. Raises `Problem` 422, which says what to correct."""
    note = form.text("note")
    if len(note) > LONGEST_NOTE:
        raise invalid(f"The note has {len(note):,} characters: shorten it to {LONGEST_NOTE:,}.")
    match deed:
        case Deed.HAND_OVER:
            return HandedOver(command_id=command_id, to_reviewer=person_in(form, "to_reviewer"))
        case Deed.RELEASE:
            return ActedUnder(command_id=command_id)
        case Deed.REPRIORITISE:
            if not note:
                raise invalid("Say why the priority changes: whoever looks at the case later wants to know.")
            return Reprioritised(command_id=command_id, priority=_priority(form), note=note)
        case Deed.NOTE:
            if not note:
                raise invalid("A note needs words.")
            return Noted(command_id=command_id, note=note)


def person_in(form: Form, field: str) -> str:
    """Whom the form names. Raises `Problem` 422."""
    name = form.text(field)
    if not is_reviewer_id(name):
        raise invalid("Name a person by the id under which they answer, 1 to 200 printable characters.")
    return name


def command_id_in(form: Form) -> str:
    """The id under which the page sends what it says, so that sent twice it counts once. Raises `Problem` 422."""
    given = form.text("command_id")
    if not 0 < len(given) <= 100 or not given.isascii() or not given.isprintable():
        raise invalid("The form is of no page of the desk: load the page anew.")
    return given


def seen_of(case: CaseShown) -> str:
    """What a page shows of who has a case, for the form: by the time that it is sent, this may have changed."""
    return f"{case.revision}:{case.hands.value}:{case.holder or ''}"


def require_unchanged(case: CaseShown, seen: str) -> None:
    """Raises `Problem` 409 when a case is not as the page showed it."""
    if seen != seen_of(case):
        has = f"{case.holder} has it now" if case.holder is not None else "nobody has it now"
        detail = f"The case has changed since the page was loaded: {has}. Nothing was done; look again, then decide."
        raise Problem(409, detail, reason="stale_page")


def releases(case: CaseShown) -> bool:
    """Whether there is anything to release."""
    return case.hands in (Hands.LEASED, Hands.HELD)


def is_visible(made: Carried, record: RequestRecord | None) -> bool:
    """Whether the read model tells already what casework has carried out."""
    if record is None or record.queued is None:
        return True
    match made.became:
        case "handed_over" | "granted":
            return record.in_hand is not None and record.in_hand.reviewer_id == made.holder
        case "released":
            return record.in_hand is None
        case "reprioritised":
            announced = record.announced  # what the page shows, from a topic of its own
            return announced is not None and announced.priority is record.queued.priority is made.priority
    return True


def told(request_id: str, made: Carried | Problem) -> Told:
    """In a sentence."""
    if isinstance(made, Problem):
        return Told(request_id, False, made.detail)
    match made.became:
        case "handed_over":
            return Told(request_id, True, f"{made.holder} has it now")
        case "reprioritised":
            return Told(request_id, True, f"it has {made.priority} priority now")
        case "released":
            return Told(request_id, True, "it is free again")
    return Told(request_id, True, "done")


def chosen_in(form: Form) -> Sequence[str]:
    """The cases that are ticked. Raises `Problem` 422."""
    names = [name for name in form.texts("case") if name]
    if not names:
        raise invalid("Tick at least one case in the list.")
    if len(names) > MOST:
        raise invalid(f"{len(names)} cases are ticked: {MOST} can be changed in one go.")
    return names


def numbered(said: Acted, number: int) -> Acted:
    """The same about another case, under an id of its own."""
    return msgspec.structs.replace(said, command_id=f"{said.command_id}:{number}")


def invalid(detail: str) -> Problem:
    """A 422 that says what to correct; nothing was done."""
    return Problem(422, f"{detail} Nothing was changed.", reason="invalid")


def _priority(form: Form) -> Priority:
    try:
        return Priority(form.text("priority"))
    except ValueError as error:
        raise invalid(f"Choose a priority: {', '.join(Priority)}.") from error
