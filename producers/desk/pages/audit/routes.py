"""The addresses for auditors: search, one request, its download, models and policies; they change nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from producers.desk.access.recording import recorder_of
from producers.desk.lookup import now
from producers.desk.pages.audit.asked import NotUnderstood, Search, search_in
from producers.desk.pages.audit.asking import Asking, Missing
from producers.desk.pages.audit.facts import without_credentials
from producers.desk.pages.audit.listing import LISTS, WHEN, answers_shown, download_of, listing, path_of
from producers.desk.pages.audit.models import models_shown
from producers.desk.pages.audit.policies import policies_shown
from producers.desk.pages.audit.readings import HowFar, Period, State
from producers.desk.pages.behind import Behind
from producers.desk.pages.shell import page, part
from producers.desk.signin.guard import require
from producers.desk.signin.roles import Deed
from producers.desk.signin.sessions import Session
from streams.workflow.telling import in_order, plain

SEE_OTHER: Final = 303
HOUR: Final = 3_600_000  # milliseconds
DAY: Final = 24 * HOUR
PERIODS: Final[Mapping[str, tuple[str, int | None]]] = {  # how far back the log is read
    "month": ("the last 30 days", 30 * DAY),
    "year": ("the last 12 months", 365 * DAY),
    "all": ("all time", None),
}
WHY: Final = {
    Missing.UNKNOWN: "The index does not know this request: it was finished too long ago, or the id is not right.",
    Missing.REBUILDING: "The index is being rebuilt from the log and does not know everything yet.",
    Missing.TOO_MANY: "This request has more events than the index keeps places of.",
    Missing.NO_BEGINNING: "The index knows only the latest events of this request.",
    Missing.NO_INDEX: "The index cannot be asked now.",
}
BY_HAND: Final = "You asked for the events as the log has them."


class Window(NamedTuple):
    """How much of the log is read, and since when this page shows that: the end does not move while it is read."""

    name: str
    text: str
    period: Period


def routes(behind: Behind) -> APIRouter:
    """Who was shown a whole story is on record."""
    asking = Asking(behind)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            asking.close()

    made = APIRouter(lifespan=lifespan)
    _search(made, asking)
    _request(made, asking)
    _governance(made, asking)
    return made


def _search(made: APIRouter, asking: Asking) -> None:
    @made.get("/audit")
    async def search(request: Request) -> Response:
        """Requests by what they came to, by a reviewer, or one by its id."""
        require(request, Deed.BROWSE)
        query = {name: word for name, word in request.query_params.items() if word}
        if request_id := query.get("id"):
            return RedirectResponse(path_of(request_id), SEE_OTHER)
        try:
            asked, wrong = search_in(query), ""
        except NotUnderstood as error:
            asked, wrong = Search(), f"This was not understood: {error}"
        known: dict[str, Any] = {"search": asked, "wrong": wrong, "lists": LISTS, "when": WHEN[asked.what]}
        status = 422 if wrong else 200
        if asked.reviewer:
            answers = answers_shown(await asking.answers(asked.reviewer))
            workflows = await asking.workflows()
            known |= {"answers": answers, "found": None, "workflows": workflows, "is_rebuilding": False}
            return page(request, "audit/search.html", title="Requests", status=status, **known)
        seen = await asking.overview(asked)
        known |= {"answers": None, "found": listing(asked, seen.page, seen.size)}
        known |= {"workflows": seen.workflows, "is_rebuilding": seen.is_rebuilding}
        return page(request, "audit/search.html", title="Requests", status=status, **known)


def _request(made: APIRouter, asking: Asking) -> None:
    @made.get("/audit/reading")
    async def reading(request: Request) -> Response:
        """How far the reading of the log for a request is: a fragment that asks again, until it is done."""
        require(request, Deed.BROWSE)
        request_id = request.query_params.get("id", "")
        window = _window(request)
        far = await asking.reading(request_id, window.period)
        ended = far.state is not State.READING
        headers = {"hx-redirect": _read_path(request_id, window.name)} if ended else {}
        return part(request, "audit/progress.html", headers=headers, **_progress(request_id, window, far))

    async def download(request: Request, request_id: str) -> Response:
        """Every record about a request, as the log has it."""
        session = require(request, Deed.BROWSE)
        return await _download(request, asking, request_id, session)

    async def story(request: Request, request_id: str) -> Response:
        """Everything that happened to a request."""
        session = require(request, Deed.BROWSE)
        return await _story(request, asking, request_id, session)

    made.get("/audit/requests.json")(_by_question(download))
    made.get("/audit/requests")(_by_question(story))
    made.get("/audit/requests/{request_id:path}.json")(download)
    made.get("/audit/requests/{request_id:path}")(story)


async def _download(request: Request, asking: Asking, request_id: str, session: Session) -> Response:
    found = await asking.entries(request_id)
    if isinstance(found, Missing):
        far = await asking.reading(request_id, _window(request).period)
        if far.state is not State.DONE:
            return RedirectResponse(path_of(request_id), SEE_OTHER)
        found = far.entries
    recorder_of(request).viewed(session, request_id, "records")
    records = [without_credentials(plain(entry)) for entry in in_order(found)]
    content = msgspec.json.format(msgspec.json.encode({"request_id": request_id, "records": records}))
    headers = {"content-disposition": f"attachment; filename*=UTF-8''request-{quote(request_id[:100], safe='')}.json"}
    return Response(content, media_type="application/json", headers=headers)


async def _story(request: Request, asking: Asking, request_id: str, session: Session) -> Response:
    asked_for = "period" in request.query_params
    found, read = None if asked_for else await asking.entries(request_id), ""
    if found is None or isinstance(found, Missing):
        window = _window(request)
        far = await asking.reading(request_id, window.period)
        told = await asking.story(far.entries)
        if told is None:
            return _not_yet(request, request_id, window, far, BY_HAND if found is None else WHY[found])
        read = window.text
    else:
        told = await asking.story(found)
    recorder_of(request).viewed(session, request_id)
    return page(
        request, "audit/request.html", title=f"Request {request_id}", story=told, read=read, periods=PERIODS,
        paths={name: _read_path(request_id, name) for name in PERIODS}, download=download_of(request_id),
    )  # fmt: skip


def _by_question(answer: Callable[[Request, str], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Of a request whose id is no path."""

    async def asked(request: Request) -> Response:
        return await answer(request, request.query_params.get("id", ""))

    return asked


