"""What stands before every page: whose request it is, whether it comes from a page of ours, and safe headers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from infra.http.bodies import require_one_length
from infra.http.measuring import Routed
from infra.http.problems import Problem
from producers.desk.access.recording import recorder_of
from producers.desk.pace import Pace
from producers.desk.pages.assets import PATH as STATIC
from producers.desk.pages.telling import FIRST_PAGE, WayOn, told
from producers.desk.signin.flow import SignIn
from producers.desk.signin.headers import security_headers
from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.roles import Deed, may
from producers.desk.signin.sessions import Session, is_csrf
from streams.casework.refusal import quote

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf_token"
FORM: Final = "application/x-www-form-urlencoded"
LARGEST_FORM: Final = 1 << 20  # bytes
MOST_FIELDS: Final = 1_000
OPEN: Final = ("/health", "/ready")  # asked by name of the machine, and told to anybody
POLICY_VIOLATION: Final = 1008  # RFC 6455, 7.4.1
AGAIN: Final = WayOn("/sign-in", "Sign in again")
Images = Callable[[], Sequence[str]]  # where pictures may come from now, beside the desk itself
logger = logging.getLogger(__name__)


def nowhere() -> Sequence[str]:
    """No further origins of pictures."""
    return ()


class Guard:
    """Puts the `Session` of a request, or None, into `request.state.session`.

    A request that brings proof of its own (`Authorization`) is judged by that alone: its cookies count for nothing.
    """

    def __init__(self, app: Routed, *, behind: Callable[[], SignIn], images: Images = nowhere) -> None:
        """`behind` gives the signing in once the application's lifespan has begun."""
        self._app, self._behind, self._images = app, behind, images
        self._pace = Pace(lambda: behind().clock())

    @property
    def routes(self) -> list[BaseRoute]:
        """Those of the application inside."""
        return self._app.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})  # no page of ours opens any
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = security_headers(secure=self._behind().origin.is_secure, images=self._images())
        request = Request(scope, receive)
        request.state.session, request.state.recorder = None, self._behind().recorder

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(headers, MutableHeaders(scope=message), request.url.path)
            await send(message)

        try:
            receive = await self._admitted(request, receive)
        except Problem as problem:
            log_refusal(request, problem)
            await told(request, problem, () if problem.status == 403 else (FIRST_PAGE,))(scope, receive, sending)
            return
        await self._app(scope, receive, sending)

    async def _admitted(self, request: Request, receive: Receive) -> Receive:
        """The body to go on with. Raises `Problem`."""
        require_one_length(request)
        sign_in, path, host = self._behind(), request.url.path, request.headers.get("host", "")
        # A page of another site cannot send `Authorization` (Fetch: CORS preflight): name and origin tell nothing then.
        if path in OPEN or "authorization" in request.headers:
            return receive
        if not sign_in.origin.is_meant(host):
            said = f"this is {sign_in.origin}, and it was called by another name: open that address"
            raise SignInRefused(Reason.WRONG_HOST, said)
        own = sign_in.origin.is_own(request.headers.get("origin"), request.headers.get("sec-fetch-site"), host=host)
        unsafe = request.method not in SAFE
        if unsafe and own is False:
            said = "this was sent by a page of another site: do it on a page of the desk"
            raise SignInRefused(Reason.FOREIGN_ORIGIN, said)
        if path.startswith(STATIC):
            return receive
        session = await sign_in.session_of(request)
        request.state.session = session
        if session is not None:
            self._pace.spend(session.person.reviewer_id)
        if unsafe and session is not None:
            return await require_csrf(request, receive, session, own=own)
        return receive


def _add(headers: Mapping[str, str], answer: MutableHeaders, path: str) -> None:
    answer.update(headers)
    if not path.startswith(STATIC):
        answer.setdefault("cache-control", "no-store")


async def require_csrf(request: Request, receive: Receive, session: Session, *, own: bool | None) -> Receive:
    """The body to go on with, which is read here for a form. Raises `SignInRefused`."""
    if own is None:
        said = "the browser did not say which page sent this (Origin): use a browser of the last five years"
        raise SignInRefused(Reason.FOREIGN_ORIGIN, said)
    given, kind = request.headers.get(CSRF_HEADER), request.headers.get("content-type", "")
    if given is None and kind.partition(";")[0].strip().lower() == FORM:
        body = await _form(request)
        given, receive = _field(body), _again(body)
    if not is_csrf(session, given):
        said = "the page is of another session than yours: keep what you typed, load the page anew, then send it"
        raise SignInRefused(Reason.BAD_CSRF, said)
    return receive


async def _form(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise Problem(413, f"A form may have {LARGEST_FORM:,} bytes; shorten it.", reason="too_large")
    return bytes(body)


def _field(form: bytes) -> str | None:
    """The token in a form that has one and is no flood of fields."""
    try:
        given = parse_qs(form.decode("latin-1"), max_num_fields=MOST_FIELDS).get(CSRF_FIELD, [])
    except ValueError:
        return None
    return given[0] if len(given) == 1 else None


def _again(body: bytes) -> Receive:
    """A body that was read, for who comes after."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def require(request: Request, *deeds: Deed) -> Session:
    """The session of whoever asks, when they may do this, or one of these. Raises `SignInRefused`."""
    session = require_session(request)
    denied = may(session.person.roles, *deeds)
    if denied is not None:
        raise SignInRefused(Reason.MISSING_ROLE, denied.detail)
    return session


def require_session(request: Request) -> Session:
    """The session of whoever asks. Raises `SignInRefused`."""
    session: Session | None = request.state.session
    if session is None:
        said = "you are not signed in, or were away for too long: sign in, and what you typed can be sent again"
        raise SignInRefused(Reason.NO_SESSION, said)
    return session


def log_refusal(request: Request, problem: Problem) -> None:
    """What was refused to whom, for who looks after attacks; without what was sent."""
    session: Session | None = getattr(request.state, "session", None)
    if hasattr(request.state, "recorder"):  # not where apps alone are served
        recorder_of(request).refused(request, problem)
    logger.warning(
        "Refused %s %s: %s", request.method, quote(request.url.path), problem.reason,
        extra={
            "action": "request_refused", "reason": problem.reason,
            "from": request.client.host if request.client else "",
            "reviewer_id": quote(session.person.reviewer_id) if session else "",
        },
    )  # fmt: skip
