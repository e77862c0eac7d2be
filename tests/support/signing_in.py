"""A desk of which only the signing in stands, and browsers before it."""

import asyncio
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from infra.http.application import with_problems
from infra.redis.keeping import Keeping, MemoryKeeping
from producers.desk.access.recording import AccessEvent, EventRecorder
from producers.desk.signin.beginning import Beginnings
from producers.desk.signin.flow import SignIn
from producers.desk.signin.guard import require, require_session
from producers.desk.signin.links import local_person, put_link
from producers.desk.signin.origin import Origin
from producers.desk.signin.person import Person
from producers.desk.signin.provider import Provider
from producers.desk.signin.roles import Deed, Role
from producers.desk.signin.router import guarded
from producers.desk.signin.sessions import How, Sessions

NOW = 1_800_000_000_000  # milliseconds
HERE = "http://127.0.0.1:8090"
AWAY = "https://desk.example"
ANN = Person(reviewer_id="ann", name="Ann", roles=(Role.REVIEWER,))
PAGE = {"accept": "text/html"}


class NobodyVouches:
    """Identity is off."""

    def token_of(self, person: Person) -> None:
        return None


@dataclass
class Desk:
    """The application, its clock, and everything it keeps. `secrets` are counted, so that each run is the same."""

    url: str = HERE
    links: Path | None = None
    provider: Provider | None = None
    now: int = NOW
    keeping: Keeping | None = None
    with_addresses: bool = False
    made: list[str] = field(default_factory=list)
    kept: list[AccessEvent] = field(default_factory=list)
    spared: int = 0

    def __post_init__(self) -> None:
        numbers = itertools.count()

        def new_secret() -> str:
            self.made.append(f"{next(numbers):0>43}")
            return self.made[-1]

        self.new_secret = new_secret
        keeping = self.keeping or MemoryKeeping(lambda: self.now)
        self.sign_in = SignIn(
            origin=Origin.of(self.url),
            sessions=Sessions(keeping, wall=lambda: self.now, new_secret=new_secret),
            beginnings=Beginnings(keeping, new_secret=new_secret),
            vouching=NobodyVouches(),
            provider=self.provider,
            links=self.links,
            wall=lambda: self.now,
            clock=lambda: self.now / 1_000,
            new_secret=new_secret,
            recorder=EventRecorder(
                self.kept.append, wall=lambda: self.now, new_id=lambda: f"access:{next(numbers)}",
                with_addresses=self.with_addresses, spared=self._spare,
            ),
        )  # fmt: skip
        self.pages = FastAPI()
        with_problems(self.pages)
        self.app = guarded(self.pages, lambda: self.sign_in)
        self._pages()

    def _spare(self) -> None:
        self.spared += 1

    def _pages(self) -> None:
        @self.pages.get("/page")
        async def page(request: Request) -> Response:
            return PlainTextResponse(require_session(request).person.reviewer_id)

        @self.pages.post("/work")
        async def work(request: Request) -> Response:
            require(request, Deed.WORK)
            return Response(await request.body())

        @self.pages.get("/steer")
        async def steer(request: Request) -> Response:
            return PlainTextResponse(require(request, Deed.STEER).person.reviewer_id)

        @self.pages.get("/broken")
        async def broken(request: Request) -> Response:
            raise RuntimeError("broken")

        @self.pages.get("/health")
        async def health() -> Response:
            return PlainTextResponse("ok")

        @self.pages.get("/static/desk.css")
        async def style() -> Response:
            return PlainTextResponse("main {}")

    def link(self, reviewer_id: str = "ann") -> str:
        """The path of a new link of the terminal."""
        assert self.links is not None
        secret = self.new_secret()
        put_link(self.links, local_person(reviewer_id), secret=secret, now=self.now)
        return f"/sign-in/link?token={secret}"

    def browser(self, at: str = "127.0.0.1") -> "Browser":
        """A browser on the machine `at`."""
        return Browser(self, at)

    def signed_in(self, person: Person = ANN) -> "Browser":
        """A browser with a session of the person."""
        session_id, session = self.sign_in.sessions.begin(person, How.PROVIDER, former=None)
        browser = self.browser()
        browser.cookies.set(self.sign_in.cookies.name("hitl_session"), session_id)
        browser.csrf = session.csrf
        return browser


class Browser:
    """Keeps cookies as a browser does, follows nothing by itself, and says which page it is on."""

    def __init__(self, desk: Desk, at: str) -> None:
        self._desk, self._at = desk, at
        self.cookies = httpx2.Cookies()
        self.csrf = ""

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, *, csrf: bool = True, **options: Any) -> httpx2.Response:
        """As a page of the desk does."""
        proof = {"x-csrf-token": self.csrf} if csrf else {}
        headers = {"origin": self._desk.url} | proof | options.pop("headers", {})
        return self.send("POST", path, headers=headers, **options)

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        async def sending() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self._desk.app, client=(self._at, 4711), raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url=self._desk.url, cookies=self.cookies) as client:
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(sending())


def reason(answer: httpx2.Response) -> tuple[int, str]:
    """Status and the word for machines."""
    return answer.status_code, answer.json()["reason"]