def _not_yet(request: Request, request_id: str, window: Window, far: HowFar, why: str) -> Response:
    """How far the reading is, or that nothing was found."""
    known = _progress(request_id, window, far) | {"why": why, "periods": PERIODS}
    status = 404 if far.state is State.DONE else 200
    return page(request, "audit/reading.html", title=f"Request {request_id}", status=status, **known)


def _governance(made: APIRouter, asking: Asking) -> None:
    @made.get("/models")
    async def models(request: Request) -> Response:
        """Every model, what became of it and why."""
        require(request, Deed.SEE_MODELS)
        return page(request, "audit/models.html", title="Models", workflows=models_shown(await asking.models()))

    @made.get("/policies")
    async def policies(request: Request) -> Response:
        """Every policy, and what each version changed."""
        require(request, Deed.SEE_MODELS)
        return page(request, "audit/policies.html", title="Policies", workflows=policies_shown(await asking.policies()))


def _window(request: Request) -> Window:
    """How much of the log is read. It begins with an hour, so that whoever asks again asks about the same."""
    name = request.query_params.get("period", "month")
    text, length = PERIODS.get(name, PERIODS["month"])
    since = None if length is None else (now() - length) // HOUR * HOUR
    return Window(name if name in PERIODS else "month", text, Period(since, None))


def _progress(request_id: str, window: Window, far: HowFar) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "window": window,
        "far": far,
        "asks": "/audit/reading?" + urlencode({"id": request_id, "period": window.name}),
        "path": path_of(request_id),
        "result": _read_path(request_id, window.name),
    }


def _read_path(request_id: str, period: str) -> str:
    path = path_of(request_id)
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'period': period})}"
