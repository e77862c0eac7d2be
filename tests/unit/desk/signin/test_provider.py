"""Signing in by an identity provider that really runs, and every way in which that must not work."""

import base64
import re
import time
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx2
import pytest

from producers.desk.signin.provider import Client, Provider
from producers.desk.signin.roles import Role
from tests.support.signing_in import HERE, PAGE, Browser, Desk, reason

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses parts of Authlib that are on their way out
    from oidc_provider_mock import User, run_server_in_thread

pytestmark = [
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:(get_jwt_config|exists_nonce|generate_user_info):DeprecationWarning"),
]
USERS = [
    User(sub="ann", claims={"roles": ["reviewer"], "skills": ["french"], "name": "Ann"}),
    User(sub="ada", claims={"roles": ["admin", "lead"]}),
    User(sub="cook", claims={"roles": ["cook"]}),
    User(sub="nobody", claims={}),
]


class Interposed(httpx2.AsyncBaseTransport):
    """Between the desk and the provider; `client_id` sends the desk's exchange under another name."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.client_id: str | None = None
        self.away = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        if self.away:
            raise httpx2.ConnectError("no route")
        if request.url.path.endswith("/token"):
            self.sent.append(request.content.decode())
            if self.client_id is not None:
                proof = base64.b64encode(f"{self.client_id}:secret".encode()).decode()
                request.headers["authorization"] = f"Basic {proof}"
        return await self._inner.handle_async_request(request)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread(user_claims=USERS) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def between() -> Interposed:
    return Interposed()


def desk_at(issuer: str, between: Interposed, **changes: Any) -> Desk:
    values = {"client_id": "desk", "client_secret": "secret", "scopes": "openid profile"} | changes
    client = Client(issuer=issuer, redirect_uri=f"{HERE}/sign-in/callback", **values)
    return Desk(provider=Provider(client, transport=between), now=time.time_ns() // 1_000_000)


@pytest.fixture
def desk(issuer: str, between: Interposed) -> Desk:
    return desk_at(issuer, between)


def at_provider(address: str, sub: str, **changes: str) -> str:
    """The person signs in there; what they are sent back with. `changes` to what the desk had asked."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    answer = httpx2.post(urlunsplit(parts._replace(query=urlencode(query))), data={"sub": sub})
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == HERE
    return f"{back.path}?{back.query}"


def asked(browser: Browser, path: str = "/sign-in") -> str:
    answer = browser.get(path)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def come_back(desk: Desk, sub: str, **changes: str) -> tuple[Browser, httpx2.Response]:
    browser = desk.browser()
    return browser, browser.get(at_provider(asked(browser), sub, **changes))


def test_a_person_signs_in_works_and_signs_out(desk: Desk) -> None:
    browser = desk.browser()
    shown = browser.get("/page?x=1", **PAGE)
    (way,) = re.findall(r'href="(/sign-in[^"]+)">Sign in at localhost', shown.text)
    assert (shown.status_code, way) == (401, "/sign-in?next=%2Fpage%3Fx%3D1")
    back = browser.get(at_provider(asked(browser, way), "ann"))
    assert (back.status_code, back.headers["location"]) == (303, "/page?x=1")
    assert browser.get("/page").text == "ann"
    who = browser.get("/session").json()
    assert who["person"] == {"reviewer_id": "ann", "name": "Ann", "roles": ["reviewer"], "skills": ["french"]}
    browser.csrf = who["csrf"]
    assert browser.post("/work", content=b"yes").text == "yes"
    assert browser.post("/sign-out").headers["location"] == "/signed-out"
    assert reason(browser.get("/page")) == (401, "no_session")
    assert "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8090%2Fsigned-out" in browser.get("/signed-out").text


def test_roles_are_the_providers(desk: Desk) -> None:
    browser, _ = come_back(desk, "ada")
    assert browser.get("/session").json()["person"]["roles"] == [Role.LEAD, Role.ADMIN]
    assert browser.get("/steer").text == "ada"


@pytest.mark.parametrize("sub", ["cook", "nobody", "stranger"])
def test_without_a_role_nobody_comes_in_and_is_told_whom_to_ask(desk: Desk, sub: str) -> None:
    browser, answer = come_back(desk, sub)
    assert reason(answer) == (403, "missing_role")
    assert "ask whoever gives roles" in answer.json()["detail"]
    assert reason(browser.get("/page")) == (401, "no_session")


def test_the_question_carries_a_challenge_and_keeps_the_verifier(desk: Desk, between: Interposed) -> None:
    browser = desk.browser()
    address = asked(browser)
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["redirect_uri"] == f"{HERE}/sign-in/callback" and len(query["code_challenge"]) == 43
    browser.get(at_provider(address, "ann"))
    (sent,) = between.sent
    verifier = parse_qs(sent)["code_verifier"][0]
    assert verifier in desk.made and verifier not in address and "secret" not in sent


def test_an_answer_counts_once(desk: Desk) -> None:
    browser = desk.browser()
    back = at_provider(asked(browser), "ann")
    started = browser.cookies["hitl_sign_in"]
    assert browser.get(back).status_code == 303
    browser.cookies.set("hitl_sign_in", started)  # as if the browser had not been told to forget it
    assert reason(browser.get(back)) == (400, "foreign_state")


def test_a_code_counts_once_even_in_another_answer(desk: Desk) -> None:
    browser = desk.browser()
    back = at_provider(asked(browser), "ann")
    assert browser.get(back).status_code == 303
    code = parse_qs(urlsplit(back).query)["code"][0]
    thief = desk.browser()
    state = parse_qs(urlsplit(asked(thief)).query)["state"][0]
    assert reason(thief.get(f"/sign-in/callback?code={code}&state={state}")) == (400, "bad_code")
    assert reason(thief.get("/page")) == (401, "no_session")


