"""The API for reviewer apps: endpoints, what they answer, and the OpenAPI document that says so."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from infra.http.application import json_answer, with_problems, with_status
from infra.http.bodies import body_of
from infra.http.openapi import Described
from infra.http.problems import Problem
from producers.desk.admitting import HEADER, Admitting, Asker
from producers.desk.commanding import Carried
from producers.desk.deciding import Judgement
from producers.desk.desk import Desk
from producers.desk.pace import Pace
from producers.desk.posted import ACTIONS, LARGEST, Action, Answered, NextAsked, said_in
from producers.desk.presenting import CaseShown, NoCase
from producers.desk.queue import QueueShown
from producers.desk.signin.guard import log_refusal

MEANINGS: Final = {
    200: "It is so, and where something was asked for: casework has accepted it, and it is in the log.",
    400: "The body cannot be read.",
    401: "Nobody vouches for whoever asks.",
    403: "This person may not.",
    404: "No case is open there.",
    409: "The case is elsewhere by now; the reason says where.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "While identity is off the desk answers to localhost only.",
    422: "Something in it must be corrected.",
    429: "This person asks too often; wait as Retry-After says.",
    503: "It cannot be asked now, or casework has not answered yet: repeat it under the same id, after Retry-After.",
}
SCHEMES: Final[dict[str, dict[str, Any]]] = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "name": {"type": "apiKey", "in": "header", "name": HEADER.title()},
}
WRITING: Final = (404, 409, 413, 415, 429)
DOCUMENT: Final = Described(MEANINGS, [NextAsked, Answered, *dict.fromkeys(each.kind for each in ACTIONS.values())])
Id = Annotated[str, Path(min_length=1, description="the request id, percent-encoded")]
Since = Annotated[str | None, Header(alias="Last-Event-ID", description="the id of the last event that was heard")]
Workflows = Annotated[list[str] | None, Query(description="only these")]
Behind = Callable[[], Desk]
SignedIn = Callable[[Request, str], Asker | None]
Asks = Callable[[Request, str], Asker]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def nobody(_: Request, what: str) -> Asker | None:
    """Where there are no sessions."""
    return None


def build(
    behind: Behind, admitting: Admitting, lifespan: Lifespan, *, pace: Pace | None = None, signed_in: SignedIn = nobody
) -> FastAPI:
    """The application; `behind` gives the desk once `lifespan` has begun.

    `signed_in` gives whose session a request is of, when they may do what is asked, as `permitting` has it.
    """
    pace = pace or Pace(time.monotonic)
    app = FastAPI(
        title="hitl desk", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        description="The next case for a person, everything they do about a case, and changes as they happen.",
    )  # fmt: skip

    def asker(request: Request, what: str) -> Asker:
        who = signed_in(request, what)
        if who is None:
            identities = behind().config.identities
            try:
                who = admitting.admit(request.headers, identities, now=time.time_ns() // 1_000_000)
            except Problem as problem:
                log_refusal(request, problem)
                raise
        pace.spend(who.reviewer_id)
        return who

    _next(app, behind, asker)
    for path, action in ACTIONS.items():
        _action(app, behind, asker, path, action)
    _answers(app, behind, asker)
    _looking(app, behind, asker)
    with_status(app, DOCUMENT, lambda: behind().require_ready())
    with_problems(app)
    DOCUMENT.put_into(app, SCHEMES)
    return app


def _next(app: FastAPI, behind: Behind, asker: Asks) -> None:
    # One answer of two kinds: a case has a request_id, and nothing to do says why.
    kinds = {"anyOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (CaseShown, NoCase)]}
    for kind in (CaseShown, NoCase):
        DOCUMENT.answers(kind)
    content = {"application/json": {"schema": kinds}}

    @app.post(
        "/v1/cases:next", responses=DOCUMENT.answers_with(content, 200, refused=(404, 413, 415, 429)),
        openapi_extra=DOCUMENT.posted(NextAsked), response_model=None,
    )  # fmt: skip
    async def next_case(request: Request) -> Response:
        """The next case, yours until its lease expires, and why it is this one; or why there is none."""
        who = asker(request, "next")
        said = said_in(NextAsked, await body_of(request, most=LARGEST))
        return json_answer(await behind().next(said, who))


def _action(
    app: FastAPI, behind: Behind, asker: Asks, path: str, action: Action
) -> None:
    async def act(request: Request, request_id: Id) -> Response:
        who = asker(request, action.word)
        said = said_in(action.kind, await body_of(request, most=LARGEST))
        return json_answer(await behind().act(said, action, request_id, who))

    act.__doc__ = action.says
    app.post(
        f"/v1/cases/{{request_id:path}}:{path}", responses=DOCUMENT.answers(Carried, 200, refused=WRITING),
        openapi_extra=DOCUMENT.posted(action.kind), response_model=None, operation_id=action.word,
    )(act)  # fmt: skip


def _answers(app: FastAPI, behind: Behind, asker: Asks) -> None:
    @app.post(
        "/v1/cases/{request_id:path}/decisions", responses=DOCUMENT.answers(Judgement, 200, refused=WRITING),
        openapi_extra=DOCUMENT.posted(Answered), response_model=None,
    )  # fmt: skip
    async def decide(request: Request, request_id: Id) -> Response:
        """Answer a case. With a `decision_id` of your own it may be repeated, and counts once."""
        who = asker(request, "decide")
        said = said_in(Answered, await body_of(request, most=LARGEST))
        return json_answer(await behind().decide(said, request_id, who))


def _looking(app: FastAPI, behind: Behind, asker: Asks) -> None:
    @app.get("/v1/queue", responses=DOCUMENT.answers(QueueShown, 200, refused=(429,)), response_model=None)
    async def queue(request: Request, workflow: Workflows = None, request_id: str | None = None) -> Response:
        """How much waits and how long, the cases that you have, and where one case stands."""
        who = asker(request, "queue")
        return json_answer(await behind().queue(who, workflows=workflow or (), request_id=request_id))

    stream = {"text/event-stream": {"schema": {"type": "string"}}}

    @app.get(
        "/v1/changes", responses=DOCUMENT.answers_with(stream, 200, refused=(409, 429)), response_model=None
    )  # fmt: skip
    async def changes(
        request: Request, mine: bool = False, workflow: str | None = None, since: Since = None
    ) -> Response:
        """Changes of cases as server-sent events: from now on, or after the event that Last-Event-ID names.

        With `mine` what you do, and what happens to cases that you have. Who does not read is cut off.
        """
        who = asker(request, "changes")
        return await behind().changes(who, mine=mine, workflow=workflow, since=since)

    @app.get(
        "/v1/cases/{request_id:path}", responses=DOCUMENT.answers(CaseShown, 200, refused=(404, 429)),
        response_model=None,
    )  # fmt: skip
    async def case(request: Request, request_id: Id) -> Response:
        """An open case as a reviewer may see it, and who has it."""
        asker(request, "case")
        return json_answer(await behind().case(request_id))
