"""What people do at the desk becomes events, beside the request: nobody waits for it, and nothing fails for it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from starlette.requests import Request

from infra.http.limits import Bucket, Rate
from infra.http.problems import Problem
from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.roles import Deed
from producers.desk.signin.sessions import Session
from schemas.events import AccessRefused, DeedDone, PersonSignedIn, PersonSignedOut, RequestViewed, SessionsEnded
from schemas.values import Coordinates
from streams.casework.refusal import quote

AccessEvent = PersonSignedIn | PersonSignedOut | SessionsEnded | AccessRefused | RequestViewed | DeedDone
NOBODY: Final = ""  # of whom nothing is known: no person has this id
# Nobody's doing, or so common that it would hide what matters: the first visit of the day is one.
UNRECORDED: Final = frozenset({Reason.NO_SESSION, Reason.PROVIDER_AWAY, Reason.SESSIONS_AWAY})
REFUSALS: Final = Rate(per_second=5, burst=200)  # kept; a flood of them is counted, since it must not fill the log
SAME_LOOK: Final = 10 * 60_000  # milliseconds in which a page that is looked at again, or renews itself, is one look
LOOKS: Final = 4_096  # that are remembered
LONGEST: Final = 300  # characters of what something was done to


class Recorder(Protocol):
    """Keeps what people do. No call waits or raises."""

    def signed_in(self, session: Session, request: Request) -> None:
        """Somebody has come in."""

    def signed_out(self, reviewer_id: str) -> None:
        """A session was ended at the browser that had it."""

    def sessions_ended(self, reviewer_id: str, *, by: str) -> None:
        """All sessions of somebody were ended."""

    def refused(self, request: Request, problem: Problem) -> None:
        """Somebody was not let in, or was not let do something."""

    def viewed(self, session: Session, request_id: str, what: str = "story") -> None:
        """Somebody sees what ordinary work does not show of a request: its story, or what is sealed in it."""

    def did(self, session: Session, deed: Deed, about: str | Coordinates = "") -> None:
        """Somebody did something of which no other event tells under their name."""


def recorder_of(request: Request) -> Recorder:
    """The one that a page tells what its person does."""
    recorder: Recorder = request.state.recorder
    return recorder


class EventRecorder:
    """Makes the events and hands them to `keep`, which neither waits nor raises.

    `wall` in milliseconds, `new_id` gives ids of events, `with_addresses`: whether it is kept where requests come from,
    `spared`: called for each refusal of a flood, of which nothing is kept.
    """

    def __init__(
        self, keep: Callable[[AccessEvent], None], *, wall: Callable[[], int], new_id: Callable[[], str],
        with_addresses: bool, spared: Callable[[], None], rate: Rate = REFUSALS,
    ) -> None:  # fmt: skip
        self._keep, self._wall, self._new_id = keep, wall, new_id
        self._with_addresses, self._spared, self._rate = with_addresses, spared, rate
        self._bucket: Bucket | None = None
        self._looks: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def signed_in(self, session: Session, request: Request) -> None:
        person = session.person
        self._keep(
            PersonSignedIn(
                event_id=self._new_id(), reviewer_id=person.reviewer_id, how=session.how.value,
                roles=tuple(role.value for role in person.roles), address=self._address(request),
                happened_at=self._wall(),
            )
        )  # fmt: skip

    def signed_out(self, reviewer_id: str) -> None:
        self._keep(PersonSignedOut(event_id=self._new_id(), reviewer_id=reviewer_id, happened_at=self._wall()))

    def sessions_ended(self, reviewer_id: str, *, by: str) -> None:
        self._keep(sessions_ended(reviewer_id, by=by, event_id=self._new_id(), now=self._wall()))

    def refused(self, request: Request, problem: Problem) -> None:
        if not isinstance(problem, SignInRefused) or problem.why in UNRECORDED:
            return
        now, session = self._wall(), getattr(request.state, "session", None)
        self._bucket = self._bucket or Bucket(self._rate, now / 1_000)
        if self._bucket.take(1, now=now / 1_000) is not None:
            self._spared()
            return
        self._keep(
            AccessRefused(
                event_id=self._new_id(), reviewer_id=session.person.reviewer_id if session else problem.reviewer_id,
                reason=problem.why.value, method=quote(request.method), path=quote(request.url.path),
                address=self._address(request), happened_at=now,
            )
        )  # fmt: skip

    def viewed(self, session: Session, request_id: str, what: str = "story") -> None:
        now, look = self._wall(), (session.person.reviewer_id, request_id, what)
        if now - self._looks.get(look, -SAME_LOOK) < SAME_LOOK:
            return
        self._looks[look] = now
        self._looks.move_to_end(look)
        if len(self._looks) > LOOKS:
            self._looks.popitem(last=False)
        self._keep(
            RequestViewed(
                event_id=self._new_id(), reviewer_id=session.person.reviewer_id, request_id=request_id, what=what,
                happened_at=now,
            )
        )  # fmt: skip

    def did(self, session: Session, deed: Deed, about: str | Coordinates = "") -> None:
        self._keep(
            DeedDone(
                event_id=self._new_id(), reviewer_id=session.person.reviewer_id, deed=deed.value,
                about=said_of(about), happened_at=self._wall(),
            )
        )  # fmt: skip

    def _address(self, request: Request) -> str | None:
        return request.client.host if self._with_addresses and request.client is not None else None


def nothing_kept() -> Recorder:
    """Where nobody can come in."""
    return EventRecorder(lambda _: None, wall=int, new_id=str, with_addresses=False, spared=lambda: None)


def sessions_ended(reviewer_id: str, *, by: str, event_id: str, now: int) -> SessionsEnded:
    """As the desk and the command write it."""
    return SessionsEnded(event_id=event_id, reviewer_id=reviewer_id, ended_by=by, happened_at=now)


def said_of(about: str | Coordinates) -> str:
    """To what something was done, in few characters.

    >>> said_of(Coordinates(topic="dead-letters", partition=0, offset=12))
    'dead-letters[0]@12'
    """
    if isinstance(about, Coordinates):
        return f"{about.topic}[{about.partition}]@{about.offset}"
    return about if len(about) <= LONGEST else f"{about[: LONGEST - 1]}…"
