"""The pages for auditors by their addresses: who may, what is on record of it, what is said when nothing is there."""

import re
import time
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, cast
from urllib.parse import quote

import pytest

from infra.kafka.scan import about
from infra.redis.browsing import Answered, Cursor, Page, Row
from infra.redis.errors import RedisUnavailable
from infra.redis.members import AnswerRow
from infra.redis.places import PLACED
from infra.redis.reading import Kept
from infra.settings import Settings
from producers.desk.pages.audit import routes as audit
from producers.desk.pages.audit.listing import path_of
from producers.desk.pages.behind import Behind
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from schemas.events import RequestViewed
from schemas.values import CaseStage
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, World
from tests.support.placed import Model, ids
from tests.support.signing_in import PAGE, Browser, Desk

HOSTILE = ("<script>alert(1)</script>", "x\r\nset-cookie: a=b", "../../etc/passwd", "a/b?c#d%2F", "é" * 300, "y.json")


@cache
def world() -> World:
    made = topology(3, requests=14, hours=1.0, leave_open=0.3)
    made.run(400)
    return made


class Shown(Model):
    """The model with its lists; `away` while Redis is."""

    def __init__(self, made: World, random: Random | None = None) -> None:
        super().__init__(made, random)
        self.away, self.browsing, self.asked = False, self, list[Any]()

    def kept(self, request_id: str) -> Kept:
        self._require()
        return super().kept(request_id)

    def page(self, *what: object, wanted: Callable[..., bool], **narrowed: object) -> Page:
        self._require()
        self.asked.append((what, narrowed))
        known = {name: record for name, record in self.records.items() if record and record.is_known and wanted(record)}
        rows = [Row(name, record.updated_at, record) for name, record in sorted(known.items())]
        return Page(rows, Cursor(7, "r&1"), len(rows))

    def size(self, *_: object) -> int:
        return 12_345

    def answers(self, reviewer_id: str, *, count: int) -> list[Answered]:
        row = AnswerRow(stage=CaseStage.HUMAN, workflow="w", sequence=2, waited_ms=90_000, request_id="<gone>")
        return [Answered(1_800_000_000_000, row, None)] if reviewer_id == "ann" else []

    def workflows(self) -> list[str]:
        return ["<w>"]

    def is_rebuilding(self) -> bool:
        return False

    def _require(self) -> None:
        if self.away:
            raise RedisUnavailable("away")


class Stand:
    """A desk with these pages alone."""

    def __init__(self) -> None:
        self.model = Shown(world())
        self.desk = Desk()
        unused = cast(Any, None)
        behind = Behind(unused, unused, lambda: cast(Any, self.model), world().log, CODEC, Settings(), unused)
        self.desk.pages.include_router(audit.routes(behind))

    @property
    def viewed(self) -> list[tuple[str, str]]:
        """Who was shown what, as it is on record."""
        seen = (event for event in self.desk.kept if isinstance(event, RequestViewed))
        return [(event.reviewer_id, event.request_id) for event in seen]

    def browser(self, *roles: Role) -> Browser:
        return self.desk.signed_in(Person(reviewer_id="otto", name="Otto", roles=roles))


@pytest.fixture
def stand() -> Stand:
    return Stand()


def decided() -> str:
    return next(name for name, record in Shown(world()).records.items() if record and record.decided)


def test_a_story_is_shown_to_whoever_may_and_every_view_is_on_record(stand: Stand) -> None:
    name, auditor = decided(), stand.browser(Role.AUDITOR)
    shown = auditor.get(path_of(name), **PAGE)
    assert shown.status_code == 200
    for entry in about(world().log, CODEC, name, PLACED):
        assert f"{entry.topic}[{entry.partition}]@{entry.offset}" in shown.text
    records = auditor.get(f"/audit/requests/{quote(name, safe='')}.json").json()["records"]
    assert len(records) == len(about(world().log, CODEC, name, PLACED))
    assert stand.viewed == [("otto", name)] * 2


