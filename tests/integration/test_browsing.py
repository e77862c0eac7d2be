"""Lists of requests in Redis, page by page: each once, the newest first, whatever came at the same time."""

from collections.abc import Iterator
from random import Random

import pytest

from consumers.index.changes import changes, forgotten
from infra.local.valkey import EmbeddedValkey
from infra.redis.browsing import LOOKED_AT, Browsing, Cursor, Listed, Row
from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.records import Amended, Decided, Failed, Origin, Place, Queued, RequestRecord
from schemas.values import CaseStage, DecidedBy, Outcome, Priority

pytestmark = pytest.mark.integration
KEYS = Keys("test.")
NOW = 1_800_000_000_000


def origin(workflow: str) -> Origin:
    place = Place(topic="requests", partition=0, offset=0)
    return Origin(confirmed=True, workflow=workflow, request=place, requested_at=1)


def finished(at: int, workflow: str = "w", *, amended: bool = False, failed: bool = False) -> RequestRecord:
    decided = Decided(
        at=at, request_offset=0, outcome=Outcome.APPROVED, label="a", by=DecidedBy.AUTOMATION, reviewer_id=None
    )
    change = Amended(at=at + 5, event_id="e", outcome=Outcome.REJECTED, label="r", by=DecidedBy.EXPERT, reviewer_id="e")
    return RequestRecord(
        origin=origin(workflow), decided=None if failed else decided, amended=change if amended else None,
        failed=Failed(step=1, at=at, reason="x") if failed else None, state="failed" if failed else "completed",
        finished_at=at,
    )  # fmt: skip


def opened(at: int, workflow: str) -> RequestRecord:
    place = Queued(workflow=workflow, stage=CaseStage.HUMAN, priority=Priority.NORMAL, due_at=None, opened_at=at)
    return RequestRecord(origin=origin(workflow), queued=place, state="human_review")


@pytest.fixture
def browsing(redis: Connection) -> Browsing:
    return Browsing(redis, KEYS)


def write(redis: Connection, records: dict[str, RequestRecord], old: RequestRecord | None = None) -> None:
    redis.together([each for name, new in records.items() for each in changes(KEYS, name, old, new, now=NOW)])


def pages(browsing: Browsing, what: Listed, count: int, **narrowed: object) -> Iterator[list[Row]]:
    behind: Cursor | None = None
    while True:
        page = browsing.page(what, count=count, wanted=lambda _: True, behind=behind, **narrowed)  # type: ignore[arg-type]
        yield list(page.rows)
        if (behind := page.more) is None:
            return


def test_pages_show_each_once_in_order_also_where_thousands_came_at_once(redis: Connection, browsing: Browsing) -> None:
    random = Random(1)
    times = {f"r{number}é": random.choice((5, 6, random.randint(1, 50))) for number in range(3_000)}
    write(redis, {name: finished(at) for name, at in times.items()})
    right = sorted(times, key=lambda name: (times[name], name.encode()), reverse=True)
    for count in (7, 50, 999):
        assert [row.request_id for rows in pages(browsing, Listed.FINISHED, count) for row in rows] == right
    some = [row.request_id for rows in pages(browsing, Listed.FINISHED, 50, since=6, before=20) for row in rows]
    assert some == [name for name in right if 6 <= times[name] < 20]
    assert browsing.size(Listed.FINISHED) == 3_000


def test_a_page_looks_at_so_many_and_then_leads_on(redis: Connection, browsing: Browsing) -> None:
    write(redis, {f"r{at:05}": finished(at) for at in range(LOOKED_AT + 100)})
    page = browsing.page(Listed.FINISHED, count=10, wanted=lambda record: record.finished_at == 7)
    assert (page.rows, page.looked_at) == ([], LOOKED_AT) and page.more is not None
    rest = browsing.page(Listed.FINISHED, count=10, wanted=lambda record: record.finished_at == 7, behind=page.more)
    assert [row.request_id for row in rest.rows] == ["r00007"] and rest.more is None


def test_open_cases_of_all_workflows_come_together(redis: Connection, browsing: Browsing) -> None:
    write(redis, {f"{workflow}{at}": opened(at, workflow) for at in range(100) for workflow in ("a", "b")})
    shown = [row.request_id for rows in pages(browsing, Listed.OPEN, 30) for row in rows]
    assert shown == [f"{workflow}{at}" for at in reversed(range(100)) for workflow in ("b", "a")]
    only = [row.request_id for rows in pages(browsing, Listed.OPEN, 30, workflow="a") for row in rows]
    assert only == [f"a{at}" for at in reversed(range(100))]
    assert browsing.size(Listed.OPEN, "a") == 100


def test_failed_and_amended_requests_are_listed_until_they_are_no_more(redis: Connection, browsing: Browsing) -> None:
    write(redis, {"f": finished(3, failed=True), "a": finished(4, amended=True), "n": finished(5)})
    assert [row.request_id for row in next(pages(browsing, Listed.FAILED, 9))] == ["f"]
    assert [(row.request_id, row.at) for row in next(pages(browsing, Listed.AMENDED, 9))] == [("a", 9)]
    write(redis, {"f": finished(6)}, old=finished(3, failed=True))  # it was sent again, and got on
    assert next(pages(browsing, Listed.FAILED, 9)) == []
    redis.together([*forgotten(KEYS, "a", finished(4, amended=True))])
    assert next(pages(browsing, Listed.AMENDED, 9)) == []
    assert [row.request_id for row in next(pages(browsing, Listed.FINISHED, 9))] == ["f", "n"]


def test_the_answers_of_a_reviewer_come_newest_first(valkey: EmbeddedValkey, browsing: Browsing) -> None:
    assert browsing.answers("nobody", count=5) == []
