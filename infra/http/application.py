"""What every application answers alike: whether it works, its document, and whatever goes wrong."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from infra.http.measuring import REASONS
from infra.http.openapi import STYLE, STYLESHEET, Described, page
from infra.http.problems import Problem

JSON: Final = "application/json"


class Healthy(msgspec.Struct, frozen=True, kw_only=True):
    """It is up."""

    status: str = "ok"


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


def with_status(app: FastAPI, document: Described, require_ready: Callable[[], Awaitable[None]]) -> None:
    """Endpoints that say whether it works, and what there is; `require_ready` raises a `Problem` when it does not."""
    known: dict[str, Any] = {"response_model": None}

    @app.get("/health", responses=document.answers(Healthy, 200, secured=False), **known)
    async def health() -> Response:
        """Whether the process works; says nothing about the brokers."""
        return json_answer(Healthy())

    @app.get("/ready", responses=document.answers(Healthy, 200, secured=False, refused=(503,)), **known)
    async def ready() -> Response:
        """Whether requests can be taken: the brokers answer, and the policies are read."""
        await require_ready()
        return json_answer(Healthy())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))

    @app.get(STYLESHEET, include_in_schema=False)
    async def style() -> Response:
        return Response(STYLE, media_type="text/css")


def with_problems(app: FastAPI) -> None:
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
        name = app.title.removeprefix("hitl ")
        return Problem(500, f"The {name} failed on this; its log says why. It may be repeated.").response()

    app.add_exception_handler(Problem, ours)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)
