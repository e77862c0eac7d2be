"""Requests as rows of a table. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from infra.cli.moments import moment, span
from infra.redis.browsing import Answered, Listed, Page, Row
from infra.redis.records import RequestRecord
from producers.desk.pages.audit.asked import Search

LISTS: Final = {
    Listed.FINISHED: "Finished",
    Listed.OPEN: "Open with people",
    Listed.AMENDED: "Amended",
    Listed.FAILED: "Failed",
}
WHEN: Final = {
    Listed.FINISHED: "Finished",
    Listed.OPEN: "Opened",
    Listed.AMENDED: "Amended",
    Listed.FAILED: "Failed",
}
TONES: Final = {"approved": "good", "rejected": "bad", "failed": "bad"}


class Cell(NamedTuple):
    """A word on a coloured ground; it says the same without colour."""

    text: str
    tone: str = ""


class RequestRow(NamedTuple):
    """A request in a list; times as text, UTC."""

    request_id: str
    path: str
    workflow: str
    status: Cell
    amended: bool
    label: str
    decided_by: str
    took: str
    at: str


class AnswerShown(NamedTuple):
    """An answer of a reviewer in a list."""

    request_id: str
    path: str
    workflow: str
    stage: str
    waited: str
    at: str
    status: Cell | None  # None: the request is no longer known here


class Listing(NamedTuple):
    """A page of a search."""

    rows: Sequence[RequestRow]
    more: str | None  # the address of the next page
    looked_at: int
    size: int  # of the whole list


def path_of(request_id: str) -> str:
    """The page of a request; of an id that would be no path, or that of a download, by a question.

    >>> path_of("a/b c"), path_of("x.json")
    ('/audit/requests/a%2Fb%20c', '/audit/requests?id=x.json')
    """
    name = quote(request_id, safe="")
    is_plain = "\n" not in request_id and not request_id.endswith(".json")
    return f"/audit/requests/{name}" if is_plain else f"/audit/requests?id={name}"


def download_of(request_id: str) -> str:
    """Where all records of a request are, as JSON.

    >>> download_of("x.json")
    '/audit/requests/x.json.json'
    """
    name = quote(request_id, safe="")
    return f"/audit/requests.json?id={name}" if "\n" in request_id else f"/audit/requests/{name}.json"


def listing(search: Search, page: Page, size: int) -> Listing:
    """A page of the list."""
    more = search.address(page.more) if page.more else None
    return Listing([_row(row) for row in page.rows], more, page.looked_at, size)


def answers_shown(answers: Sequence[Answered]) -> list[AnswerShown]:
    """The answers of a reviewer."""
    return [
        AnswerShown(
            request_id=each.row.request_id,
            path=path_of(each.row.request_id),
            workflow=each.row.workflow,
            stage=each.row.stage.value,
            waited=span(each.row.waited_ms / 1_000),
            at=moment(each.at),
            status=status_of(each.record) if each.record is not None and each.record.is_known else None,
        )
        for each in answers
    ]


def status_of(record: RequestRecord) -> Cell:
    """Where a request stands, in words."""
    word = record.status or record.state
    return Cell(word.replace("_", " "), TONES.get(word, ""))


def _row(row: Row) -> RequestRow:
    record, standing, origin = row.record, row.record.standing, row.record.origin
    took = (standing.at - origin.requested_at) / 1_000 if standing and origin else None
    who = standing.reviewer_id if standing else None
    return RequestRow(
        request_id=row.request_id,
        path=path_of(row.request_id),
        workflow=origin.workflow if origin else "",
        status=status_of(record),
        amended=record.amended is not None,
        label=standing.label if standing else "",
        decided_by=f"{standing.by.value} {who}" if standing and who else standing.by.value if standing else "",
        took=span(took),
        at=moment(row.at),
    )
