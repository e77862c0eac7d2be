"""What the gateway answers, how long that takes and what waits, as metrics: one layer around the application."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from producers.gateway.accepting import Accepting

UNKNOWN: Final = "_unknown"  # every path that is no endpoint: anybody can ask for any
ALARMING: Final = ("429", "500", "503")
REASONS: Final = "hitl.reasons"  # where in the scope the application leaves why it refused, once for each item
UNNAMED: Final = "unnamed"  # a refusal that tells no reason


class Measured:
    """An application that tells of each HTTP request which endpoint answered it, with what and when."""

    def __init__(self, app: FastAPI, show: Instruments, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app, self._show, self._clock = app, show, clock
        self._in_flight = 0
        for route in app.routes:
            for code in ALARMING:  # from 0 on, so that the rise to the first one is seen
                show.add(m.REQUESTS, getattr(route, "path", UNKNOWN), code, count=0)
        for reason in m.TURNED_AWAY:
            show.add(m.REFUSED, reason, count=0)
        show.show(m.IN_FLIGHT, lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, code = self._clock(), 500  # what a server says of an answer that never came

        async def heard(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
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
        self._show.add(m.REQUESTS, route, str(code))
        self._show.observe(m.REQUEST_SECONDS, route, "true" if waits(scope) else "false", value=seconds)
        reasons: Counter[str] = Counter(scope.get(REASONS, ()))
        for reason, count in reasons.items():
            self._show.add(m.REFUSED, reason, count=count)


def waits(scope: Scope) -> bool:
    """Whether the caller asked to wait for the outcome."""
    (asked, *_) = parse_qs(scope["query_string"].decode("latin-1")).get("wait", ["0"])
    return asked not in ("0", "0.0")


def show_waiting(show: Instruments, accepting: Accepting) -> None:
    """What the brokers have taken, what waits for them, and who for an outcome, the last two when it is scraped."""
    show.add(m.ACKNOWLEDGED, count=0)
    accepting.heard = lambda records: show.add(m.ACKNOWLEDGED, count=records)
    show.show(m.UNACKNOWLEDGED, lambda: accepting.unacknowledged)
    show.show(m.WAITERS, lambda: len(accepting.waiters))
