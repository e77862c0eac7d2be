"""The HTTP API of the gateway: endpoints, what they answer, and the OpenAPI document that says so."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from fastapi import FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.gateway.bodies import Appealed, Asked, BatchAsked, Unreadable, appealed_in
from producers.gateway.doors import LARGEST_ASKING, LARGEST_BATCH, LARGEST_BODY, Doors, body_of
from producers.gateway.gateway import AppealTaken, Gateway, Item
from producers.gateway.identity import TokenAsked, TokenIssued
from producers.gateway.measuring import REASONS, UNNAMED
from producers.gateway.openapi import answers, page, posted, with_components
from producers.gateway.problems import Problem
from producers.gateway.publisher import RequestRefused
from producers.gateway.standing import Standing
from producers.gateway.tokens import Scope

JSON: Final = "application/json"
LONGEST_WAIT: Final = 60  # seconds
Seconds = Annotated[float, Query(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="wait so long for the answer")]
Id = Annotated[str, Path(min_length=1, description="the request id, percent-encoded")]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    accepted: int
    refused: int
    items: list[Item]


class Healthy(msgspec.Struct, frozen=True, kw_only=True):
    """It is up."""

    status: str = "ok"


def build(behind: Callable[[], Gateway], doors: Doors, lifespan: Lifespan) -> FastAPI:
    """The application; `behind` gives the gateway once `lifespan` has begun."""
    app = FastAPI(
        title="hitl gateway", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Ask for decisions, see where they stand, appeal against them; tokens for those who decide.",
    )  # fmt: skip
    _requests(app, behind, doors)
    _people(app, behind, doors)
    _status(app, behind)
    _problems(app)
    with_components(app)
    return app


def _requests(app: FastAPI, behind: Callable[[], Gateway], doors: Doors) -> None:
    @app.post(
        "/v1/requests", status_code=202, responses=answers(Standing, 200, 202, refused=(409, 413, 415, 429)),
        openapi_extra=posted(Asked), response_model=None,
    )  # fmt: skip
    async def ask(request: Request, wait: Seconds = 0) -> Response:
        """Ask for a decision: 202 once the brokers have it, 200 with the outcome when that is there in time.

        The same id again with the same content is decided once, so whatever fails may be repeated.
        """
        sender = doors.admit(request, Scope.WRITE)
        doors.spend(sender)
        body = await body_of(request, most=LARGEST_BODY)
        made = await behind().ask(body, source=sender.name, wait_seconds=wait)
        return _json(made, 202 if made.outcome is None else 200, _location(made.request_id))

    @app.post(
        "/v1/requests:batch", status_code=202, responses=answers(Accepted, 202, refused=(413, 415, 429)),
        openapi_extra=posted(BatchAsked), response_model=None,
    )  # fmt: skip
    async def ask_all(request: Request) -> Response:
        """Ask for up to 1,000 decisions; the answer tells of each whether the brokers have it."""
        sender = doors.admit(request, Scope.WRITE)
        bodies = behind().bodies(await body_of(request, most=LARGEST_BATCH))
        doors.spend(sender, len(bodies))
        items = await behind().ask_all(bodies, source=sender.name)
        taken = sum(item.accepted for item in items)
        request.scope[REASONS] = [item.problem.reason or UNNAMED for item in items if item.problem is not None]
        return _json(Accepted(accepted=taken, refused=len(items) - taken, items=items), 202)

    @app.post(
        "/v1/requests/{request_id:path}/appeal", status_code=202,
        responses=answers(AppealTaken, 202, refused=(404, 409, 413, 415, 429)),
        openapi_extra=posted(Appealed), response_model=None,
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
        return _json(await behind().appeal(request_id, said, by=sender.name, wait_seconds=wait), 202)

    @app.get(
        "/v1/requests/{request_id:path}", responses=answers(Standing, 200, refused=(404, 429)), response_model=None
    )  # fmt: skip
    async def stands(request: Request, request_id: Id, timeline: bool = False) -> Response:
        """Where a request stands. With `timeline` what happened when, and amendments: that reads the log, slowly."""
        doors.spend(doors.admit(request, Scope.READ))
        made = await (behind().story(request_id) if timeline else behind().standing(request_id))
        return _json(made, 200)


def _people(app: FastAPI, behind: Callable[[], Gateway], doors: Doors) -> None:
    @app.post(
        "/v1/reviewer-tokens", status_code=201, responses=answers(TokenIssued, 201, refused=(409, 413, 415, 429)),
        openapi_extra=posted(TokenAsked), response_model=None,
    )  # fmt: skip
    async def issue(request: Request) -> Response:
        """Exchange an app's token for that of a person whom it has logged in; answers carry it as `token`."""
        sender = doors.admit(request, Scope.ISSUE)
        doors.spend(sender)
        made = behind().issue(await body_of(request, most=LARGEST_ASKING), app=sender.name)
        return _json(made, 201, {"Cache-Control": "no-store"})


def _status(app: FastAPI, behind: Callable[[], Gateway]) -> None:
    @app.get("/health", responses=answers(Healthy, 200, secured=False), response_model=None)
    async def health() -> Response:
        """Whether the process works; says nothing about the brokers."""
        return _json(Healthy(), 200)

    @app.get("/ready", responses=answers(Healthy, 200, secured=False, refused=(503,)), response_model=None)
    async def ready() -> Response:
        """Whether requests can be taken: the brokers answer, and the policies are read."""
        await behind().require_ready()
        return _json(Healthy(), 200)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))


def _problems(app: FastAPI) -> None:
    """Whatever goes wrong is told in one form."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        request.scope[REASONS] = [error.reason or str(error.status)]
        return error.response()

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = f"{request.method} {request.url.path}: {error.detail}; see /docs for what there is."
        made = Problem(error.status_code, detail)
        made.headers.update(error.headers or {})
        return made.response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return Problem(422, f"{said}; correct that.", reason="invalid").response()

    async def unexpected(_: Request, error: Exception) -> Response:
        return Problem(500, "The gateway failed on this; its log says why. It may be repeated.").response()

    app.add_exception_handler(Problem, ours)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)


def _location(request_id: str) -> dict[str, str]:
    return {"Location": f"/v1/requests/{quote(request_id, safe='')}"}


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, JSON)
