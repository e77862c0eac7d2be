"""Questions whose answer is known: which there are, one more, one less."""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.http.problems import Problem
from producers.desk.lookup import now
from producers.desk.pace import Pace
from producers.desk.pages.behind import Behind
from producers.desk.pages.forms import Form, form_of
from producers.desk.pages.lead import gold
from producers.desk.pages.lead.looking import LookingAround
from producers.desk.pages.lead.people_routes import in_force
from producers.desk.pages.lead.steering import invalid
from producers.desk.pages.lead.telling import answered, done_in
from producers.desk.pages.shell import page
from producers.desk.pages.telling import WayOn
from producers.desk.roster import WIDTH
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed
from schemas.events import GoldAdded
from schemas.topics import GOLD
from streams.casework.questions import Author, QuestionTooLong, gold_added, gold_retired, request_in
from streams.workflow.content import summary
from streams.workflow.types import WorkflowType

SEE_OTHER: Final = 303
ADDRESS: Final = "/lead/gold"
TO_GOLD: Final = WayOn(ADDRESS, "Back to the questions")


def add(made: APIRouter, behind: Behind, around: LookingAround, pace: Pace) -> None:
    """The page, and what its forms do."""

    def keeper(request: Request) -> str:
        who = require(request, Deed.MANAGE_GOLD).person.reviewer_id
        pace.spend(who)
        return who

    @made.get(ADDRESS)
    async def questions(request: Request) -> Response:
        """The questions of a workflow."""
        require(request, Deed.MANAGE_GOLD)
        return await _page(request, behind, around)

    @made.post(f"{ADDRESS}/add")
    async def add_question(request: Request) -> Response:
        """One that is written into the form."""
        who = keeper(request)
        return await answered(request, [TO_GOLD], _written(request, behind, who))

    @made.post(f"{ADDRESS}/add-case")
    async def add_case(request: Request) -> Response:
        """A request that was decided, with the right answer."""
        who = keeper(request)
        return await answered(request, [TO_GOLD], _taken(request, behind, around, who))

    @made.post(f"{ADDRESS}/retire")
    async def retire(request: Request) -> Response:
        """Ask it no more."""
        who = keeper(request)
        return await answered(request, [TO_GOLD], _retired(request, behind, who))


async def _page(request: Request, behind: Behind, around: LookingAround) -> Response:
    chosen, at, policies = request.query_params, now(), behind.desk().config.policies
    workflows = sorted({*policies, *behind.roster.workflows()})
    workflow = chosen.get("workflow", "")
    workflow = workflow if workflow in workflows else next(iter(workflows), "")
    which, text = chosen.get("which", "asked"), chosen.get("from", "0")
    start = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    found = gold.shown(behind.roster.questions(workflow), which)
    some = found[start : start + gold.AT_ONCE]
    counted = await around.gold(workflow, [each.gold_id for each in some])
    kind = policies[workflow].workflow_type if workflow in policies else None
    query = {"workflow": workflow, "which": which}
    more = urlencode({**query, "from": start + gold.AT_ONCE}) if len(found) > start + gold.AT_ONCE else None
    return page(
        request, "lead/gold.html", title="Questions whose answer is known", workflows=workflows, workflow=workflow,
        which=which, rows=gold.rows(some, counted, now=at), found=len(found), start=start, further=more,
        first=urlencode(query), kind=kind, done=done_in(request, gold.DONE), request_id=chosen.get("request_id", ""),
        label=chosen.get("label", ""),
    )  # fmt: skip


def _kind(behind: Behind, workflow: str) -> WorkflowType:
    policy = behind.desk().config.policies.get(workflow)
    if policy is None:
        raise invalid("Choose a workflow that has a policy.")
    return policy.workflow_type


async def _written(request: Request, behind: Behind, who: str) -> Response:
    form = await form_of(request)
    kind = _kind(behind, form.text("workflow"))
    author = Author(who, now(), gold.note_in(form))
    return await _added(behind, gold.question_in(form, kind, behind.codec, author))


async def _taken(request: Request, behind: Behind, around: LookingAround, who: str) -> Response:
    form: Form = await form_of(request)
    request_id = form.text("request_id")
    record = await around.record(request_id) if request_id else None
    if record is None or record.standing is None or record.finished_at is None:
        detail = "Give the id of a request that was decided not too long ago: older ones are added in a terminal, with "
        raise invalid(f"{detail}`hitl gold add-case`.")
    stored = await around.stored(record)
    kind = _kind(behind, stored.request.workflow)
    label = gold.label_in(form, kind) if form.text("label") else record.standing.label
    if label not in kind.classes:
        raise invalid(f"The answer {label!r} is no class of {kind.name} any more: choose one.")
    try:
        added = gold_added(stored.request, stored.body, label, Author(who, now(), gold.note_in(form)))
    except QuestionTooLong as error:
        raise invalid(str(error)) from error
    return await _added(behind, added)


async def _added(behind: Behind, added: GoldAdded) -> Response:
    content = summary(request_in(added, behind.codec), WIDTH)
    if gold.is_asked_already(behind.roster.question(added.workflow, added.gold_id), added, content):
        return _back(added.workflow, "added")
    await behind.desk().announce(GOLD.message(added))

    def is_read() -> bool:
        known = behind.roster.question(added.workflow, added.gold_id)
        return known is not None and known.event_id == added.event_id

    await in_force(is_read)
    return _back(added.workflow, "added")


async def _retired(request: Request, behind: Behind, who: str) -> Response:
    form = await form_of(request)
    workflow, gold_id = form.text("workflow"), form.text("gold_id")
    asked = behind.roster.question(workflow, gold_id)
    if asked is None or asked.retired_by is not None or asked.event_id != form.text("event_id"):
        detail = "This question is not asked any more, or was changed since the page was loaded. Nothing was changed."
        raise Problem(409, detail, reason="stale_page")
    await behind.desk().announce(GOLD.message(gold_retired(workflow, gold_id, by=who, now=now())))
    await in_force(lambda: (known := behind.roster.question(workflow, gold_id)) is None or known.retired_by is not None)
    return _back(workflow, "retired")


def _back(workflow: str, done: str) -> Response:
    return RedirectResponse(f"{ADDRESS}?{urlencode({'workflow': workflow, 'done': done})}", SEE_OTHER)
