"""Before every page: whose request it is, where it comes from, and what browsers are told."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.redis.errors import RedisUnavailable
from infra.redis.keeping import MemoryKeeping
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from tests.support.signing_in import AWAY, NOW, PAGE, Desk, reason

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_without_a_session_nothing_is_shown_or_done(desk: Desk) -> None:
    stranger = desk.browser()
    assert reason(stranger.get("/page")) == (401, "no_session")
    assert reason(stranger.post("/work", content=b"x")) == (401, "no_session")
    shown = stranger.get("/page?x=1", **PAGE)
    assert shown.status_code == 401 and "hitl desk link" in shown.text and 'href="/page?x=1">Go on' in shown.text
    assert "did not work" not in shown.text and "<h1>Sign in</h1>" in shown.text


def test_a_page_of_the_desk_may_what_its_person_may(desk: Desk) -> None:
    ann = desk.signed_in()
    assert ann.post("/work", content=b"yes").text == "yes"
    assert reason(ann.get("/steer")) == (403, "missing_role")
    assert desk.signed_in(Person(reviewer_id="lea", name="Lea", roles=(Role.LEAD,))).get("/steer").text == "lea"


@given(st.text("0123456789Aa-_", max_size=50) | st.sampled_from(["", "null", "undefined"]))
def test_a_forged_csrf_token_does_nothing(token: str) -> None:
    desk = Desk()
    ann = desk.signed_in()
    if token != ann.csrf:
        assert reason(ann.post("/work", headers={"x-csrf-token": token})) == (403, "bad_csrf")
        form = f"csrf_token={token}&label=spam".encode()
        assert reason(ann.post("/work", csrf=False, headers=FORM, content=form)) == (403, "bad_csrf")


def test_a_missing_or_foreign_csrf_token_does_nothing(desk: Desk) -> None:
    ann, ben = desk.signed_in(), desk.signed_in(Person(reviewer_id="ben", name="Ben", roles=(Role.REVIEWER,)))
    assert reason(ann.post("/work", csrf=False)) == (403, "bad_csrf")
    assert reason(ann.post("/work", headers={"x-csrf-token": ben.csrf})) == (403, "bad_csrf")
    twice = f"csrf_token={ben.csrf}&csrf_token={ann.csrf}".encode()
    assert reason(ann.post("/work", csrf=False, headers=FORM, content=twice)) == (403, "bad_csrf")
    for method in ("PUT", "PATCH", "DELETE"):
        assert reason(ann.send(method, "/work", headers={"origin": desk.url})) == (403, "bad_csrf")


def test_a_form_brings_its_token_in_a_field_and_is_read_whole_afterwards(desk: Desk) -> None:
    ann = desk.signed_in()
    form = f"csrf_token={ann.csrf}&note=%C3%BC".encode()
    assert ann.post("/work", csrf=False, headers=FORM, content=form).content == form
    flood = b"a&" * 2_000 + form
    assert reason(ann.post("/work", csrf=False, headers=FORM, content=flood)) == (403, "bad_csrf")
    large = b"note=" + b"x" * (1 << 20)
    assert reason(ann.post("/work", csrf=False, headers=FORM, content=large)) == (413, "too_large")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8090", "", "http://localhost:8090"]
)
def test_another_site_does_nothing_even_with_the_token(desk: Desk, origin: str) -> None:
    ann = desk.signed_in()
    assert reason(ann.post("/work", headers={"origin": origin})) == (403, "foreign_origin")


def test_a_browser_that_does_not_say_where_it_comes_from_does_nothing(desk: Desk) -> None:
    ann = desk.signed_in()
    token = {"x-csrf-token": ann.csrf}
    assert reason(ann.send("POST", "/work", headers=token)) == (403, "foreign_origin")
    assert reason(ann.send("POST", "/work", headers=token | {"sec-fetch-site": "same-site"})) == (403, "foreign_origin")
    assert ann.send("POST", "/work", headers=token | {"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.org:8090", "a@127.0.0.1:8090", "127.0.0.1:1", "[:"])
def test_a_name_that_is_not_ours_gets_nothing(desk: Desk, host: str) -> None:
    assert reason(desk.signed_in().get("/page", host=host)) == (421, "wrong_host")


def test_this_machine_may_be_called_by_any_of_its_names(desk: Desk) -> None:
    assert desk.signed_in().get("/page", host="localhost:8090").status_code == 200
    assert desk.signed_in().get("/page", host="[::1]:8090").status_code == 200


def test_a_request_with_proof_of_its_own_is_judged_by_that_alone(desk: Desk) -> None:
    assert reason(desk.signed_in().get("/page", authorization="Bearer x")) == (401, "no_session")
    app = {"authorization": "Bearer x", "host": "desk.internal:8090", "origin": "https://app.example"}
    assert reason(desk.signed_in().post("/work", headers=app)) == (401, "no_session")


def test_no_page_opens_a_websocket(desk: Desk) -> None:
    said: list[object] = []

    async def send(message: object) -> None:
        said.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    asyncio.run(desk.app({"type": "websocket", "path": "/page", "headers": []}, receive, send))
    assert said == [{"type": "websocket.close", "code": 1008}]


def test_a_cookie_that_is_there_twice_is_none(desk: Desk) -> None:
    ann = desk.signed_in()
    own = f"hitl_session={ann.cookies['hitl_session']}"
    stranger = desk.browser()
    assert stranger.get("/page", cookie=own).status_code == 200
    for both in (f"hitl_session={'x' * 43}; {own}", f"{own}; hitl_session={'x' * 43}"):
        assert reason(stranger.get("/page", cookie=both)) == (401, "no_session")


@pytest.mark.parametrize(
    "path", ["/page", "/static/desk.css", "/nothing", "/broken", "/health", "/sign-in", "/signed-out"]
)
def test_every_answer_tells_browsers_to_run_and_frame_nothing_foreign(desk: Desk, path: str) -> None:
    for url in (desk.url, AWAY):
        headers = Desk(url=url).browser().get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'" and "unsafe" not in str(policy)
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["referrer-policy"] == "same-origin"
        assert ("strict-transport-security" in headers) is (url == AWAY)
        assert ("no-store" in headers.get("cache-control", "")) is not path.startswith("/static/")


def test_over_tls_cookies_are_bound_to_host_and_tls() -> None:
    desk = Desk(url=AWAY)
    ann = desk.signed_in()
    assert ann.get("/page").text == "ann"
    left = ann.post("/sign-out").headers["set-cookie"]
    assert left == "__Host-hitl_session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    plain = desk.browser()
    plain.cookies.set("hitl_session", desk.made[-2])
    assert reason(plain.get("/page")) == (401, "no_session")


def test_who_signs_out_is_out_and_is_told_so(desk: Desk) -> None:
    ann = desk.signed_in()
    thief = desk.browser()
    thief.cookies.set("hitl_session", ann.cookies["hitl_session"])
    assert reason(ann.post("/sign-out", csrf=False)) == (403, "bad_csrf")
    assert ann.post("/sign-out").headers["location"] == "/signed-out"
    assert reason(thief.get("/page")) == (401, "no_session")
    assert "Sign in again" in ann.get("/signed-out", **PAGE).text


def test_who_signs_out_everywhere_is_out_at_every_browser(desk: Desk) -> None:
    here, there = desk.signed_in(), desk.signed_in()
    assert reason(desk.browser().post("/sign-out/everywhere")) == (401, "no_session")
    assert here.post("/sign-out/everywhere").headers["location"] == "/signed-out"
    assert reason(there.get("/page")) == (401, "no_session")


def test_an_admin_ends_the_sessions_of_a_person_and_nobody_else_can(desk: Desk) -> None:
    ann, admin = desk.signed_in(), desk.signed_in(Person(reviewer_id="ada", name="Ada", roles=(Role.ADMIN,)))
    assert reason(ann.post("/people/ada/end-sessions")) == (403, "missing_role")
    assert admin.post("/people/ann/end-sessions").status_code == 204
    assert reason(ann.get("/page")) == (401, "no_session")
    assert admin.get("/session").json()["person"]["reviewer_id"] == "ada"


def test_while_redis_is_away_the_page_says_that_nothing_is_lost() -> None:
    class Away(MemoryKeeping):
        away = False

        def get(self, names: object) -> list[bytes | None]:
            if self.away:
                raise RedisUnavailable()
            return super().get(names)  # type: ignore[arg-type]

    keeping = Away(lambda: NOW)
    desk = Desk(keeping=keeping)
    ann = desk.signed_in()
    keeping.away = True
    assert reason(ann.post("/work")) == (503, "sessions_away")
    shown = ann.get("/page", **PAGE)
    assert shown.status_code == 503 and "nothing is lost" in shown.text and shown.headers["retry-after"] == "2"
    assert ann.get("/static/desk.css").status_code == 200 and ann.get("/health").status_code == 200
    keeping.away = False
    assert ann.get("/page").text == "ann"


def test_every_refusal_is_logged_for_machines_in_one_line_and_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    desk = Desk(links=tmp_path)
    link = desk.link()
    desk.browser().get(link)
    desk.browser().get(link)
    ann = desk.signed_in()
    ann.post("/people/a%0dINFO forged/end-sessions")
    ann.post("/work", csrf=False)
    ours = [each for each in caplog.records if each.name.startswith("producers")]
    assert [(vars(each)["action"], vars(each).get("reason", "")) for each in ours] == [
        ("signed_in", ""), ("request_refused", "bad_link"), ("request_refused", "missing_role"),
        ("request_refused", "bad_csrf"),
    ]  # fmt: skip
    assert all(each.getMessage().isprintable() for each in ours)
    written = repr([vars(each) for each in ours])
    assert "'ann'" in written and not any(secret in written for secret in desk.made)


def test_what_a_stranger_sends_is_shown_as_text(desk: Desk) -> None:
    script = desk.browser().get("/page?x=<script>alert(1)</script>", **PAGE)
    assert "<script>" not in script.text


def test_what_pages_look_like_is_served_to_everybody() -> None:
    """The policy forbids styles inside a page, so each page names one, which must be there."""
    browser = Desk().browser()
    (named,) = re.findall(r'rel="stylesheet" href="([^"]+)"', browser.get("/sign-in").text)
    answer = browser.get(named)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/css")
    assert "style-src 'self'" in answer.headers["content-security-policy"]

