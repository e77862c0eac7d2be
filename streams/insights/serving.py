"""The HTTP view: `GET /v1/kpis`, `/health`, `/ready`. A server in a thread of its own, so that it answers whatever
Faust is at; it reads the view's file, never what is being written."""

import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import uvicorn
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from infra.errors import SettingsInvalid
from infra.http import serving
from infra.http.serving import Place
from infra.local.state import replace_file
from infra.settings import INSIGHTS_FILE, Settings, is_loopback
from streams.insights.answers import Question, Source, WindowsRefused, answered
from streams.insights.store import Snapshot
from streams.insights.windows import Width

DEFAULT: Final = Settings().insights_address
FIRST_SLOT: Final = Settings().slot
VARIABLE: Final = "HITL_INSIGHTS_ADDRESS"
JSON: Final = "application/json"
WIDTHS: Final = {width.name.lower(): width for width in Width}
ASKED: Final = ("from", "to", "window", "workflow")
WidthName = Literal["all", "minute", "hour", "day"]

logger = logging.getLogger(__name__)


class MomentInvalid(Exception):
    """Neither milliseconds nor ISO 8601."""


def build(path: Path, source: Source, complete_at: Callable[[], float | None]) -> FastAPI:
    """The application over the view at `path`; `complete_at` as of `Following`."""
    app = FastAPI(
        title="hitl insights", version="1", docs_url=None, redoc_url=None,
        description="KPIs against their targets and figures of the system, by window and workflow.",
    )  # fmt: skip

    @app.middleware("http")
    async def only_this_machine(request: Request, go_on: Callable[..., object]) -> Response:
        """A page in a browser on this machine could call us under a name of its own that leads here."""
        name = re.sub(r":\d+$", "", request.headers.get("host", ""))
        if not is_loopback(name):
            return _problem(421, "This view answers to localhost only; call it so.")
        answer = await go_on(request)  # type: ignore[misc]
        assert isinstance(answer, Response)
        return answer

    @app.get("/v1/kpis", response_model=None)
    def figures(
        request: Request,
        workflow: Annotated[str | None, Query(description="only this workflow")] = None,
        window: Annotated[WidthName, Query(description="all: one answer for the whole span")] = "all",
        since: Annotated[str | None, Query(alias="from", description="milliseconds or ISO 8601")] = None,
        until: Annotated[str | None, Query(alias="to", description="milliseconds or ISO 8601, exclusive")] = None,
    ) -> Response:
        """KPIs and figures of the system; without `from` and `to` of all time, or of the last windows."""
        if strange := sorted(request.query_params.keys() - set(ASKED)):  # a slip, which must not be passed over
            return _problem(422, f"There is no parameter {strange[0]!r}: ask by {', '.join(ASKED)}.")
        complete = complete_at()
        if complete is None:
            return _problem(503, "The view is being read from the log; ask again in some seconds.")
        question = Question(width=WIDTHS[window], workflow=workflow, since=moment(since), until=moment(until))
        with Snapshot(path) as view:
            return _json(answered(question, view, source=source, complete_at=complete, now=time.time()))

    @app.get("/health", response_model=None)
    def health() -> Response:
        """Whether the process works."""
        return _json({"status": "ok"})

    @app.get("/ready", response_model=None)
    def ready() -> Response:
        """Whether the view was level with the log once since the start."""
        if complete_at() is None:
            return _problem(503, "The view is being read from the log; ask again in some seconds.")
        return _json({"status": "ok"})

    _problems(app)
    return app


class Serving:
    """The server and its thread."""

    def __init__(self, settings: Settings, app: FastAPI) -> None:
        """Raises `SettingsInvalid`."""
        self._socket = bound(settings)
        self.address = serving.address_of(self._socket)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="off", backlog=serving.QUEUE
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)
        file = run_file(settings)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, self.address.encode())

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        logger.info("Figures at http://%s/v1/kpis.", self.address, extra={"action": "insights_listens"})

    def stop(self) -> None:
        """Finish what is being answered."""
        self._server.should_exit = True
        self._thread.join(timeout=5)


def run_file(settings: Settings) -> Path:
    """Where it is written how the replica in this slot can be reached; commands ask the one in the first slot."""
    name = INSIGHTS_FILE.name if settings.slot == FIRST_SLOT else f"{INSIGHTS_FILE.name}@{settings.slot}"
    return settings.data_dir / INSIGHTS_FILE.parent / name


def bound(settings: Settings) -> socket.socket:
    """A socket at the address, which is one of this machine only. Raises `SettingsInvalid`."""
    place = Place("insights", VARIABLE, settings.insights_address, DEFAULT, run_file(settings))
    if not is_loopback(place.host):
        raise SettingsInvalid(
            f"{VARIABLE}={place.address} can be reached from elsewhere, and whoever reaches it may read every figure: "
            "listen on 127.0.0.1, and put a proxy that asks who comes in front of it."
        )
    return serving.bound(place)


def moment(text: str | None) -> int | None:
    """Milliseconds since the epoch. Raises `MomentInvalid`.

    >>> moment("2023-11-14T22:13:20Z"), moment("1700000000000")
    (1700000000000, 1700000000000)
    """
    if text is None:
        return None
    if re.fullmatch(r"\d{1,13}", text):
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise MomentInvalid(f"{text!r} is no moment: give milliseconds since the epoch, or ISO 8601.") from error
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1_000)


def _problems(app: FastAPI) -> None:
    async def refused(_: Request, error: Exception) -> Response:
        return _problem(422, str(error))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return _problem(422, f"{said}; correct that.")

    app.add_exception_handler(WindowsRefused, refused)
    app.add_exception_handler(MomentInvalid, refused)
    app.add_exception_handler(RequestValidationError, invalid)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), 200, media_type=JSON)


def _problem(status: int, detail: str) -> Response:
    return Response(
        msgspec.json.encode({"status": status, "detail": detail}), status, media_type="application/problem+json"
    )
