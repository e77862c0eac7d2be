"""What somebody searches for, as the address of a page says it. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from infra.redis.browsing import Cursor, Listed
from infra.redis.records import RequestRecord
from schemas.values import DecidedBy, Outcome

E = TypeVar("E", Listed, Outcome, DecidedBy)
LONGEST: Final = 1_024  # characters of anything that is typed
DAY: Final = timedelta(days=1)


class NotUnderstood(ValueError):
    """What is wrong with the address, in words."""


class Search(NamedTuple):
    """Requests of a kind, the newest first. `since` and `before` in milliseconds since the epoch."""

    what: Listed = Listed.FINISHED
    workflow: str = ""
    outcome: Outcome | None = None
    by: DecidedBy | None = None
    reviewer: str = ""
    from_day: str = ""
    to_day: str = ""
    behind: Cursor | None = None

    @property
    def since(self) -> int | None:
        """The beginning of the first day, UTC."""
        return _midnight(self.from_day, DAY * 0) if self.from_day else None

    @property
    def before(self) -> int | None:
        """The end of the last day, UTC."""
        return _midnight(self.to_day, DAY) if self.to_day else None

    @property
    def is_narrowed(self) -> bool:
        """Whether requests of the list are left out."""
        return bool(self.workflow or self.outcome or self.by or self.from_day or self.to_day)

    def wants(self, record: RequestRecord) -> bool:
        """Whether a request of the list is one of those that are searched."""
        standing, origin = record.standing, record.origin
        if self.workflow and (origin is None or origin.workflow != self.workflow):
            return False
        if self.outcome is not None and (standing is None or standing.outcome is not self.outcome):
            return False
        return self.by is None or (standing is not None and standing.by is self.by)

    def address(self, behind: Cursor | None = None) -> str:
        """The page of this search that begins behind a request."""
        words = {
            "what": self.what.value, "workflow": self.workflow, "outcome": self.outcome.value if self.outcome else "",
            "by": self.by.value if self.by else "", "from": self.from_day, "to": self.to_day,
            "behind": f"{behind.at}:{behind.request_id}" if behind else "",
        }  # fmt: skip
        return "/audit?" + urlencode({name: word for name, word in words.items() if word})


def search_in(query: Mapping[str, str]) -> Search:
    """What an address asks for. Raises `NotUnderstood`.

    >>> search_in({"what": "open", "workflow": "posts", "behind": "17:r:1"}).behind
    Cursor(at=17, request_id='r:1')
    """
    for name, word in query.items():
        if len(word) > LONGEST:
            raise NotUnderstood(f"“{name}” has {len(word):,} characters of {LONGEST:,}; shorten it.")
    return Search(
        what=_one_of(Listed, query.get("what", ""), "list") or Listed.FINISHED,
        workflow=query.get("workflow", "").strip(),
        outcome=_one_of(Outcome, query.get("outcome", ""), "outcome"),
        by=_one_of(DecidedBy, query.get("by", ""), "decided by"),
        reviewer=query.get("reviewer", "").strip(),
        from_day=_day(query.get("from", "")),
        to_day=_day(query.get("to", "")),
        behind=_cursor(query.get("behind", "")),
    )


def _one_of(kind: type[E], word: str, what: str) -> E | None:
    if not word:
        return None
    try:
        return kind(word)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise NotUnderstood(f"“{what}” is one of {known}; choose one of them.") from None


def _day(word: str) -> str:
    try:
        return date.fromisoformat(word).isoformat() if word else ""
    except ValueError:
        raise NotUnderstood("a day is written as 2026-01-31; correct it, or leave it empty.") from None


def _midnight(day: str, more: timedelta) -> int:
    at = datetime.combine(date.fromisoformat(day), time.min, UTC)
    return round((at.timestamp() + more.total_seconds()) * 1_000)


def _cursor(word: str) -> Cursor | None:
    at, colon, request_id = word.partition(":")
    if not word:
        return None
    if not colon or not at.isascii() or not at.isdigit() or len(at) > 15:
        raise NotUnderstood("the address of this page of the search is broken; search anew.")
    return Cursor(int(at), request_id)
