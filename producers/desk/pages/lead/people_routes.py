"""Everybody who works here, one of them, and what is said about them on record."""

import asyncio
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.http.problems import Problem
from producers.desk.lookup import now
from producers.desk.pace import Pace
from producers.desk.pages.behind import Behind
from producers.desk.pages.forms import form_of
from producers.desk.pages.lead import enrolling
from producers.desk.pages.lead.looking import LookingAround
from producers.desk.pages.lead.people import AT_ONCE, assessments, in_hand, order, row
from producers.desk.pages.lead.telling import answered, done_in
from producers.desk.pages.shell import page, part
from producers.desk.pages.telling import WayOn
from producers.desk.roster import Person
from producers.desk.signin.guard import require
from producers.desk.signin.person import is_reviewer_id
from producers.desk.signin.roles import Deed, may
from producers.desk.signin.sessions import Session
from schemas.topics import REVIEWERS
from streams.casework.identity import Role

SEE_OTHER: Final = 303
LOOKS, LOOK_EVERY = 80, 0.025  # seconds between two
TO_PEOPLE: Final = WayOn("/lead/people", "Back to the people")


def add(made: APIRouter, behind: Behind, around: LookingAround, pace: Pace) -> None:
    """The pages of people, and what their forms do."""

    @made.get("/lead/people")
    async def everybody(request: Request) -> Response:
        """Who is at work, and how they do."""
        require(request, Deed.SEE_QUEUES)
        return page(request, "lead/people.html", title="People", **await _listed(request, behind, around))

    @made.get("/lead/now/people")
    async def at_this_moment(request: Request) -> Response:
        """The same part of the page, as it is now."""
        require(request, Deed.SEE_QUEUES)
        return part(request, "lead/people-now.html", **await _listed(request, behind, around))

    @made.get("/lead/person")
    async def found(request: Request) -> Response:
        """The page of a person who is named in a form."""
        require(request, Deed.SEE_QUEUES)
        return RedirectResponse(address_of(_named(request.query_params.get("id", "").strip())), SEE_OTHER)

    @made.get("/lead/people/{reviewer_id:path}")
    async def one(request: Request, reviewer_id: str) -> Response:
        """One person."""
        session = require(request, Deed.SEE_QUEUES)
        return await answered(request, [TO_PEOPLE], _page(request, behind, around, _named(reviewer_id), session))

    @made.post("/lead/people/{reviewer_id:path}:end-sessions")
    async def end_sessions(request: Request, reviewer_id: str) -> Response:
        """They must sign in again."""
        admin = require(request, Deed.END_SESSIONS)
        pace.spend(admin.person.reviewer_id)
        await behind.sign_in().end_all(_named(reviewer_id), by=admin.person.reviewer_id)
        return RedirectResponse(f"{address_of(reviewer_id)}?done=end-sessions", SEE_OTHER)

    @made.post("/lead/people/{reviewer_id:path}:{deed}")
    async def say(request: Request, reviewer_id: str, deed: str) -> Response:
        """Paused, at work again, or enrolled with roles, skills and a limit."""
        session = require(request, Deed.STEER)
        pace.spend(session.person.reviewer_id)
        back = WayOn(address_of(reviewer_id), "Back to the person")
        doing = _say(request, behind, around, _named(reviewer_id), deed, session)
        return await answered(request, [back, TO_PEOPLE], doing)


def address_of(reviewer_id: str) -> str:
    """The page of a person."""
    return f"/lead/people/{quote(reviewer_id, safe='')}"


def _named(reviewer_id: str) -> str:
    if not is_reviewer_id(reviewer_id):
        raise Problem(404, "A person has an id of 1 to 200 printable characters; correct it.", reason="unknown_person")
    return reviewer_id


async def _listed(request: Request, behind: Behind, around: LookingAround) -> dict[str, Any]:
    chosen, at = request.query_params, now()
    wanted, text = chosen.get("q", "").strip()[:200], chosen.get("from", "0")
    start = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    everybody, seen = behind.roster.people(), await around.last_seen()
    names = order(everybody, seen, wanted=wanted)
    shown = names[start : start + AT_ONCE]
    doing = await around.doing({name: seen.get(name, 0) for name in shown}, now=at)
    rows = [
        row(everybody.get(name) or Person(reviewer_id=name), doing.activities.get(name), doing.held[name],
            is_at_work=name in doing.at_work, now=at)
        for name in shown
    ]  # fmt: skip
    query = {"q": wanted} if wanted else {}
    further = urlencode({**query, "from": start + AT_ONCE}) if len(names) > start + AT_ONCE else None
    return {
        "rows": rows, "wanted": wanted, "further": further, "found": len(names), "start": start,
        "at_work": len(doing.at_work),
        "query": urlencode({**query, "from": start}), "first": urlencode(query),
    }  # fmt: skip


async def _page(
    request: Request, behind: Behind, around: LookingAround, reviewer_id: str, session: Session
) -> Response:
    at, person = now(), behind.roster.person(reviewer_id)
    seen = await around.last_seen()
    doing = await around.doing({reviewer_id: seen.get(reviewer_id, 0)}, now=at)
    held, activity = doing.held[reviewer_id], doing.activities[reviewer_id]
    roles = session.person.roles
    return page(
        request, "lead/person.html", title=reviewer_id, address=address_of(reviewer_id), roles=tuple(Role),
        row=row(person, activity, held, is_at_work=reviewer_id in doing.at_work, now=at), enrolment=person.enrolment,
        is_known=bool(person.enrolment or person.assessments or reviewer_id in seen), before=enrolling.before(person),
        cases=in_hand(held, now=at), assessments=assessments(person, now=at), done=done_in(request, enrolling.DONE),
        may_steer=may(roles, Deed.STEER) is None, may_end=may(roles, Deed.END_SESSIONS) is None,
    )  # fmt: skip


async def _say(
    request: Request, behind: Behind, around: LookingAround, reviewer_id: str, deed: str, session: Session
) -> Response:
    if deed not in ("pause", "resume", "enrol"):
        raise Problem(404, "This cannot be done with a person. Use the page's own buttons.", reason="unknown_deed")
    form, person, by = await form_of(request), behind.roster.person(reviewer_id), session.person.reviewer_id
    enrolling.require_unchanged(person, form)
    if deed == "enrol":
        event = enrolling.enrolled(person, form, by=by, now=now())
    else:
        at_work = {each.reviewer_id: each for each in await around.at_work(now=now())}
        event = enrolling.paused(person, at_work.get(reviewer_id), active=deed == "resume", by=by, now=now())
    await behind.desk().announce(REVIEWERS.message(event))
    await in_force(lambda: enrolling.before(behind.roster.person(reviewer_id)) == event.event_id)
    return RedirectResponse(f"{address_of(reviewer_id)}?done={deed}", SEE_OTHER)


async def in_force(is_read: Callable[[], bool]) -> None:
    """Until the desk has read what it wrote itself, or two seconds; it is on record in any case."""
    for _ in range(LOOKS):
        if is_read():
            return
        await asyncio.sleep(LOOK_EVERY)
