"""Signing in and out: what a browser brings, in; a session, or a refusal that says what to do, out."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request

from infra.redis.errors import RedisRefused, RedisUnavailable
from infra.settings import is_loopback
from producers.desk.access.recording import Recorder
from producers.desk.signin.beginning import Beginnings, Begun
from producers.desk.signin.cookies import BROWSER, SESSION, Cookies
from producers.desk.signin.links import take_link
from producers.desk.signin.origin import Origin
from producers.desk.signin.pace import Pace
from producers.desk.signin.paths import own_path
from producers.desk.signin.person import ClaimNames, Person, person_in
from producers.desk.signin.provider import Provider, Tokens
from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.roles import at_cases
from producers.desk.signin.secret import is_secret
from producers.desk.signin.sessions import How, Session, Sessions
from producers.desk.signin.verifying import Expected, KeyUnknown, verified
from producers.desk.signin.vouching import Vouching
from streams.casework.refusal import quote

CALLBACK: Final = "/sign-in/callback"
RETRY: Final = 2.0  # seconds
AGAIN: Final = "sign in again from the desk's first page"
logger = logging.getLogger(__name__)


class AtWork(NamedTuple):
    """What casework is told of the person: `token` where identity is on."""

    reviewer_id: str
    roles: frozenset[str]
    skills: frozenset[str]
    token: str | None


class Entered(NamedTuple):
    """Somebody is signed in: the id for their cookie, and where they wanted to go."""

    session_id: str
    session: Session
    after: str


@dataclass(slots=True, kw_only=True)
class SignIn:
    """Everything that decides who somebody is. `provider` None: links of this machine only; `links` None: no links.

    `wall` in milliseconds since the epoch, `clock` in seconds, `new_secret` as in `secret`.
    """

    origin: Origin
    sessions: Sessions
    beginnings: Beginnings
    vouching: Vouching
    provider: Provider | None
    links: Path | None
    wall: Callable[[], int]
    clock: Callable[[], float]
    new_secret: Callable[[], str]
    recorder: Recorder
    names: ClaimNames = field(default_factory=ClaimNames)
    pace: Pace = field(default_factory=Pace)

    @property
    def cookies(self) -> Cookies:
        """How cookies are set here."""
        return Cookies(self.origin.is_secure)

    async def session_of(self, request: Request) -> Session | None:
        """Who sends a request. Raises `SignInRefused` when nobody can tell."""
        session_id = self._cookie(request, SESSION)
        if session_id is None:
            return None
        with known():
            return await asyncio.to_thread(self.sessions.find, session_id)

    async def begin(self, request: Request) -> tuple[str, str]:
        """Where the person signs in, and the id of their browser, for its cookie. Raises `SignInRefused`."""
        assert self.provider is not None
        self.try_now(request)
        given = self._cookie(request, BROWSER)  # kept while it is one of ours: several tabs may sign in
        browser = given if given is not None and is_secret(given) else self.new_secret()
        await self.provider.metadata()  # nothing is remembered while it is away
        after = own_path(request.query_params.get("next"))
        with known():
            state, begun = await asyncio.to_thread(self.beginnings.begin, browser=browser, after=after)
        return await self.provider.page(state=state, nonce=begun.nonce, verifier=begun.verifier), browser

    async def answered(self, request: Request) -> Entered:
        """The provider sends somebody back. Raises `SignInRefused`."""
        self.try_now(request)
        given = request.query_params
        state, browser = _single(given.getlist("state")), self._cookie(request, BROWSER)
        with known():
            begun = await asyncio.to_thread(self.beginnings.answered, state, browser=browser)
        if begun is None or self.provider is None:
            said = "this answers no sign-in that this browser has begun and not finished in the last ten minutes"
            raise SignInRefused(Reason.FOREIGN_STATE, f"{said}; {AGAIN}")
        issuer, code = given.get("iss"), _single(given.getlist("code"))
        if issuer is not None and issuer != self.provider.client.issuer:
            raise SignInRefused(Reason.WRONG_ISSUER, f"the answer is of another provider; {AGAIN}")
        if code is None:
            said = f"the identity provider did not sign you in ({quote(given.get('error', 'no code'))})"
            raise SignInRefused(Reason.PROVIDER_REFUSED, f"{said}; {AGAIN}")
        person = await self._person(self.provider, await self.provider.exchange(code, begun.verifier), begun)
        return await self._enter(request, person, How.PROVIDER, begun.after)

    async def by_link(self, request: Request) -> Entered:
        """Somebody opens the link of a terminal on this machine. Raises `SignInRefused`."""
        self.try_now(request)
        at = request.client.host if request.client is not None else ""
        if self.links is None or not is_loopback(at) or "x-forwarded-for" in request.headers:
            said = "a link of the terminal counts in a browser on the same machine only"
            raise SignInRefused(Reason.NOT_LOCAL, f"{said}: open it there, or sign in by the identity provider")
        secret = _single(request.query_params.getlist("token")) or ""
        person = await asyncio.to_thread(take_link, self.links, secret, now=self.wall())
        if person is None:
            said = "this link is unknown, older than five minutes, or was used: `hitl desk link` prints a new one"
            raise SignInRefused(Reason.BAD_LINK, said)
        return await self._enter(request, person, How.LINK, own_path(request.query_params.get("next")))

    async def leave(self, request: Request) -> None:
        """Sign out; who has no session is out already."""
        with known():
            ended = await asyncio.to_thread(self.sessions.end, self._cookie(request, SESSION))
        if ended is not None:
            self._signed_out(ended)

    async def end_all(self, reviewer_id: str, *, by: str) -> None:
        """End every session of a person."""
        with known():
            await asyncio.to_thread(self.sessions.end_all, reviewer_id)
        _told("sessions_ended", "All sessions of %s were ended by %s.", quote(reviewer_id), quote(by))
        self.recorder.sessions_ended(reviewer_id, by=by)

    def at_work(self, session: Session) -> AtWork:
        """What casework is told. Raises as `Vouching.token_of`."""
        person = session.person
        roles = frozenset(role.value for role in at_cases(person.roles))
        return AtWork(person.reviewer_id, roles, frozenset(person.skills), self.vouching.token_of(person))

    def try_now(self, request: Request) -> None:
        """Raises `SignInRefused` when somebody tries too often."""
        address = request.client.host if request.client is not None else ""
        seconds = self.pace.try_again_in(address, now=self.clock())
        if seconds is not None:
            said = "too many tries to sign in from here: wait a little, then sign in again"
            raise SignInRefused(Reason.TOO_OFTEN, said, retry_seconds=seconds)

    async def _person(self, provider: Provider, tokens: Tokens, begun: Begun) -> Person:
        expected = Expected(provider.client.issuer, provider.client.client_id, begun.nonce, tokens.access_token)
        try:
            claims = await self._claims(provider, tokens.id_token, expected, fresh=False)
        except KeyUnknown:
            try:
                claims = await self._claims(provider, tokens.id_token, expected, fresh=True)
            except KeyUnknown as error:
                said = "the id token names a key that the provider does not have"
                raise SignInRefused(Reason.BAD_TOKEN, f"{said}; {AGAIN}") from error
        return person_in(claims, self.names)

    async def _claims(
        self, provider: Provider, id_token: str, expected: Expected, *, fresh: bool
    ) -> Mapping[str, object]:
        algorithms = (await provider.metadata()).id_token_signing_alg_values_supported
        keys = await provider.keys(fresh=fresh)
        return verified(id_token, keys, expected, algorithms=algorithms, now=self.wall() // 1_000)

    async def _enter(self, request: Request, person: Person, how: How, after: str) -> Entered:
        former = self._cookie(request, SESSION)
        with known():
            ended = await asyncio.to_thread(self.sessions.end, former)
            session_id, session = await asyncio.to_thread(self.sessions.begin, person, how, former=None)
        if ended is not None:
            self._signed_out(ended)
        _told("signed_in", "%s signed in by %s as %s.", quote(person.reviewer_id), how.value, ", ".join(person.roles))
        self.recorder.signed_in(session, request)
        return Entered(session_id, session, after)

    def _signed_out(self, session: Session) -> None:
        _told("signed_out", "%s signed out.", quote(session.person.reviewer_id))
        self.recorder.signed_out(session.person.reviewer_id)

    def _cookie(self, request: Request, plain: str) -> str | None:
        return self.cookies.read(plain, request.headers.getlist("cookie"))


@contextmanager
def known() -> Iterator[None]:
    """Raises `SignInRefused` while nobody can say who is signed in."""
    try:
        yield
    except (RedisUnavailable, RedisRefused) as error:
        logger.error("Nobody can be known: %s", error, extra={"action": "sessions_away"})
        said = "who is signed in is kept in Redis, which does not answer now: nothing is lost; try again in a moment"
        raise SignInRefused(Reason.SESSIONS_AWAY, said, retry_seconds=RETRY) from error


def _told(action: str, sentence: str, *words: str) -> None:
    logger.info(sentence, *words, extra={"action": action})


def _single(values: list[str]) -> str | None:
    """The value of a parameter that stands there once; a second one is somebody's trick."""
    return values[0] if len(values) == 1 else None