@pytest.mark.parametrize("role", Role)
def test_each_page_is_for_certain_roles(stand: Stand, role: Role) -> None:
    name, browser = quote(decided(), safe=""), stand.browser(role)
    browses, sees_models = role in (Role.LEAD, Role.AUDITOR), role in (Role.LEAD, Role.AUDITOR, Role.ADMIN)
    paths = dict.fromkeys(
        ["/audit", "/audit?reviewer=ann", "/audit?id=x", f"/audit/requests/{name}", f"/audit/requests/{name}.json",
         f"/audit/requests?id={name}", f"/audit/requests.json?id={name}", f"/audit/reading?id={name}"], browses,
    ) | dict.fromkeys(["/models", "/policies"], sees_models)  # fmt: skip
    for path, may in paths.items():
        assert (browser.get(path, **PAGE).status_code != 403) is may, path
        assert stand.desk.browser().get(path).status_code == 401, path
    assert bool(stand.viewed) is browses


def until_read(browser: Browser, path: str) -> Any:
    deadline = time.monotonic() + 30
    while (answer := browser.get(path, **PAGE)).status_code == 200 and "is being read" in answer.text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


@pytest.mark.parametrize("request_id", HOSTILE)
def test_hostile_ids_are_only_text_and_no_view_of_anything(stand: Stand, request_id: str) -> None:
    answer = until_read(stand.browser(Role.AUDITOR), path_of(request_id))
    assert answer.status_code == 404 and "there is no event of this request" in answer.text
    assert not re.search(r"<script>alert|<svg", answer.text) and "set-cookie: a=b" not in str(answer.headers)
    assert stand.viewed == []


def test_what_the_index_does_not_know_is_read_from_the_log_and_said_to_be(stand: Stand) -> None:
    name, auditor = decided(), stand.browser(Role.AUDITOR)
    del stand.model.records[name]
    answer = until_read(auditor, f"{path_of(name)}?period=all")
    assert answer.status_code == 200 and "This is from the log of all time" in answer.text
    assert stand.viewed == [("otto", name)]
    progress = auditor.get(f"/audit/reading?id={quote(name)}&period=all", **PAGE)
    assert progress.headers["hx-redirect"] == f"{path_of(name)}?period=all"


def test_without_redis_stories_come_from_the_log_and_lists_say_what_is_missing(stand: Stand) -> None:
    stand.model.away = True
    auditor = stand.browser(Role.AUDITOR)
    answer = until_read(auditor, path_of("never-asked"))
    assert "The index cannot be asked now." in answer.text
    assert auditor.get("/audit", **PAGE).status_code == 503


def test_a_search_shows_what_it_covers_and_leads_on(stand: Stand) -> None:
    auditor = stand.browser(Role.AUDITOR)
    page = auditor.get("/audit?what=failed&workflow=%3Cw%3E&from=2026-01-02&behind=9:x", **PAGE)
    assert page.status_code == 200 and "What this covers" in page.text
    assert 'value="&lt;w&gt;"' in page.text
    assert "of 12,345 in the list" in auditor.get("/audit", **PAGE).text
    _, narrowed = stand.model.asked[0]
    assert narrowed["behind"] == Cursor(9, "x") and narrowed["since"] == 1_767_312_000_000
    assert "/audit?what=failed&amp;workflow=%3Cw%3E&amp;from=2026-01-02&amp;behind=7%3Ar%261" in page.text
    assert auditor.get("/audit?id=a/b", **PAGE).headers["location"] == "/audit/requests/a%2Fb"
    wrong = auditor.get("/audit?what=all", **PAGE)
    assert wrong.status_code == 422 and 'role="alert"' in wrong.text
    assert "&lt;gone&gt;" in auditor.get("/audit?reviewer=ann", **PAGE).text
    assert "No answer of “nobody”" in auditor.get("/audit?reviewer=nobody", **PAGE).text


def test_models_and_policies_of_a_log(stand: Stand) -> None:
    admin = stand.browser(Role.ADMIN)
    assert "Version 1" in admin.get("/policies", **PAGE).text
    assert admin.get("/models", **PAGE).status_code == 200


def test_every_id_of_the_log_has_a_story_or_says_why_not(stand: Stand) -> None:
    auditor = stand.browser(Role.AUDITOR)
    for name in ids(world()):
        assert until_read(auditor, path_of(name)).status_code == 200, name
