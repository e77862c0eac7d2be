"""An id token is believed when it is signed by the provider, is for us, of now, and answers our question."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from producers.desk.signin.refusal import Reason, SignInRefused
from producers.desk.signin.verifying import LEEWAY, Expected, KeyUnknown, verified

NOW = 1_800_000_000  # seconds
KEY = ECKey.generate_key("P-256", {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "one"})
KEYS = KeySet([KEY])
EXPECTED = Expected("https://id.example", "desk", "n-1")
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example", "aud": "desk", "sub": "ann", "nonce": "n-1", "iat": NOW - 5, "exp": NOW + 300,
}  # fmt: skip
OFFERED = ("ES256", "RS256", "HS256", "none")


def signed(claims: dict[str, Any], key: Any = KEY, alg: str = "ES256", kid: str = "one") -> str:
    return jwt.encode({"alg": alg, "kid": kid}, claims, key, registry=JWSRegistry(algorithms=[alg]))


def why(token: str, *, keys: KeySet = KEYS, expected: Expected = EXPECTED, now: int = NOW) -> Reason:
    with pytest.raises(SignInRefused) as refused:
        verified(token, keys, expected, algorithms=OFFERED, now=now)
    return refused.value.why


def test_a_token_that_is_all_this_is_believed() -> None:
    assert verified(signed(CLAIMS), KEYS, EXPECTED, algorithms=OFFERED, now=NOW)["sub"] == "ann"
    several = CLAIMS | {"aud": ["other", "desk"], "azp": "desk"}
    assert verified(signed(several), KEYS, EXPECTED, algorithms=OFFERED, now=NOW)["sub"] == "ann"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, Reason.WRONG_ISSUER),
        ({"iss": "https://id.example/"}, Reason.WRONG_ISSUER),
        ({"aud": "other"}, Reason.WRONG_AUDIENCE),
        ({"aud": ["other"]}, Reason.WRONG_AUDIENCE),
        ({"aud": []}, Reason.WRONG_AUDIENCE),
        ({"aud": ["desk", "other"], "azp": "other"}, Reason.WRONG_AUDIENCE),
        ({"nonce": "n-2"}, Reason.WRONG_NONCE),
        ({"nonce": None}, Reason.WRONG_NONCE),
        ({"exp": NOW - LEEWAY}, Reason.EXPIRED),
        ({"iat": NOW + LEEWAY + 1}, Reason.NOT_YET_VALID),
        ({"nbf": NOW + LEEWAY + 1}, Reason.NOT_YET_VALID),
        ({"exp": "tomorrow"}, Reason.BAD_TOKEN),
        ({"exp": True}, Reason.BAD_TOKEN),
    ],
)
def test_a_token_that_says_something_else_is_not(changes: dict[str, Any], reason: Reason) -> None:
    assert why(signed(CLAIMS | changes)) is reason


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "exp", "iat", "nonce"])
def test_a_token_that_leaves_something_out_is_not(claim: str) -> None:
    why(signed({name: value for name, value in CLAIMS.items() if name != claim}))


@given(st.integers(-LEEWAY + 1, LEEWAY - 1))
@settings(max_examples=20)
def test_clocks_may_differ_by_a_minute(skew: int) -> None:
    fresh = CLAIMS | {"iat": NOW, "exp": NOW + 1}
    assert verified(signed(fresh), KEYS, EXPECTED, algorithms=OFFERED, now=NOW + skew)


@pytest.mark.parametrize("skew", [-(LEEWAY + 1), 300 + LEEWAY])
def test_clocks_that_differ_more_are_told_apart(skew: int) -> None:
    reason = why(signed(CLAIMS | {"iat": NOW}), now=NOW + skew)
    assert reason is (Reason.NOT_YET_VALID if skew < 0 else Reason.EXPIRED)


def test_another_key_under_the_same_name_is_not_the_providers() -> None:
    assert why(signed(CLAIMS, OTHER)) is Reason.BAD_TOKEN


def test_a_key_that_is_unknown_is_asked_for_before_anybody_is_refused() -> None:
    with pytest.raises(KeyUnknown):
        verified(signed(CLAIMS, kid="two"), KEYS, EXPECTED, algorithms=OFFERED, now=NOW)


def test_no_algorithm_counts_by_which_others_than_the_provider_could_sign() -> None:
    public = json.dumps(KEY.as_dict(private=False)).encode()
    secret = OctKey.import_key(public, {"kid": "one"})
    assert why(signed(CLAIMS, secret, "HS256")) is Reason.BAD_TOKEN
    assert why(signed(CLAIMS, secret, "HS256"), keys=KeySet([secret])) is Reason.BAD_TOKEN
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
    body = signed(CLAIMS).split(".")[1]
    assert why(f"{header}.{body}.") is Reason.BAD_TOKEN
    rsa = RSAKey.generate_key(2048, {"kid": "one"})
    assert why(signed(CLAIMS, rsa, "RS256")) is Reason.BAD_TOKEN
    with pytest.raises(SignInRefused):
        verified(signed(CLAIMS), KEYS, EXPECTED, algorithms=["RS256"], now=NOW)


@given(st.data())
@settings(max_examples=40)
def test_a_token_with_any_sign_changed_is_not(data: st.DataObject) -> None:
    token = signed(CLAIMS)
    at = data.draw(st.integers(0, len(token) - 2))  # the last sign of a signature carries bits that mean nothing
    sign = data.draw(st.sampled_from("ABab01-_."))
    changed = token[:at] + sign + token[at + 1 :]
    if changed != token:
        with pytest.raises((SignInRefused, KeyUnknown)):
            verified(changed, KEYS, EXPECTED, algorithms=OFFERED, now=NOW)


@given(st.text(max_size=60) | st.sampled_from(["", ".", "..", "a.b.c", "x" * 40_000]))
def test_what_is_no_token_is_refused_not_a_failure(text: str) -> None:
    with pytest.raises((SignInRefused, KeyUnknown)):
        verified(text, KEYS, EXPECTED, algorithms=OFFERED, now=NOW)


def test_an_access_token_of_another_sign_in_does_not_fit() -> None:
    claims = CLAIMS | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}
    assert why(signed(claims), expected=EXPECTED._replace(access_token="x")) is Reason.BAD_TOKEN
