"""Sessions: who works at the desk, known by an opaque random id in a cookie. Times in milliseconds since the epoch.

What is kept is found by the digest of the id, so that whoever reads the store can be nobody. Sessions end after half an
hour without a sign of life and after twelve hours whatever happens (OWASP ASVS 4, 3.3.2, level 2).
"""

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from infra.redis.keeping import Keeping
from producers.desk.signin.person import Person
from producers.desk.signin.secret import digest_of, is_secret

MINUTE: Final = 60_000  # milliseconds
REMEMBERED: Final = 10_000  # sessions of which it is known whose they are


class How(StrEnum):
    """How a person has shown who they are."""

    LINK = "link"
    PROVIDER = "provider"


class Terms(NamedTuple):
    """When sessions end; a sign of life is written down once in `touch_ms` only, and so ends that much earlier."""

    idle_ms: int = 30 * MINUTE
    whole_ms: int = 12 * 60 * MINUTE
    touch_ms: int = MINUTE


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person at work. `csrf` is what their pages send back with everything that changes something."""

    person: Person
    how: How
    csrf: str
    began_at: int
    seen_at: int


_sessions = msgspec.json.Decoder(Session)


def is_over(session: Session, terms: Terms, *, now: int) -> bool:
    """Whether nobody has been seen for too long, or it has lasted long enough."""
    return now - session.seen_at >= terms.idle_ms or now - session.began_at >= terms.whole_ms


def is_csrf(session: Session, given: str | None) -> bool:
    """Whether it is the session's token; the time it takes tells nothing."""
    return given is not None and hmac.compare_digest(session.csrf.encode(), given.encode(errors="surrogatepass"))


class Sessions:
    """Begins, finds and ends them. `wall` in milliseconds, `new_secret` as in `secret`.

    Every call may raise `RedisUnavailable`.
    """

    def __init__(
        self, keeping: Keeping, *, wall: Callable[[], int], new_secret: Callable[[], str], terms: Terms | None = None
    ) -> None:
        self._keeping, self._wall, self._new_secret = keeping, wall, new_secret
        self.terms = terms or Terms()
        self._whose: dict[str, str] = {}  # by name: a session never becomes another person's

    def begin(self, person: Person, how: How, *, former: str | None) -> tuple[str, Session]:
        """A session with an id of its own, for the cookie; the one that the browser had before is over."""
        self.end(former)
        now, session_id = self._wall(), self._new_secret()
        session = Session(person=person, how=how, csrf=self._new_secret(), began_at=now, seen_at=now)
        self._keeping.put(_name(session_id), msgspec.json.encode(session), keep_ms=self.terms.idle_ms)
        return session_id, session

    def find(self, session_id: str | None) -> Session | None:
        """Whose session this is; None when it is none, is over, or its person's sessions were ended."""
        if session_id is None or not is_secret(session_id):
            return None
        session, ended = self._kept(_name(session_id))
        now = self._wall()
        if session is None:
            return None
        if is_over(session, self.terms, now=now) or (ended is not None and session.began_at <= int(ended)):
            self.end(session_id)
            return None
        return self._touched(session_id, session, now)

    def _kept(self, name: str) -> tuple[Session | None, bytes | None]:
        """A session, and when those of its person were ended: one question where it is known whose it is."""
        whose = self._whose.get(name)
        if whose is not None:
            found, ended = self._keeping.get([name, _ended(whose)])
            return _session_in(found), ended
        (found,) = self._keeping.get([name])
        session = _session_in(found)
        if session is None:
            return None, None
        if len(self._whose) >= REMEMBERED:
            self._whose.clear()
        self._whose[name] = session.person.reviewer_id
        (ended,) = self._keeping.get([_ended(session.person.reviewer_id)])
        return session, ended

    def end(self, session_id: str | None) -> Session | None:
        """Sign out: the id is worth nothing any more."""
        if session_id is None or not is_secret(session_id):
            return None
        return _session_in(self._keeping.take(_name(session_id)))

    def end_all(self, reviewer_id: str) -> None:
        """Every session of a person that began until now is over, wherever they sit."""
        self._keeping.put(_ended(reviewer_id), str(self._wall()).encode(), keep_ms=self.terms.whole_ms)

    def _touched(self, session_id: str, session: Session, now: int) -> Session:
        if now - session.seen_at < self.terms.touch_ms:
            return session
        seen = msgspec.structs.replace(session, seen_at=now)
        left = min(self.terms.idle_ms, session.began_at + self.terms.whole_ms - now)
        # What was ended meanwhile stays so: nothing is put where nothing is.
        self._keeping.replace(_name(session_id), msgspec.json.encode(seen), keep_ms=left)
        return seen


def _session_in(kept: bytes | None) -> Session | None:
    """What is kept; nothing where an earlier release kept it in another form: its person signs in again."""
    try:
        return None if kept is None else _sessions.decode(kept)
    except msgspec.DecodeError:
        return None


def _name(session_id: str) -> str:
    return f"session:{digest_of(session_id)}"


def _ended(reviewer_id: str) -> str:
    return f"ended:{digest_of(reviewer_id)}"
