"""Where people disagreed: the newest of a workflow, and one with everything that was answered."""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from infra.http.problems import Problem
from infra.redis.disagreeing import disagreement
from producers.desk.access.recording import recorder_of
from producers.desk.lookup import now
from producers.desk.pages.behind import Behind
from producers.desk.pages.lead import disagreements
from producers.desk.pages.lead.disagreements import AT_ONCE, OVER, wanted_in
from producers.desk.pages.lead.looking import LookingAround
from producers.desk.pages.lead.telling import answered
from producers.desk.pages.shell import page
from producers.desk.pages.telling import WayOn
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed, may
from streams.workflow.content import content_of, fields_of

ADDRESS: Final = "/lead/disagreements"
BACK: Final = WayOn(ADDRESS, "Back to the disagreements")


def add(made: APIRouter, behind: Behind, around: LookingAround) -> None:
    """The list, and one of it."""

    @made.get(ADDRESS)
    async def newest(request: Request) -> Response:
        """The newest first."""
        require(request, Deed.BROWSE)
        return await answered(request, [BACK], _list(request, behind, around))

    @made.get(f"{ADDRESS}/{{request_id:path}}")
    async def one(request: Request, request_id: str) -> Response:
        """Everything that was answered to one request, and what it was about."""
        session = require(request, Deed.BROWSE)
        manages = may(session.person.roles, Deed.MANAGE_GOLD) is None
        recorder_of(request).viewed(session, request_id, "answers")
        return await answered(request, [BACK], _one(request, around, request_id, manages=manages))


async def _list(request: Request, behind: Behind, around: LookingAround) -> Response:
    chosen, at = request.query_params, now()
    workflows = sorted({*await around.workflows(), *behind.desk().config.policies})
    workflow = chosen.get("workflow", "")
    workflow = workflow if workflow in workflows else next(iter(workflows), "")
    wanted, cursor = wanted_in(chosen.get), chosen.get("after")
    after = None if cursor is None else disagreements.page_in(cursor)
    if cursor is not None and after is None:
        raise Problem(422, "The address names no place in the list: begin with the first.", reason="invalid")
    found = await around.disagreements(workflow, wanted.fits, count=AT_ONCE, after=after)
    query = {"workflow": workflow, **wanted._asdict()}
    more = urlencode({**query, "after": disagreements.cursor_of(found.behind)}) if found.behind else None
    policy = behind.desk().config.policies.get(workflow)
    return page(
        request, "lead/disagreements.html", title="Disagreements", workflows=workflows, workflow=workflow,
        wanted=wanted, over=OVER, rows=disagreements.rows(found.rows, found.records, now=at), further=more,
        looked_at=found.looked_at, is_narrowed=any(wanted),
        is_first=after is None, first=urlencode(query), classes=policy.workflow_type.classes if policy else (),
        people=sorted(behind.roster.people()),
    )  # fmt: skip


async def _one(request: Request, around: LookingAround, request_id: str, *, manages: bool) -> Response:
    record = await around.record(request_id)
    row = None if record is None else disagreement(request_id, record)
    if record is None or row is None or record.finished_at is None:
        detail = "Nobody disagreed about a finished request of this id, or it was finished too long ago."
        raise Problem(404, detail, reason="unknown_request")
    fields: dict[str, object] = {}
    try:
        asked = (await around.stored(record)).request
        fields = {**fields_of(asked), **asked.attributes}
        content = "" if fields_of(asked) else content_of(asked)
    except Problem as problem:  # what was answered is told in any case
        content = problem.detail
    return page(
        request, "lead/disagreement.html", title=f"Disagreement about {request_id}", content=content,
        workflow=record.origin.workflow if record.origin else "", manages=manages, request_id=request_id,
        row=disagreements.row_of(row, record, record.finished_at, now=now()),
        fields=fields,
    )  # fmt: skip
