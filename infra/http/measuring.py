"""What a service answers over HTTP, and how long that takes, as metrics: one layer around its application."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qs

from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from infra.observe.instruments import Instruments
from infra.observe.metrics import Metric

UNKNOWN: Final = "_unknown"  # every path that is no endpoint: anybody can ask for any
ALARMING: Final = ("429", "500", "503")
REASONS: Final = "hitl.reasons"  # where in the scope the application leaves why it refused, once for each item
UNNAMED: Final = "unnamed"  # a refusal that tells no reason


class HttpMetrics(NamedTuple):
    """What is measured of a service's HTTP API. `turned_away`: reasons for which the fault is not the caller's."""

    requests: Metric
    seconds: Metric
    in_flight: Metric
    refused: Metric
    turned_away: tuple[str, ...]
    tells_waits: bool = False  # whether `seconds` is told apart by whether the caller waits
    tells_callers: bool = False  # whether each good answer says how long it took, as browsers show it (Server-Timing)


class Routed(Protocol):
    """An application, or a layer around one, with the routes inside."""

    @property
    def routes(self) -> list[BaseRoute]: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Measured:
    """An application that tells of each HTTP request which endpoint answered it, with what and when."""

    def __init__(
        self, app: Routed, show: Instruments, metrics: HttpMetrics, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app, self._show, self._metrics, self._clock = app, show, metrics, clock
        self._in_flight = 0
        for route in app.routes:
            for code in ALARMING:  # from 0 on, so that the rise to the first one is seen
                show.add(metrics.requests, getattr(route, "path", UNKNOWN), code, count=0)
        for reason in metrics.turned_away:
            show.add(metrics.refused, reason, count=0)
        show.show(metrics.in_flight, lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, code = self._clock(), 500  # what a server says of an answer that never came

        async def heard(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                if self._metrics.tells_callers and code < 400:
                    spent = f"app;dur={(self._clock() - began) * 1e3:.1f}"
                    message["headers"] = [*message["headers"], (b"server-timing", spent.encode())]
            await send(message)

        self._in_flight += 1
        try:
            await self._app(scope, receive, heard)
        finally:
            self._in_flight -= 1
            self._tell(scope, code, self._clock() - began)
        return None

    def _tell(self, scope: Scope, code: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN)
        self._show.add(self._metrics.requests, route, str(code))
        labels = (route, "true" if waits(scope) else "false") if self._metrics.tells_waits else (route,)
        self._show.observe(self._metrics.seconds, *labels, value=seconds)
        reasons: Counter[str] = Counter(scope.get(REASONS, ()))
        for reason, count in reasons.items():
            self._show.add(self._metrics.refused, reason, count=count)


def waits(scope: Scope) -> bool:
    """Whether the caller asked to wait for the outcome."""
    (asked, *_) = parse_qs(scope["query_string"].decode("latin-1")).get("wait", ["0"])
    return asked not in ("0", "0.0")
