"""Forms about people and known questions: on record with who it was, once, and nothing that could not be meant."""

from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest

from infra.redis.errors import RedisUnavailable
from producers.desk.roster import WIDTH
from producers.desk.signin.roles import Role
from schemas.events import GoldAdded, GoldRetired, ReviewerEnrolled
from tests.support.lead_desk import LeadDesk
from tests.support.signing_in import PAGE, Browser

FORM = {"content-type": "application/x-www-form-urlencoded"}
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def desk() -> LeadDesk:
    return LeadDesk()


def send(browser: Browser, path: str, **fields: Any) -> httpx2.Response:
    body = urlencode({"csrf_token": browser.csrf, **fields}, doseq=True)
    return browser.post(path, csrf=False, headers={**FORM, **PAGE}, content=body.encode())


def test_a_person_is_paused_and_resumed_by_whoever_did_it(desk: LeadDesk) -> None:
    lea, who = desk.somebody(Role.LEAD), f"dan/{SCRIPT}"
    path = f"/lead/people/{quote(who, safe='')}"
    assert send(lea, f"{path}:pause", before="").status_code == 303
    (paused,) = desk.casework.announced
    assert isinstance(paused, ReviewerEnrolled)
    assert (paused.reviewer_id, paused.active, paused.enrolled_by) == (who, False, "lea")
    shown = lea.get(f"{path}?done=pause", **PAGE)
    assert "paused" in shown.text and SCRIPT not in shown.text
    again = send(lea, f"{path}:pause", before=paused.event_id)
    assert again.status_code == 409 and "paused already" in again.text
    assert send(lea, f"{path}:resume", before="").status_code == 409, "of a page from before"
    assert send(lea, f"{path}:resume", before=paused.event_id).status_code == 303
    assert [e.active for e in desk.casework.announced if isinstance(e, ReviewerEnrolled)] == [False, True]


@pytest.mark.parametrize("name", ["%00", "a" * 201, "%20ann", "%0Aann"])
def test_a_name_that_nobody_can_have_is_told_so(desk: LeadDesk, name: str) -> None:
    lea = desk.somebody(Role.LEAD)
    assert lea.get(f"/lead/people/{name}", **PAGE).status_code == 404
    assert send(lea, f"/lead/people/{name}:pause", before="").status_code == 404
    assert desk.casework.announced == []


def test_a_person_who_was_never_seen_is_told_of_as_one(desk: LeadDesk) -> None:
    assert "Nobody of this id was ever seen" in desk.somebody(Role.LEAD).get("/lead/people/ghost", **PAGE).text


def test_only_an_admin_ends_sessions(desk: LeadDesk) -> None:
    dan, admin = desk.somebody(Role.REVIEWER, name="dan"), desk.somebody(Role.ADMIN, name="ada")
    assert send(desk.somebody(Role.LEAD), "/lead/people/dan:end-sessions").status_code == 403
    assert dan.get("/session").status_code == 200
    assert send(admin, "/lead/people/dan:end-sessions").status_code == 303
    assert dan.get("/session").status_code == 401
    assert send(admin, "/lead/people/dan:pause", before="").status_code == 403, "which is a lead's to do"


def test_a_question_is_added_once_and_retired_by_whoever_did_it(desk: LeadDesk) -> None:
    lea = desk.somebody(Role.LEAD)
    said = {"workflow": "moderation", "content": SCRIPT, "label": "reject", "gold_id": "q/1", "note": "handbook"}
    for _ in range(2):
        got = send(lea, "/lead/gold/add", **said)
        assert got.status_code == 303 and got.headers["location"].endswith("done=added")
    (added,) = desk.casework.announced
    assert isinstance(added, GoldAdded) and (added.gold_id, added.added_by) == ("q/1", "lea")
    shown = lea.get("/lead/gold?workflow=moderation", **PAGE)
    assert SCRIPT not in shown.text and "handbook" in shown.text
    other = send(lea, "/lead/gold/add", **(said | {"label": "approve"}))
    assert other.status_code == 409 and "retire it first" in other.text
    gone = {"workflow": "moderation", "gold_id": "q/1", "event_id": added.event_id}
    assert send(lea, "/lead/gold/retire", **(gone | {"event_id": "older"})).status_code == 409
    assert send(lea, "/lead/gold/retire", **gone).status_code == 303
    assert send(lea, "/lead/gold/retire", **gone).status_code == 409, "a second press"
    retired = desk.casework.announced[1:]
    assert [(e.gold_id, e.retired_by) for e in retired if isinstance(e, GoldRetired)] == [("q/1", "lea")]


def test_a_long_question_is_added_once_too(desk: LeadDesk) -> None:
    lea = desk.somebody(Role.LEAD)
    for _ in range(2):
        said = {"workflow": "moderation", "content": "kind words " * WIDTH, "label": "approve"}
        assert send(lea, "/lead/gold/add", **said).status_code == 303
    assert len(desk.casework.announced) == 1


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("add", {}), ("add", {"workflow": "nowhere", "content": "x", "label": "approve"}),
        ("add", {"workflow": "moderation", "content": "x", "label": "approve", "note": "x" * 16_001}),
        ("add-case", {}), ("add-case", {"request_id": "ghost"}), ("add-case", {"request_id": SCRIPT}),
    ],
)  # fmt: skip
def test_what_cannot_be_a_question_is_told_and_changes_nothing(
    desk: LeadDesk, path: str, fields: dict[str, str]
) -> None:
    got = send(desk.somebody(Role.LEAD), f"/lead/gold/{path}", **fields)
    assert got.status_code == 422 and "Nothing was changed" in got.text and SCRIPT not in got.text
    assert desk.casework.announced == []


@pytest.mark.parametrize("path", ["/lead", "/lead/now", "/lead/people", "/lead/people/ann", "/lead/disagreements"])
def test_while_redis_is_away_the_page_says_so_in_words(
    desk: LeadDesk, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RedisUnavailable("Redis at it cannot be used.")

    lea = desk.somebody(Role.LEAD)
    monkeypatch.setattr(desk.redis, "call", away)
    got = lea.get(path, **PAGE)
    assert got.status_code == 503 and "This cannot be done now" in got.text
    monkeypatch.undo()
    desk.redis.hashes.clear()
    assert "being rebuilt" in lea.get(path, **PAGE).text


@pytest.mark.parametrize("path", ["/lead?after=x", "/lead?after=", "/lead/disagreements?after=x"])
def test_an_address_that_names_no_place_is_told_so(desk: LeadDesk, path: str) -> None:
    assert desk.somebody(Role.LEAD).get(path, **PAGE).status_code == 422


@pytest.mark.parametrize("path", ["/lead", "/lead/people", "/lead/gold", "/lead/disagreements"])
def test_an_address_with_anything_in_it_shows_a_page(desk: LeadDesk, path: str) -> None:
    lea, odd = desk.somebody(Role.LEAD), quote(f"{SCRIPT}\x00ü")
    query = "&".join(f"{name}={odd}" for name in ("workflow", "stage", "q", "from", "which", "over", "first", "done"))
    got = lea.get(f"{path}?{query}", **PAGE)
    assert got.status_code == 200 and SCRIPT not in got.text
