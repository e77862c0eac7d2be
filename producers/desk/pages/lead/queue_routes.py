"""The live queues and the cases that are due first."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra.http.problems import Problem
from producers.desk.lookup import now
from producers.desk.pages.behind import Behind
from producers.desk.pages.lead.looking import LookingAround
from producers.desk.pages.lead.queues import STAGES, cursor_of, place_in, queues, queues_of, risks
from producers.desk.pages.lead.steering import MOST
from producers.desk.pages.shell import page, part
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed, may
from producers.desk.signin.secret import new_secret
from schemas.values import CaseStage, Priority


def add(made: APIRouter, behind: Behind, around: LookingAround) -> None:
    """The page, and the part of it that is looked at again and again."""

    @made.get("/lead")
    async def all_queues(request: Request) -> Response:
        """How much waits, and what is due first."""
        session = require(request, Deed.SEE_QUEUES)
        return page(
            request, "lead/queues.html", title="Queues", command_id=new_secret(), priorities=tuple(Priority),
            stages=STAGES, people=sorted(behind.roster.people()),
            may_steer=may(session.person.roles, Deed.STEER) is None,
            **await _seen(request, around),
        )  # fmt: skip

    @made.get("/lead/now")
    async def at_this_moment(request: Request) -> Response:
        """The same part of the page, as it is now."""
        session = require(request, Deed.SEE_QUEUES)
        may_steer = may(session.person.roles, Deed.STEER) is None
        return part(
            request, "lead/now.html", priorities=tuple(Priority), may_steer=may_steer, **await _seen(request, around)
        )


async def _seen(request: Request, around: LookingAround) -> dict[str, Any]:
    chosen, at = request.query_params, now()
    workflow, stage, after = chosen.get("workflow", ""), _stage(chosen.get("stage", "")), chosen.get("after")
    place = None if after is None else place_in(after)
    if after is not None and place is None:
        raise Problem(422, "The address names no place in the list: begin with the first cases.", reason="invalid")
    measured = await around.queues(now=at)
    known = [name for name in dict.fromkeys(name for name, _ in measured.sizes) if workflow in ("", name)]
    found = await around.at_risk(
        [queue for queue in queues_of(known) if stage in (None, queue[1])] or [("", CaseStage.HUMAN)],
        count=MOST, after=place,
    )  # fmt: skip
    filters = {"workflow": workflow, "stage": stage.value if stage else ""}
    further = urlencode({**filters, "after": cursor_of(found.places[-1])}) if found.more else None
    return {
        "queues": queues(measured), "risks": risks(found.places, found.records, now=at), "further": further,
        "workflow": workflow, "stage": stage, "query": urlencode({**filters, **({"after": after} if after else {})}),
        "is_first": place is None, "first": urlencode(filters),
    }  # fmt: skip


def _stage(text: str) -> CaseStage | None:
    return CaseStage(text) if text in set(CaseStage) else None
