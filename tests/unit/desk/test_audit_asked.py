"""What somebody searches for: read from an address, and written into one."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.redis.browsing import Cursor, Listed
from infra.redis.records import Amended, Decided, Origin, Place, RequestRecord
from producers.desk.pages.audit.asked import NotUnderstood, Search, search_in
from producers.desk.pages.audit.listing import path_of
from schemas.values import DecidedBy, Outcome

DAY = 86_400_000  # milliseconds
TEXTS = st.text(min_size=1, max_size=40).filter(lambda text: text == text.strip() and text.isprintable())


@given(
    st.sampled_from(Listed), TEXTS | st.just(""), st.sampled_from([None, *Outcome]),
    st.sampled_from([None, *DecidedBy]), st.none() | st.builds(Cursor, st.integers(0, 2**42), TEXTS),
)  # fmt: skip
def test_the_address_of_the_next_page_asks_for_the_same_search(
    what: Listed, workflow: str, outcome: Outcome | None, by: DecidedBy | None, behind: Cursor | None
) -> None:
    search = Search(what, workflow, outcome, by, from_day="2026-01-30", to_day="2026-01-31")
    query = dict(parse_qsl(urlsplit(search.address(behind)).query, keep_blank_values=True))
    assert search_in(query) == search._replace(behind=behind)


def test_days_are_whole_days_in_utc() -> None:
    search = search_in({"from": "2026-01-30", "to": "2026-01-31"})
    assert search.since is not None and search.since % DAY == 0
    assert search.before == search.since + 2 * DAY
    assert (search_in({}).since, search_in({}).before) == (None, None)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"what": "everything"}, "choose one of them"),
        ({"outcome": "maybe"}, "approved, rejected"),
        ({"by": "<script>"}, "automation"),
        ({"from": "yesterday"}, "2026-01-31"),
        ({"to": "2026-02-31"}, "2026-01-31"),
        ({"behind": "x:r"}, "search anew"),
        ({"behind": "17"}, "search anew"),
        ({"behind": "٣:r"}, "search anew"),
        ({"workflow": "w" * 1_025}, "shorten it"),
    ],
)
def test_what_is_not_understood_says_what_to_do(query: dict[str, str], said: str) -> None:
    with pytest.raises(NotUnderstood, match=said):
        search_in(query)


def test_requests_are_narrowed_by_what_stands() -> None:
    place = Place(topic="requests", partition=0, offset=0)
    decided = Decided(
        at=1, request_offset=0, outcome=Outcome.APPROVED, label="a", by=DecidedBy.AUTOMATION, reviewer_id=None
    )
    amended = Amended(at=2, event_id="e", outcome=Outcome.REJECTED, label="r", by=DecidedBy.EXPERT, reviewer_id="eva")
    origin = Origin(confirmed=True, workflow="posts", request=place, requested_at=0)
    record = RequestRecord(origin=origin, decided=decided, amended=amended)
    assert Search(workflow="posts", outcome=Outcome.REJECTED, by=DecidedBy.EXPERT).wants(record)
    assert not Search(outcome=Outcome.APPROVED).wants(record), "the original is not what stands"
    assert not Search(workflow="other").wants(record)
    assert not Search(by=DecidedBy.AUTOMATION).wants(RequestRecord())
    assert Search().wants(RequestRecord())


@given(st.text(min_size=1))
def test_the_path_of_any_id_stays_one_segment(request_id: str) -> None:
    try:
        path = path_of(request_id)
    except UnicodeEncodeError:  # half a surrogate is in no id: ids are UTF-8
        return
    assert (path.startswith("/audit/requests/") and path.count("/") == 3) or path.startswith("/audit/requests?id=")
    assert not any(sign in path for sign in "\"'<>& \r\n\\#")
