"""The HTTP API of the gateway: endpoints, what they answer, and the OpenAPI document that says so."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from fastapi import FastAPI, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from infra.http.application import json_answer, with_problems, with_status
from infra.http.bodies import Unreadable, body_of
from infra.http.measuring import REASONS, UNNAMED
from infra.http.problems import Problem
from producers.gateway.bodies import Appealed, Asked, BatchAsked, appealed_in
from producers.gateway.doors import LARGEST_ASKING, LARGEST_BATCH, LARGEST_BODY, Doors
from producers.gateway.gateway import AppealTaken, Gateway, Item
from producers.gateway.openapi import DOCUMENT, SCHEMES
from producers.gateway.standing import Standing
from producers.gateway.tokens import Scope
from streams.casework.issuing import TokenAsked, TokenIssued
from streams.workflow.submitted import RequestRefused

LONGEST_WAIT: Final = 60  # seconds
Seconds = Annotated[float, Query(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="wait so long for the answer")]
Id = Annotated[str, Path(min_length=1, description="the request id, percent-encoded")]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    accepted: int
    refused: int
    items: list[Item]


def build(behind: Callable[[], Gateway], doors: Doors, lifespan: Lifespan) -> FastAPI:
    """The application; `behind` gives the gateway once `lifespan` has begun."""
    app = FastAPI(
        title="hitl gateway", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Ask for decisions, see where they stand, appeal against them; tokens for those who decide.",
    )  # fmt: skip
    _requests(app, behind, doors)
    _people(app, behind, doors)
    with_status(app, DOCUMENT, lambda: behind().require_ready())
    with_problems(app)
    DOCUMENT.put_into(app, SCHEMES)
    return app


def _requests(app: FastAPI, behind: Callable[[], Gateway], doors: Doors) -> None:
    @app.post(
        "/v1/requests", status_code=202, responses=DOCUMENT.answers(Standing, 200, 202, refused=(409, 413, 415, 429)),
        openapi_extra=DOCUMENT.posted(Asked), response_model=None,
    )  # fmt: skip
    async def ask(request: Request, wait: Seconds = 0) -> Response:
        """Ask for a decision: 202 once the brokers have it, 200 with the outcome when that is there in time.

        The same id again with the same content is decided once, so whatever fails may be repeated.
        """
        sender = doors.admit(request, Scope.WRITE)
        doors.spend(sender)
        body = await body_of(request, most=LARGEST_BODY)
        made = await behind().ask(body, source=sender.name, wait_seconds=wait)
        return json_answer(made, 202 if made.outcome is None else 200, _location(made.request_id))

    @app.post(
        "/v1/requests:batch", status_code=202, responses=DOCUMENT.answers(Accepted, 202, refused=(413, 415, 429)),
        openapi_extra=DOCUMENT.posted(BatchAsked), response_model=None,
    )  # fmt: skip
    async def ask_all(request: Request) -> Response:
        """Ask for up to 1,000 decisions; the answer tells of each whether the brokers have it."""
        sender = doors.admit(request, Scope.WRITE)
        bodies = behind().bodies(await body_of(request, most=LARGEST_BATCH))
        doors.spend(sender, len(bodies))
        items = await behind().ask_all(bodies, source=sender.name)
        taken = sum(item.accepted for item in items)
        request.scope[REASONS] = [item.problem.reason or UNNAMED for item in items if item.problem is not None]
        return json_answer(Accepted(accepted=taken, refused=len(items) - taken, items=items), 202)

    @app.post(
        "/v1/requests/{request_id:path}/appeal", status_code=202,
        responses=DOCUMENT.answers(AppealTaken, 202, refused=(404, 409, 413, 415, 429)),
        openapi_extra=DOCUMENT.posted(Appealed), response_model=None,
    )  # fmt: skip
    async def appeal(request: Request, request_id: Id, wait: Seconds = 10) -> Response:
        """Contest an outcome: another expert judges it anew. `filed` means that nobody has ruled on it in time."""
        sender = doors.admit(request, Scope.APPEAL)
        doors.spend(sender)
        try:
            said = appealed_in(await body_of(request, most=LARGEST_BODY))
        except RequestRefused as error:
            raise Problem(422, f"Nothing was filed: {error}.", reason="invalid") from error
        except Unreadable as error:
            raise Problem(400, f"Nothing was filed: {error}.", reason="unreadable") from error
        return json_answer(await behind().appeal(request_id, said, by=sender.name, wait_seconds=wait), 202)

    @app.get(
        "/v1/requests/{request_id:path}", responses=DOCUMENT.answers(Standing, 200, refused=(404, 429)),
        response_model=None,
    )  # fmt: skip
    async def stands(request: Request, request_id: Id, timeline: bool = False) -> Response:
        """Where a request stands. With `timeline` what happened when, and amendments; slow where it ended long ago."""
        doors.spend(doors.admit(request, Scope.READ))
        made = await (behind().story(request_id) if timeline else behind().standing(request_id))
        return json_answer(made, 200)


def _people(app: FastAPI, behind: Callable[[], Gateway], doors: Doors) -> None:
    @app.post(
        "/v1/reviewer-tokens", status_code=201,
        responses=DOCUMENT.answers(TokenIssued, 201, refused=(409, 413, 415, 429)),
        openapi_extra=DOCUMENT.posted(TokenAsked), response_model=None,
    )  # fmt: skip
    async def issue(request: Request) -> Response:
        """Exchange an app's token for that of a person whom it has logged in; answers carry it as `token`."""
        sender = doors.admit(request, Scope.ISSUE)
        doors.spend(sender)
        made = behind().issue(await body_of(request, most=LARGEST_ASKING), app=sender.name)
        return json_answer(made, 201, {"Cache-Control": "no-store"})


def _location(request_id: str) -> dict[str, str]:
    return {"Location": f"/v1/requests/{quote(request_id, safe='')}"}
