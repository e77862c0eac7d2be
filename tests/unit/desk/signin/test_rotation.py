"""A provider that changes its keys locks nobody out, and forged tokens make it no traffic."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from producers.desk.signin.provider import Client, Provider
from tests.support.signing_in import HERE, NOW, Desk, reason

ISSUER = "https://id.example"


class Rotating:
    """A provider of a few lines: `key` signs from now on, `published` are the keys that it shows."""

    def __init__(self) -> None:
        self.key = self.new("one")
        self.published = [self.key]
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks", "id_token_signing_alg_values_supported": ["ES256"],
        }  # fmt: skip
        self.asked: list[str] = []
        self.nonce = ""

    @staticmethod
    def new(name: str) -> ECKey:
        return ECKey.generate_key("P-256", {"kid": name})

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self.metadata)
            case "/jwks":
                return httpx2.Response(200, json={"keys": [key.as_dict(private=False) for key in self.published]})
            case "/token":
                claims = {"iss": ISSUER, "aud": "desk", "sub": "ann", "roles": ["lead"], "nonce": self.nonce}
                times = {"iat": NOW // 1_000, "exp": NOW // 1_000 + 60}
                signed = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims | times, self.key)
                return httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "id_token": signed})
        return httpx2.Response(404)


class Stand:
    """A desk before such a provider, and a clock for what is remembered, in seconds."""

    def __init__(self) -> None:
        self.provider, self.seconds = Rotating(), 0.0
        client = Client(ISSUER, "desk", "secret", "openid", f"{HERE}/sign-in/callback")
        transport = httpx2.MockTransport(self.provider)
        self.desk = Desk(provider=Provider(client, transport=transport, clock=lambda: self.seconds))

    def sign_in(self) -> httpx2.Response:
        browser = self.desk.browser()
        begun = browser.get("/sign-in")
        if begun.status_code != 303:
            return begun
        query = parse_qs(urlsplit(begun.headers["location"]).query)
        self.provider.nonce = query["nonce"][0]
        return browser.get(f"/sign-in/callback?code=c&state={query['state'][0]}")


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_a_new_key_is_fetched_when_a_token_names_it(stand: Stand) -> None:
    assert stand.sign_in().status_code == 303
    stand.seconds += 61
    stand.provider.key = stand.provider.new("two")
    stand.provider.published = [*stand.provider.published, stand.provider.key]
    assert stand.sign_in().status_code == 303
    assert stand.provider.asked.count("/jwks") == 2


def test_tokens_of_a_key_that_nobody_has_make_one_look_a_minute(stand: Stand) -> None:
    assert stand.sign_in().status_code == 303
    stand.provider.key = stand.provider.new("forged")
    for _ in range(3):
        assert reason(stand.sign_in()) == (400, "bad_token")
    assert stand.provider.asked.count("/jwks") == 1
    stand.seconds += 61
    for _ in range(3):
        assert reason(stand.sign_in()) == (400, "bad_token")
    assert stand.provider.asked.count("/jwks") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_tells_nonsense_of_itself_is_not_used(stand: Stand, changes: dict[str, Any]) -> None:
    stand.provider.metadata |= changes
    assert reason(stand.sign_in()) == (503, "provider_away")


def test_keys_that_cannot_be_read_are_told_as_the_providers_fault(stand: Stand) -> None:
    class Broken:
        def as_dict(self, *, private: bool) -> dict[str, str]:
            return {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"}

    stand.provider.published = [Broken()]  # type: ignore[list-item]
    assert reason(stand.sign_in()) == (503, "provider_away")
