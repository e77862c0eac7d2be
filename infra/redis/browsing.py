"""The read model as somebody looks it over who does not know an id: lists of requests, page by page.

A page begins behind a cursor and looks at so many requests at most, whatever is asked of them: so no page is slow, and
one may be short, or empty, with more behind it. Times in milliseconds since the epoch.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.members import AnswerRow, decode_row, flat
from infra.redis.records import RequestRecord, decode_record

LOOKED_AT: Final = 1_000  # requests for a page
STEP: Final = 200  # requests in one question


class Listed(StrEnum):
    """What requests are listed by."""

    FINISHED = "finished"
    OPEN = "open"  # people are to decide it
    AMENDED = "amended"
    FAILED = "failed"


class Cursor(NamedTuple):
    """The last request that was looked at: when it came there, and its id."""

    at: int
    request_id: str


class Row(NamedTuple):
    """A request and when it was opened, finished, amended or failed."""

    request_id: str
    at: int
    record: RequestRecord


class Page(NamedTuple):
    """The newest first; `more`: where to go on, None at the end."""

    rows: Sequence[Row]
    more: Cursor | None
    looked_at: int


class Answered(NamedTuple):
    """An answer of a reviewer, and the request as far as it is known."""

    at: int
    row: AnswerRow
    record: RequestRecord | None


Wanted = Callable[[RequestRecord], bool]


class Browsing:
    """Every question may raise `RedisUnavailable`."""

    def __init__(self, redis: Connection, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    def page(
        self, what: Listed, *, count: int, wanted: Wanted, workflow: str | None = None, since: int | None = None,
        before: int | None = None, behind: Cursor | None = None,
    ) -> Page:  # fmt: skip
        """Requests that came there since and before these moments, and behind the cursor, the newest first."""
        names, rows, last, looked_at = self._lists(what, workflow), list[Row](), behind, 0
        for some in self._steps(names, since=since, before=before, behind=behind):
            for found, record in zip(some, self._records([each.request_id for each in some]), strict=True):
                last, looked_at = found, looked_at + 1
                if record is not None and wanted(record):
                    rows.append(Row(found.request_id, found.at, record))
                if len(rows) == count or looked_at == LOOKED_AT:
                    return Page(rows, last, looked_at)
        return Page(rows, None, looked_at)

    def answers(self, reviewer_id: str, *, count: int) -> list[Answered]:
        """The last answers of a reviewer, the newest first; the model keeps those of two days."""
        found = flat(self._redis.call("ZREVRANGE", self._keys.answers(reviewer_id), 0, count - 1, "WITHSCORES"))
        rows = [(round(float(at)), decode_row(value)) for value, at in zip(found[::2], found[1::2], strict=True)]
        records = self._records([row.request_id for _, row in rows])
        return [Answered(at, row, record) for (at, row), record in zip(rows, records, strict=True)]

    def size(self, what: Listed, workflow: str | None = None) -> int:
        """How many there are."""
        return sum(self._redis.together([("ZCARD", name) for name in self._lists(what, workflow)]))

    def _lists(self, what: Listed, workflow: str | None) -> list[str]:
        keys = self._keys
        match what:
            case Listed.OPEN if workflow is not None:
                return [keys.opened(workflow)]
            case Listed.OPEN:
                return [keys.opened(name.decode()) for name in self._redis.call("SMEMBERS", keys.workflows)]
            case Listed.FINISHED:
                return [keys.finished]
            case Listed.AMENDED:
                return [keys.amended]
            case Listed.FAILED:
                return [keys.failed]

    def _steps(
        self, names: Sequence[str], *, since: int | None, before: int | None, behind: Cursor | None
    ) -> Iterator[list[Cursor]]:
        """What comes next in all lists together, so many at a time."""
        low = "-inf" if since is None else str(since)
        while True:
            high = "+inf" if before is None else f"({before}"
            if behind is not None and (before is None or behind.at < before):
                high = str(behind.at)
            parts = [self._behind(name, high, low, behind) for name in names]
            found = sorted((each for part in parts for each in part), key=_place, reverse=True)[:STEP]
            if not found:
                return
            yield found
            behind = found[-1]

    def _behind(self, name: str, high: str, low: str, behind: Cursor | None) -> list[Cursor]:
        """The next of one list: of those of one millisecond in the order of their ids, from the last one down."""
        start = 0
        while True:
            answer = self._redis.call(
                "ZRANGE", name, high, low, "BYSCORE", "REV", "LIMIT", start, STEP, "WITHSCORES"
            )
            words = flat(answer)
            found = [
                Cursor(round(float(at)), member.decode())
                for member, at in zip(words[::2], words[1::2], strict=True)
            ]
            new = [each for each in found if behind is None or _is_behind(each, behind)]
            if new or len(found) < STEP:
                return new
            start += STEP

    def _records(self, request_ids: Sequence[str]) -> list[RequestRecord | None]:
        if not request_ids:
            return []
        found = self._redis.call("MGET", *(self._keys.request(name) for name in request_ids))
        return [None if value is None else decode_record(value) for value in found]


def _is_behind(one: Cursor, other: Cursor) -> bool:
    """As Redis has it: by bytes, where two came at the same time."""
    return _place(one) < _place(other)


def _place(cursor: Cursor) -> tuple[int, bytes]:
    return cursor.at, cursor.request_id.encode()
