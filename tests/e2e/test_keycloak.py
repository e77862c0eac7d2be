"""People sign in by a real Keycloak, with the realm that is shipped, at the desk as it is installed."""

import asyncio
import re
import time
from collections.abc import Iterator
from html import unescape
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx2
import pytest

from infra.kafka.scan import scan
from infra.local.ports import free_ports
from producers.desk.signin.flow import CALLBACK
from producers.desk.signin.provider import Client, Provider
from producers.desk.signin.refusal import Reason, SignInRefused
from schemas.events import AccessRefused, PersonSignedIn, PersonSignedOut, SessionsEnded
from schemas.topics import ACCESS
from tests.support.gateway import is_ready
from tests.support.keycloak import PASSWORD, REALM, SECRET, Keycloak, keycloak
from tests.support.signing_in import Desk
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC

PEOPLE = {
    "rita": ["reviewer"], "ada": ["admin", "lead"], "vera": ["reviewer", "expert"], "cole": [], "ruth": ["reviewer"],
}  # fmt: skip


@pytest.fixture(scope="module")
def url() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Keycloak]:
    with keycloak(tmp_path_factory.mktemp("provider"), desk=url, people=PEOPLE) as running:
        yield running


@pytest.fixture(scope="module")
def stand(provider: Keycloak, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(
        tmp_path_factory.mktemp("stack"), desk_address=url.removeprefix("http://"), oidc_issuer=provider.issuer,
        oidc_client_id="hitl-desk", oidc_client_secret=SECRET,
    )  # fmt: skip
    try:
        stand.up(["desk"])
        wait_until(lambda: is_ready(url), seconds=120, what="a ready desk")
        yield stand
    finally:
        stand.down()


class Visitor:
    """A browser without a screen: keeps cookies, follows where it is sent, fills in forms."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(
            base_url=url, follow_redirects=True, headers={"accept": "text/html"}, timeout=60,
            cookies=CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http"))),  # browsers trust this machine
        )  # fmt: skip
        self._url = url

    def at_form(self, path: str = "/sign-in?next=/session") -> httpx2.Response:
        """What is shown after the desk was asked for something."""
        return self.client.get(path)

    def sign_in(self, person: str) -> httpx2.Response:
        """By name and password at the provider, and back."""
        page = self.at_form()
        return self.submit(page, username=person, password=f"{PASSWORD} {person}")

    def submit(self, page: httpx2.Response, **fields: str) -> httpx2.Response:
        """The form of a page, as a person fills it in."""
        (action,) = re.findall(r'<form[^>]*action="([^"]+)"', page.text)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        address = str(page.url.join(unescape(action)))
        return self.client.post(address, data={name: unescape(value) for name, value in hidden.items()} | fields)

    def post(self, path: str) -> httpx2.Response:
        """As a page of the desk does."""
        headers = {"x-csrf-token": self.who()["csrf"], "origin": self._url}
        return self.client.post(path, headers=headers)

    def who(self) -> Any:
        return self.client.get("/session", headers={"accept": "application/json"}).json()

    def person(self) -> Any:
        return self.who()["person"]


@pytest.fixture
def visitors(url: str, stand: Stand) -> Iterator[list[Visitor]]:
    made = [Visitor(url), Visitor(url)]
    yield made
    for each in made:
        each.client.close()


def reason(answer: httpx2.Response) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])))


def at_keycloak(visitor: Visitor, address: str, person: str) -> str:
    """Signs in at an address of the provider; the path of the desk that the browser would be sent to."""
    visitor.client.follow_redirects = False
    page = visitor.client.get(address)
    if page.status_code == 200:
        page = visitor.submit(page, username=person, password=f"{PASSWORD} {person}")
    back = urlsplit(page.headers["location"])
    return f"{back.path}?{back.query}"


def beside(provider: Keycloak, url: str, secret: str = SECRET) -> Desk:
    """Signing in as the desk does it, within this process, so that it can be held and looked at in the middle."""
    client = Client(provider.issuer, "hitl-desk", secret, "openid profile", f"{url}{CALLBACK}")
    return Desk(url=url, provider=Provider(client), now=time.time_ns() // 1_000_000)


def test_a_person_signs_in_and_is_what_the_realm_says(visitors: list[Visitor]) -> None:
    vera = visitors[0]
    assert vera.sign_in("vera").status_code == 200
    person = vera.person()
    assert person["roles"] == ["reviewer", "expert"] and person["name"] == "Vera Test"
    assert re.fullmatch(r"[0-9a-f-]{36}", str(person["reviewer_id"])), "the log knows a pseudonym"


def test_a_wrong_password_brings_nobody_to_the_desk(visitors: list[Visitor]) -> None:
    page = visitors[0].submit(visitors[0].at_form(), username="vera", password="guessed")
    assert "Invalid username or password" in page.text
    assert visitors[0].who()["reason"] == "no_session"


def test_who_signs_out_at_the_provider_too_is_asked_again(visitors: list[Visitor], provider: Keycloak) -> None:
    vera = visitors[0]
    vera.sign_in("vera")
    left = vera.post("/sign-out")
    assert "You are signed out" in left.text and vera.who()["reason"] == "no_session"
    (end,) = re.findall(r'href="([^"]+/logout\?[^"]+)"', left.text)
    asked = vera.client.get(unescape(end))
    done = vera.submit(asked, confirmLogout="Logout") if "<form" in asked.text else asked
    assert done.status_code == 200 and "You are signed out" in done.text
    assert 'name="password"' in vera.at_form().text


def test_who_signs_out_at_the_desk_alone_is_still_known_to_the_provider(visitors: list[Visitor]) -> None:
    vera = visitors[0]
    vera.sign_in("vera")
    vera.post("/sign-out")
    assert vera.at_form().status_code == 200 and vera.person()["name"] == "Vera Test"


def test_a_second_person_at_the_same_browser_is_somebody_else(visitors: list[Visitor], url: str) -> None:
    browser = visitors[0]
    browser.sign_in("vera")
    first, session = browser.who(), browser.client.cookies["hitl_session"]
    browser.client.cookies.clear(domain="127.0.0.1", path="/realms/hitl/")  # the provider has forgotten the first
    browser.sign_in("ada")
    assert browser.person()["name"] == "Ada Test" and browser.who()["csrf"] != first["csrf"]
    taken = httpx2.get(f"{url}/session", headers={"cookie": f"hitl_session={session}"})
    assert taken.json()["reason"] == "no_session", "the first one's session is over"


def test_without_a_role_of_the_desk_nobody_comes_in_and_that_is_on_record(
    visitors: list[Visitor], stand: Stand
) -> None:
    answer = visitors[0].sign_in("cole")
    assert answer.status_code == 403 and "ask whoever gives roles here for one" in reason(answer)
    assert visitors[0].who()["reason"] == "no_session"

    def recorded() -> list[AccessRefused]:
        events = [entry.event for entry in scan(stand.log, CODEC, [ACCESS.name])]
        return [event for event in events if isinstance(event, AccessRefused) and event.reason == "missing_role"]

    wait_until(lambda: bool(recorded()), what="the refusal on record")
    assert re.fullmatch(r"[0-9a-f-]{36}", recorded()[0].reviewer_id) and recorded()[0].address is None


def test_who_was_revoked_is_out_at_once_and_does_not_come_back(
    visitors: list[Visitor], provider: Keycloak, stand: Stand
) -> None:
    ruth, ada = visitors
    ruth.sign_in("ruth")
    ada.sign_in("ada")
    who, by = str(ruth.person()["reviewer_id"]), str(ada.person()["reviewer_id"])
    provider.take_role("ruth", "reviewer")
    assert ada.post(f"/people/{who}/end-sessions").status_code == 204
    assert ruth.who()["reason"] == "no_session"
    again = ruth.at_form()  # the provider still knows who sits there
    assert again.status_code == 403 and "none of the roles" in reason(again)

    def recorded() -> list[object]:
        return [entry.event for entry in scan(stand.log, CODEC, [ACCESS.name], wanted=lambda r: r.key == who.encode())]

    kinds = [PersonSignedIn, SessionsEnded, AccessRefused]
    wait_until(lambda: [type(event) for event in recorded()] == kinds, what="what happened, on record")
    ended = recorded()[1]
    assert isinstance(ended, SessionsEnded) and ended.ended_by == by
    assert PersonSignedOut not in map(type, recorded())


def test_the_realm_demands_a_challenge(visitors: list[Visitor], provider: Keycloak, url: str) -> None:
    desk = beside(provider, url)
    browser = desk.browser()
    parts = urlsplit(browser.get("/sign-in").headers["location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    bare = {name: value for name, value in query.items() if not name.startswith("code_challenge")}
    back = at_keycloak(visitors[0], urlunsplit(parts._replace(query=urlencode(bare))), "rita")
    assert "error=invalid_request" in back and "code_challenge" in back
    answer = browser.get(back)
    assert (answer.status_code, answer.json()["reason"]) == (400, "provider_refused")


def test_a_code_for_another_challenge_is_refused(visitors: list[Visitor], provider: Keycloak, url: str) -> None:
    desk = beside(provider, url)
    browser = desk.browser()
    parts = urlsplit(browser.get("/sign-in").headers["location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | {"code_challenge": "x" * 43}
    back = at_keycloak(visitors[0], urlunsplit(parts._replace(query=urlencode(query))), "rita")
    answer = browser.get(back)
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_code")


def test_a_desk_with_a_wrong_secret_lets_nobody_in(visitors: list[Visitor], provider: Keycloak, url: str) -> None:
    browser = beside(provider, url, "not the secret").browser()
    answer = browser.get(at_keycloak(visitors[0], browser.get("/sign-in").headers["location"], "rita"))
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_code")


def test_a_code_counts_once(visitors: list[Visitor], provider: Keycloak, url: str) -> None:
    desk = beside(provider, url)
    browser = desk.browser()
    back = at_keycloak(visitors[0], browser.get("/sign-in").headers["location"], "rita")
    assert browser.get(back).status_code == 303
    assert browser.get(back).json()["reason"] == "foreign_state"
    assert desk.provider is not None
    code, verifier = parse_qs(urlsplit(back).query)["code"][0], desk.made[3]
    with pytest.raises(SignInRefused) as refused:
        asyncio.run(desk.provider.exchange(code, verifier))
    assert refused.value.why is Reason.BAD_CODE


def test_the_shipped_realm_names_no_person_and_holds_no_secret() -> None:
    realm = REALM.read_text()
    assert '"users"' not in realm and '"secret": "${HITL_OIDC_CLIENT_SECRET}"' in realm
