"""The addresses of signing in and out, and how the desk's application takes them on."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.http.application import json_answer
from infra.http.problems import Problem
from producers.desk.pages import assets
from producers.desk.pages.places import first_place
from producers.desk.pages.shell import is_fragment_wanted, page, wants_page
from producers.desk.pages.telling import FIRST_PAGE, WayOn, told, with_pages
from producers.desk.signin.cookies import BROWSER, SESSION
from producers.desk.signin.flow import CALLBACK, Entered, SignIn
from producers.desk.signin.guard import AGAIN, Guard, Images, log_refusal, nowhere, require, require_session
from producers.desk.signin.paths import HOME, own_path
from producers.desk.signin.refusal import SignInRefused
from producers.desk.signin.roles import Deed

SEE_OTHER: Final = 303
UNAUTHORIZED: Final = 401
WELCOME: Final = "You are not signed in here, or were away for too long."


Behind = Callable[[], SignIn]


def guarded(app: FastAPI, behind: Behind, *, images: Images = nowhere) -> Guard:
    """The application to serve: people can sign in there, and every answer goes through the guard, failures too.

    `behind` gives the signing in once the application's lifespan has begun; `images` gives further origins of pictures.
    """

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        log_refusal(request, error)
        if error.status != UNAUTHORIZED:
            return told(request, error, [FIRST_PAGE])
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        wanted = own_path(wanted) if request.method == "GET" else HOME
        if not wants_page(request) or is_fragment_wanted(request):
            return told(request, error, [WayOn(f"/sign-in?{urlencode({'next': wanted})}", "Sign in")])
        sentence = WELCOME if request.method == "GET" else error.detail
        return _how(request, behind(), wanted=wanted, sentence=sentence, status=UNAUTHORIZED)

    app.include_router(router(behind))
    app.include_router(assets.router())
    with_pages(app)
    app.add_exception_handler(SignInRefused, refused)
    return Guard(app, behind=behind, images=images)


def router(behind: Behind) -> APIRouter:
    """Sign in, sign out, who am I, and ending the sessions of others."""
    routes = APIRouter(include_in_schema=False)
    _at_home(routes)
    _entering(routes, behind)
    _leaving(routes, behind)
    return routes


def _at_home(routes: APIRouter) -> None:
    @routes.get(HOME)
    async def home(request: Request) -> Response:
        """To the first place that the person may go to."""
        person = require_session(request).person
        place = first_place(person.roles)
        if place is not None:
            return RedirectResponse(place.path, SEE_OTHER)
        said = f"You are signed in as {person.reviewer_id}. Your roles: {', '.join(person.roles)}."
        return page(request, "message.html", title="The desk", sentence=said, ways=())


def _entering(routes: APIRouter, behind: Behind) -> None:
    @routes.get("/sign-in")
    async def begin(request: Request) -> Response:
        """To the identity provider, or how to sign in without one."""
        sign_in = behind()
        if sign_in.provider is None:
            return _how(request, sign_in, wanted=own_path(request.query_params.get("next")), sentence=WELCOME)
        if request.headers.get("host", "").lower() != sign_in.origin.host:  # its cookie must reach the callback
            return RedirectResponse(f"{sign_in.origin}/sign-in?{request.url.query}", SEE_OTHER)
        address, browser = await sign_in.begin(request)
        answer = RedirectResponse(address, SEE_OTHER)
        answer.headers.append("set-cookie", sign_in.cookies.kept(BROWSER, browser))
        return answer

    @routes.get(CALLBACK)
    async def answered(request: Request) -> Response:
        """From the identity provider."""
        return _entered(behind(), await behind().answered(request))

    @routes.get("/sign-in/link")
    async def by_link(request: Request) -> Response:
        """From a terminal on this machine."""
        return _entered(behind(), await behind().by_link(request))


def _leaving(routes: APIRouter, behind: Behind) -> None:
    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        """End this session."""
        await behind().leave(request)
        return _left(behind())

    @routes.post("/sign-out/everywhere")
    async def leave_everywhere(request: Request) -> Response:
        """End every session of one's own, as after leaving one open on a machine of others."""
        own = require_session(request).person.reviewer_id
        await behind().end_all(own, by=own)
        return _left(behind())

    @routes.get("/signed-out")
    async def left(request: Request) -> Response:
        """What a person sees then; at the provider they are still signed in until they end that, too."""
        sign_in, ways = behind(), [AGAIN]
        try:
            end = await sign_in.provider.end_page(f"{sign_in.origin}/signed-out") if sign_in.provider else None
        except SignInRefused:  # the provider is away, which must keep nobody from being told that they are out
            end = None
        if end is not None:
            ways.append(WayOn(end, "Sign out at the identity provider, too"))
        said = "Close the browser if others use this machine."
        return page(request, "message.html", title="You are signed out", sentence=said, ways=ways)

    @routes.get("/session")
    async def whoami(request: Request) -> Response:
        """Who is signed in, for the pages' script and for tests; never the session's id."""
        session = require_session(request)
        ends_at = session.began_at + behind().sessions.terms.whole_ms
        return json_answer({"person": session.person, "csrf": session.csrf, "how": session.how, "ends_at": ends_at})

    @routes.post("/people/{reviewer_id:path}/end-sessions")
    async def end_all(request: Request, reviewer_id: str) -> Response:
        """End every session of a person who must not go on."""
        admin = require(request, Deed.END_SESSIONS)
        await behind().end_all(reviewer_id, by=admin.person.reviewer_id)
        return Response(status_code=204)


def _how(request: Request, sign_in: SignIn, *, wanted: str, sentence: str, status: int = 200) -> Response:
    """How to sign in here, and back to what was wanted."""
    provider = sign_in.provider and urlsplit(sign_in.provider.client.issuer).hostname
    address = f"/sign-in?{urlencode({'next': wanted})}"
    return page(
        request, "sign_in.html", title="Sign in", status=status, sentence=sentence, provider=provider, address=address,
        wanted=wanted,
    )  # fmt: skip


def _left(sign_in: SignIn) -> Response:
    answer = RedirectResponse("/signed-out", SEE_OTHER)
    answer.headers.append("set-cookie", sign_in.cookies.dropped(SESSION))
    return answer


def _entered(sign_in: SignIn, entered: Entered) -> Response:
    answer = RedirectResponse(entered.after, SEE_OTHER)
    answer.headers.append("set-cookie", sign_in.cookies.kept(SESSION, entered.session_id))
    answer.headers.append("set-cookie", sign_in.cookies.dropped(BROWSER))
    return answer