def test_an_answer_counts_in_the_browser_that_asked_only(desk: Desk) -> None:
    browser, other = desk.browser(), desk.browser()
    back = at_provider(asked(browser), "ann")
    assert reason(other.get(back)) == (400, "foreign_state")
    asked(other)
    assert reason(other.get(back)) == (400, "foreign_state")
    assert browser.get(back).status_code == 303  # the attempt of another does not use it up


def test_several_tabs_of_a_browser_may_sign_in_and_a_forged_cookie_is_not_taken_on(desk: Desk) -> None:
    browser = desk.browser()
    browser.get("/sign-in", cookie="hitl_sign_in=forged")
    assert browser.cookies["hitl_sign_in"] in desk.made
    one, two = asked(browser), asked(browser)
    state = parse_qs(urlsplit(one).query)["state"][0]
    assert reason(browser.get(f"/sign-in/callback?state={state}&error=access_denied")) == (400, "provider_refused")
    assert browser.get(at_provider(two, "ann")).status_code == 303


@pytest.mark.parametrize("state", ["", "&state=", "&state=forged", "&state={ours}&state={ours}", "&state={ours}%00"])
def test_a_state_that_is_not_ours_is_refused(desk: Desk, state: str) -> None:
    browser = desk.browser()
    ours = parse_qs(urlsplit(asked(browser)).query)["state"][0]
    assert reason(browser.get(f"/sign-in/callback?code=x{state.format(ours=ours)}")) == (400, "foreign_state")


def test_an_answer_that_comes_too_late_is_refused(desk: Desk) -> None:
    browser = desk.browser()
    back = at_provider(asked(browser), "ann")
    desk.now += 10 * 60_000
    assert reason(browser.get(back)) == (400, "foreign_state")


def test_a_token_of_another_sign_in_is_refused(desk: Desk) -> None:
    assert reason(come_back(desk, "ann", nonce="another")[1]) == (400, "wrong_nonce")


def test_a_code_of_another_application_is_refused(desk: Desk) -> None:
    assert reason(come_back(desk, "ann", client_id="other")[1]) == (400, "bad_code")


def test_a_token_for_another_application_is_refused(desk: Desk, between: Interposed) -> None:
    between.client_id = "other"
    assert reason(come_back(desk, "ann", client_id="other")[1]) == (400, "wrong_audience")


def test_a_token_that_has_expired_is_refused(between: Interposed) -> None:
    with run_server_in_thread(user_claims=USERS, access_token_max_age=timedelta(seconds=-120)) as server:
        late = desk_at(f"http://localhost:{server.server_port}", between)
        assert reason(come_back(late, "ann")[1]) == (400, "expired")


def test_clocks_may_differ_by_a_minute_and_no_more(desk: Desk) -> None:
    desk.now -= 30_000
    assert come_back(desk, "ann")[1].status_code == 303
    desk.now -= 60_000
    assert reason(come_back(desk, "ann")[1]) == (400, "not_yet_valid")
    desk.now += 90_000 + 3_600_000 + 120_000
    assert reason(come_back(desk, "ann")[1]) == (400, "expired")


def test_an_answer_of_another_provider_is_refused(desk: Desk) -> None:
    browser = desk.browser()
    back = at_provider(asked(browser), "ann")
    assert reason(browser.get(f"{back}&iss=https://evil.example")) == (400, "wrong_issuer")


def test_who_says_no_at_the_provider_is_told_so_as_text(desk: Desk) -> None:
    browser = desk.browser()
    state = parse_qs(urlsplit(asked(browser)).query)["state"][0]
    answer = browser.get(f"/sign-in/callback?state={state}&error=%3Cscript%3E%0d%0ax", **PAGE)
    assert answer.status_code == 400 and "<script>" not in answer.text and "did not sign you in" in answer.text


def test_signing_in_leads_to_no_other_site(desk: Desk) -> None:
    browser = desk.browser()
    for trick in ("//evil.example", "/\\evil.example", "https://evil.example"):
        back = browser.get(at_provider(asked(browser, "/sign-in?" + urlencode({"next": trick})), "ann"))
        assert (back.status_code, back.headers["location"]) == (303, "/")


def test_a_provider_that_is_away_or_is_another_is_told_in_words(desk: Desk, between: Interposed, issuer: str) -> None:
    between.away = True
    answer = desk.browser().get("/sign-in", **PAGE)
    assert answer.status_code == 503 and "identity provider cannot be used" in answer.text
    assert "signed out" in desk.browser().get("/signed-out").text
    between.away = False
    assert desk.browser().get("/sign-in").status_code == 303
    impostor = desk_at(issuer.replace("localhost", "127.0.0.1"), between)
    impostor.sign_in.provider.client = impostor.sign_in.provider.client._replace(issuer=issuer + "/")  # type: ignore[union-attr]
    assert reason(impostor.browser().get("/sign-in")) == (503, "provider_away")


def test_by_another_name_of_this_machine_the_sign_in_starts_where_its_cookie_is_read(desk: Desk) -> None:
    answer = desk.browser().get("/sign-in?next=/page", host="localhost:8090")
    assert answer.headers["location"] == f"{HERE}/sign-in?next=/page"


def test_keys_are_asked_for_once_an_hour_and_forged_tokens_make_no_traffic(desk: Desk, between: Interposed) -> None:
    for _ in range(3):
        come_back(desk, "ann")
    assert between.asked.count("/jwks") == 1
    assert between.asked.count("/.well-known/openid-configuration") == 1
