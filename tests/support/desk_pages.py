"""Every address of the desk, pages and API, before anything that they would need: who is not let through touches none.

What lies behind raises as soon as it is asked, so a refusal shows that rights were looked at first.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from infra.settings import Settings
from producers.desk.admitting import Admitting
from producers.desk.app import build
from producers.desk.pages.behind import Behind
from producers.desk.pages.parts import with_parts
from producers.desk.permitting import NEEDED
from producers.desk.signed_in import asker_of
from producers.desk.signin.router import guarded
from streams.casework.config import Config
from tests.support.desk import INSTALLATION, none
from tests.support.recorded import CODEC
from tests.support.signing_in import Desk


class Touched(Exception):
    """Something behind the pages was asked."""


class Untouchable:
    """Raises for whatever is done with it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Touched(name)


class NothingButConfiguration(Untouchable):
    """Who is vouched for is looked up before anything else."""

    config = Config()


def untouchable() -> Any:
    raise Touched()


class Address(NamedTuple):
    """One method of one route."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class WholeDesk(Desk):
    """All pages and the API; nothing behind them."""

    def _pages(self) -> None:
        def signed_in(request: Any, what: str) -> Any:
            if getattr(request.state, "session", None) is None:
                return None
            return asker_of(request, self.sign_in, *NEEDED[what])

        def desk() -> Any:
            return NothingButConfiguration()

        self.pages = build(desk, Admitting(True, INSTALLATION), none, signed_in=signed_in)
        nothing: Any = Untouchable()
        with_parts(
            self.pages, Behind(desk, lambda: self.sign_in, untouchable, nothing, CODEC, Settings(), nothing)
        )  # fmt: skip
        self.app = guarded(self.pages, lambda: self.sign_in)

    def addresses(self) -> Iterator[Address]:
        """Every address that is served, found and not listed."""
        yield from addresses_of(self.app.routes)


def addresses_of(routes: list[BaseRoute]) -> Iterator[Address]:
    for route in routes:
        inner = getattr(route, "original_router", None)  # of FastAPI, which keeps a router that was included whole
        if inner is not None:
            assert route.include_context.prefix == ""  # type: ignore[attr-defined]
            yield from addresses_of(inner.routes)
            continue
        assert isinstance(route, APIRoute | Route), f"{route} has methods that cannot be told"
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Address(method, route.path)


def whole_desk(folder: Path | None = None) -> WholeDesk:
    return WholeDesk(links=folder)
