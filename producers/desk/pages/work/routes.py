"""The page to work on, and what its script asks for: a further case, one by its id, what is held, what is let go."""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import islice
from typing import Annotated, Final, NamedTuple

import msgspec
from fastapi import APIRouter
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from infra.http.beside import Beside
from infra.http.bodies import body_of
from infra.http.problems import Problem
from infra.redis.records import Hands
from producers.desk.admitting import Asker
from producers.desk.desk import Desk
from producers.desk.lookup import now, served
from producers.desk.pace import Pace
from producers.desk.pages.behind import Behind
from producers.desk.pages.present.model import CaseView
from producers.desk.pages.present.view import presentation_of, view_of
from producers.desk.pages.shell import page, part
from producers.desk.pages.work.frame import GRACE_SECONDS, Frame, frame_of
from producers.desk.pages.work.holding import rows_of
from producers.desk.pages.work.statistics import KEPT, statistics_of
from producers.desk.posted import ACTIONS, LARGEST, ActedUnder, LeaseNumber, NextAsked, said_in
from producers.desk.presenting import CaseShown, NoCase
from producers.desk.signed_in import asker_of
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed
from streams.workflow.policies import Policies

Asking = Callable[[Request], Asker]
MOST_LISTED: Final = 50  # cases of one's own
AT_ONCE: Final = 3  # on screen and ahead of it
PATIENCE: Final = 15.0  # seconds


class Shown(NamedTuple):
    """A case, and what stands around it."""

    case: CaseView
    frame: Frame


class Left(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case that was held ahead."""

    request_id: str
    lease: LeaseNumber | None = None


class Further(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more case is asked for by a page that has, or has just answered, these."""

    have: Annotated[tuple[str, ...], Meta(max_length=200)] = ()


class Leaving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is let go when the page is closed."""

    cases: tuple[Left, ...] = ()


def routes(behind: Behind) -> APIRouter:
    """All pages of this part."""
    made, pace = APIRouter(), Pace(time.monotonic)

    def asker(request: Request) -> Asker:
        who = asker_of(request, behind.sign_in())
        pace.spend(who.reviewer_id)
        return who

    _page(made, behind, asker=asker)
    _cases(made, behind, asker=asker)
    _own(made, behind, asker=asker)
    return made


def _page(made: APIRouter, behind: Behind, *, asker: Asking) -> None:
    @made.get("/work")
    async def work(request: Request) -> Response:
        """The page, with what the person holds already."""
        who, cases = asker(request), list[Shown]()
        with suppress(Problem):  # the script asks again, and says what does not answer
            held = await behind.desk().in_hand(who, most=MOST_LISTED)
            leased = filter(_is_leased, held)
            cases = [_one(case, behind.desk().config.policies) for case in islice(leased, AT_ONCE)]
        return page(request, "work/page.html", title="Work", grace=GRACE_SECONDS, cases=cases)


def _cases(made: APIRouter, behind: Behind, *, asker: Asking) -> None:
    @made.post("/work/next")
    async def further(request: Request) -> Response:
        """One more case, the person's own from now on, or why there is none."""
        who, said = asker(request), said_in(Further, await body_of(request, most=LARGEST))
        found: CaseShown | NoCase = await behind.desk().next(NextAsked(), who)
        if isinstance(found, NoCase):
            found = await _held_elsewhere(behind.desk(), who, said.have) or found
        if isinstance(found, NoCase):
            return part(request, "work/none.html", said=found)
        return part(request, "work/case.html", one=_one(found, behind.desk().config.policies))

    @made.get("/work/case/{request_id:path}")
    async def one(request: Request, request_id: str) -> Response:
        """A case that the person has."""
        who = asker(request)
        case = await behind.desk().case(request_id)
        if case.holder != who.reviewer_id:
            raise Problem(409, "This case is not yours now: ask for the next one.", reason="not_yours")
        return part(request, "work/case.html", one=_one(case, behind.desk().config.policies))

    @made.post("/work/leave")
    async def leave(request: Request) -> Response:
        """The page is closed: others may have what it held ahead, and so may whoever opens it again."""
        who, said = asker(request), said_in(Leaving, await body_of(request, most=LARGEST))
        await asyncio.gather(*(_let_go(behind.desk(), left, who) for left in said.cases[:AT_ONCE]))
        return Response(status_code=204)


async def _held_elsewhere(desk: Desk, who: Asker, have: Collection[str]) -> CaseShown | None:
    """A case that was given to the person while the page that asked was closed: nobody else would get it."""
    held = await desk.in_hand(who, most=MOST_LISTED)
    return next((case for case in held if _is_leased(case) and case.request_id not in have), None)


def _is_leased(case: CaseShown) -> bool:
    return case.hands is Hands.LEASED and (case.until or 0) > now()


async def _let_go(desk: Desk, left: Left, who: Asker) -> None:
    with suppress(Problem):  # it is somebody else's already, or runs out by itself
        said = ActedUnder(lease=left.lease)
        await desk.act(said, ACTIONS["release"], left.request_id, who, for_others=False)


def _own(made: APIRouter, behind: Behind, *, asker: Asking) -> None:
    looking = Beside("looking at answers", threads=2, line=100, patience_seconds=PATIENCE)

    @made.get("/work/mine")
    async def mine(request: Request) -> Response:
        """What the person has and has set aside."""
        who = asker(request)
        cases = await behind.desk().in_hand(who, most=MOST_LISTED)
        return part(request, "work/mine.html", rows=rows_of(cases, now=now()))

    @made.get("/work/me")
    async def me(request: Request) -> Response:
        """How the person does."""
        who = require(request, Deed.WORK).person.reviewer_id
        at = now()
        answers = await served(looking.call(lambda: behind.model().answers_of(who, since=at - KEPT)))
        found = statistics_of(answers, behind.desk().config.people.get(who), now=at)
        return page(request, "work/me.html", title="Your statistics", found=found)


def _one(case: CaseShown, policies: Policies) -> Shown:
    return Shown(view_of(case, presentation_of(policies, case.workflow), now=now()), frame_of(case))
