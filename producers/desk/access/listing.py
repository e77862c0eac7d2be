"""Who came in and what people did, as a list: for machines as it was written, for people in words. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

import msgspec

from infra.cli.moments import iso, moment
from infra.kafka.scan import Entry
from producers.desk.access.recording import AccessEvent
from schemas.events import AccessRefused, DeedDone, PersonSignedIn, PersonSignedOut, RequestViewed, SessionsEnded

TITLES = ("time", "person", "what", "about")
KINDS: tuple[type[AccessEvent], ...] = get_args(AccessEvent)


class Told(NamedTuple):
    """One record; `at` as the brokers' clock has it, milliseconds since the epoch."""

    at: int
    event: AccessEvent


def told_in(entries: Iterable[Entry], *, person: str | None, since: int | None) -> Iterator[Told]:
    """What concerns a person, or everybody, from a moment on; each event once."""
    seen = set[str]()
    for entry in entries:
        event = entry.event
        if not isinstance(event, KINDS) or event.event_id in seen:
            continue
        seen.add(event.event_id)
        if person in (None, *people_of(event)) and (since is None or entry.timestamp >= since):
            yield Told(entry.timestamp, event)


def people_of(event: AccessEvent) -> tuple[str, ...]:
    """Whom an event is about."""
    return (event.reviewer_id, event.ended_by) if isinstance(event, SessionsEnded) else (event.reviewer_id,)


def for_machines(told: Told) -> dict[str, Any]:
    """Every field, the kind of event, and when it was written."""
    return {"event": type(told.event).__name__, "written_at": iso(told.at)} | msgspec.structs.asdict(told.event)


def for_people(told: Told) -> tuple[str, str, str, str]:
    """A row under `TITLES`."""
    return (moment(told.at), told.event.reviewer_id or "(unknown)", *_words(told.event))


def _words(event: AccessEvent) -> tuple[str, str]:
    match event:
        case PersonSignedIn(how=how, roles=roles, address=address):
            return f"signed in by {how}", ", ".join(roles) + _from(address)
        case PersonSignedOut():
            return "signed out", ""
        case SessionsEnded(ended_by=by):
            return "all sessions ended", f"by {by}"
        case AccessRefused(reason=reason, method=method, path=path, address=address):
            return f"refused: {reason}", f"{method} {path}{_from(address)}"
        case RequestViewed(request_id=request_id, what=what):
            return f"looked at the {what}", request_id
        case DeedDone(deed=deed, about=about):
            return deed.replace("_", " "), about


def _from(address: str | None) -> str:
    return "" if address is None else f" from {address}"
