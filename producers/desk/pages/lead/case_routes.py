"""One case of others, and what is done about it: alone, or several in one go."""

import asyncio
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.http.problems import Problem
from producers.desk.admitting import Asker
from producers.desk.commanding import Carried
from producers.desk.desk import Desk
from producers.desk.lookup import now, unknown
from producers.desk.pace import Pace
from producers.desk.pages.behind import Behind
from producers.desk.pages.forms import form_of
from producers.desk.pages.lead import steering
from producers.desk.pages.lead.happened import happened
from producers.desk.pages.lead.looking import LookingAround
from producers.desk.pages.lead.queues import HANDS
from producers.desk.pages.lead.steering import DONE
from producers.desk.pages.lead.telling import answered, done_in
from producers.desk.pages.present.times import moment_of
from producers.desk.pages.present.view import presentation_of, view_of
from producers.desk.pages.shell import page
from producers.desk.pages.telling import WayOn
from producers.desk.posted import Acted
from producers.desk.signed_in import asker_of
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed
from producers.desk.signin.secret import new_secret
from schemas.values import Priority

SEE_OTHER: Final = 303
LOOKS, LOOK_EVERY = 40, 0.025  # seconds between two
AT_ONCE: Final = 8  # cases of one go that casework is asked about at the same time
TO_QUEUES: Final = WayOn("/lead", "Back to the queues")


def add(made: APIRouter, behind: Behind, around: LookingAround, pace: Pace) -> None:
    """The page of a case, and what its forms do."""

    @made.post("/lead/cases")
    async def several(request: Request) -> Response:
        """The same for several cases, with what became of each."""
        who = _asker(request, behind, pace)
        return await answered(request, [TO_QUEUES], _several(request, behind.desk(), who))

    @made.get("/lead/cases/{request_id:path}")
    async def one(request: Request, request_id: str) -> Response:
        """A case as those see it who are asked, who has it, and what happened to it."""
        require(request, Deed.STEER)
        return await answered(request, [TO_QUEUES], _page(request, behind, around, request_id))

    @made.post("/lead/cases/{request_id:path}:do")
    async def act(request: Request, request_id: str) -> Response:
        """Reassign, release, reprioritise, note."""
        who = _asker(request, behind, pace)
        back = WayOn(address_of(request_id), "Back to the case")
        return await answered(request, [back, TO_QUEUES], _act(request, behind.desk(), around, who, request_id))


def address_of(request_id: str) -> str:
    """The page of a case."""
    return f"/lead/cases/{quote(request_id, safe='')}"


def _asker(request: Request, behind: Behind, pace: Pace) -> Asker:
    who = asker_of(request, behind.sign_in(), Deed.STEER)
    pace.spend(who.reviewer_id)
    return who


async def _page(request: Request, behind: Behind, around: LookingAround, request_id: str) -> Response:
    shown, record, at = await behind.desk().case(request_id), await around.record(request_id), now()
    if record is None:
        raise unknown(request_id)
    policies = behind.desk().config.policies
    return page(
        request, "lead/case.html", title=f"Case {request_id}", shown=shown, address=address_of(request_id),
        case=view_of(shown, presentation_of(policies, shown.workflow), now=at),
        told=happened(record, is_told_anew=shown.reopened_by is not None, now=at),
        until=None if shown.until is None else moment_of(shown.until, now=at), hands=HANDS.get(shown.hands, ""),
        seen=steering.seen_of(shown), releases=steering.releases(shown), command_id=new_secret(),
        priorities=tuple(Priority), people=sorted(behind.roster.people()), done=done_in(request, DONE),
    )  # fmt: skip


async def _act(
    request: Request, desk: Desk, around: LookingAround, who: Asker, request_id: str
) -> Response:
    form = await form_of(request)
    deed = steering.deed_in(form)
    said = steering.said_in(deed, form, command_id=steering.command_id_in(form))
    if deed is not steering.Deed.NOTE and not desk.is_known(said.command_id or "", request_id, who):
        steering.require_unchanged(await desk.case(request_id), form.text("seen"))
    made = await desk.act(said, steering.action_of(deed), request_id, who)
    for _ in range(LOOKS):  # or the page that comes next would show who had it before
        if steering.is_visible(made, await around.record(request_id)):
            break
        await asyncio.sleep(LOOK_EVERY)
    return RedirectResponse(f"{address_of(request_id)}?done={deed.value}", SEE_OTHER)


async def _several(request: Request, desk: Desk, who: Asker) -> Response:
    form = await form_of(request)
    deed, names = steering.deed_in(form), steering.chosen_in(form)
    said = steering.said_in(deed, form, command_id=steering.command_id_in(form))
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, name: str) -> steering.Told:
        async with free:
            return steering.told(name, await _made(desk, deed, steering.numbered(said, number), name, who))

    told = await asyncio.gather(*(one(number, name) for number, name in enumerate(names)))
    return page(request, "lead/several.html", title="What became of the cases", told=told, back=TO_QUEUES)


async def _made(desk: Desk, deed: steering.Deed, said: Acted, request_id: str, who: Asker) -> Carried | Problem:
    try:
        return await desk.act(said, steering.action_of(deed), request_id, who)
    except Problem as problem:
        return problem
