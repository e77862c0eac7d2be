"""Who came in at the desk, who was refused, and what people did or saw there beyond the cases themselves.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec


class PersonSignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody signed in at the desk."""

    event_id: str
    reviewer_id: str
    how: str
    roles: tuple[str, ...]
    address: str | None = None
    happened_at: int


class PersonSignedOut(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody ended their session at the desk."""

    event_id: str
    reviewer_id: str
    happened_at: int


class SessionsEnded(msgspec.Struct, frozen=True, kw_only=True):
    """Every session that a person had at the desk is over."""

    event_id: str
    reviewer_id: str
    ended_by: str
    happened_at: int


class AccessRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The desk refused to let somebody in, or to do something for whoever was in."""

    event_id: str
    reviewer_id: str = ""
    reason: str
    method: str
    path: str
    address: str | None = None
    happened_at: int


class RequestViewed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looked at what ordinary work does not show of a request."""

    event_id: str
    reviewer_id: str
    request_id: str
    what: str
    happened_at: int


class DeedDone(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody did something of consequence that no other event tells with their name."""

    event_id: str
    reviewer_id: str
    deed: str
    about: str = ""
    happened_at: int
