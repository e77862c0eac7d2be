"""What whoever steers says about a person: paused or at work again, what they may be and know. Pure."""

from typing import Final

from infra.http.problems import Problem
from producers.desk.pages.forms import Form
from producers.desk.pages.lead.steering import invalid
from producers.desk.roster import Person
from producers.desk.signin.person import LONGEST_SKILL, MOST_SKILLS
from schemas.events import ReviewerEnrolled
from streams.assurance.enrolling import enrolment
from streams.casework.eligibility import Reviewer
from streams.casework.identity import Role

HIGHEST_LIMIT: Final = 1_000  # cases that one may have at once
DONE: Final = {
    "pause": "They are paused: whatever they ask for or answer is refused until they are resumed.",
    "resume": "They may work again.",
    "enrol": "It is enrolled, and in force within two seconds.",
    "end-sessions": "Every session of theirs has ended: they must sign in again.",
}


def require_unchanged(person: Person, form: Form) -> None:
    """Raises `Problem` 409 when somebody else has enrolled the person anew since the page was loaded."""
    if form.text("before") != before(person):
        by = person.enrolment.enrolled_by if person.enrolment else "somebody"
        detail = f"{by} has changed this person since the page was loaded. Nothing was done; look again, then decide."
        raise Problem(409, detail, reason="stale_page")


def before(person: Person) -> str:
    """The enrolment that a page shows, for its forms."""
    return person.enrolment.event_id if person.enrolment else ""


def paused(person: Person, at_work: Reviewer | None, *, active: bool, by: str, now: int) -> ReviewerEnrolled:
    """The enrolment by which a person is paused, or may work again. Raises `Problem` 409 when they are so already.

    Who was not enrolled keeps the roles and skills that they are at work with.
    """
    is_active = person.enrolment is None or person.enrolment.active
    if is_active is active:
        state = "may work already" if active else "is paused already"
        raise Problem(409, f"{person.reviewer_id} {state}. Nothing was changed.", reason="nothing_to_do")
    known = at_work if person.enrolment is None else None
    roles = tuple(role.value for role in Role if known is not None and known.roles and role.value in known.roles)
    skills = tuple(known.skills) if known is not None and known.skills else None
    return enrolment(person.reviewer_id, person.enrolment, roles=roles, skills=skills, active=active, by=by, now=now)


def enrolled(person: Person, form: Form, *, by: str, now: int) -> ReviewerEnrolled:
    """The enrolment that a form says. Raises `Problem` 422, which says what to correct."""
    roles = tuple(form.texts("role"))
    if not roles or not set(roles) <= {role.value for role in Role}:
        raise invalid(f"Tick what they may be, at least one of {', '.join(Role)}.")
    skills = tuple(dict.fromkeys(filter(None, (word.strip() for word in form.text("skills").split(",")))))
    if len(skills) > MOST_SKILLS or any(len(skill) > LONGEST_SKILL or not skill.isprintable() for skill in skills):
        raise invalid(f"Name at most {MOST_SKILLS} skills of at most {LONGEST_SKILL} printable characters each.")
    made = enrolment(
        person.reviewer_id, person.enrolment, roles=roles, skills=skills, wip_limit=_limit(form), by=by, now=now
    )
    if made.wip_limit is not None and _limit(form) is None:
        raise invalid("A limit that somebody has stays: say how many cases they may have at once.")
    return made


def _limit(form: Form) -> int | None:
    text = form.text("limit")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= HIGHEST_LIMIT):
        raise invalid(f"How many cases they may have at once is a whole number from 1 to {HIGHEST_LIMIT:,}.")
    return int(text)
