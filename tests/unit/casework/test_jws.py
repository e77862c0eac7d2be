"""Signed texts are read in one way only; what others sign and check agrees (PyJWT, and the examples of RFC 8037)."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from streams.casework.jws import SigningKey, is_signed, read, thumbprint

# RFC 8037, appendix A
PRIVATE = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNED = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

KEY = SigningKey(PRIVATE)
TOKEN = KEY.sign(b'{"sub":"ann"}')


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def verifies(text: str) -> bool:
    jws = read(text)
    return jws is not None and jws.header.alg == "EdDSA" and is_signed(jws, KEY.public_key)


def test_the_examples_of_the_standard_come_out() -> None:
    assert (KEY.public_key, KEY.key_id) == (PUBLIC, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    jws = read(f"{SIGNED}.{SIGNATURE}")
    assert jws is not None and jws.payload == b"Example of Ed25519 signing"
    assert is_signed(jws, PUBLIC)


@given(st.dictionaries(st.text(), st.integers(0, 1 << 53) | st.text()))
def test_what_is_signed_here_is_read_elsewhere_and_the_other_way_round(claims: dict[str, object]) -> None:
    public, private = Ed25519PublicKey.from_public_bytes(PUBLIC), Ed25519PrivateKey.from_private_bytes(PRIVATE)
    body = json.dumps({"c": claims})
    assert jwt.decode(KEY.sign(body.encode()), public, algorithms=["EdDSA"]) == {"c": claims}
    theirs = read(jwt.encode({"c": claims}, private, "EdDSA", {"kid": KEY.key_id}))
    assert theirs is not None and theirs.header.kid == KEY.key_id
    assert is_signed(theirs, PUBLIC) and json.loads(theirs.payload) == {"c": claims}


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 127))
def test_no_changed_character_verifies(at: int, change: int) -> None:
    """Also none of those that a lenient reader of base64 would decode to the same bytes."""
    changed = chr(ord(TOKEN[at]) ^ change)
    assert verifies(TOKEN)
    assert not verifies(TOKEN[:at] + changed + TOKEN[at + 1 :])


def test_no_spare_bit_of_the_signature_is_read_over() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [last for last in letters if verifies(TOKEN[:-1] + last)] == [TOKEN[-1]]


@pytest.mark.parametrize("added", ["=", " ", "\n", ".", "é", "A"])
def test_nothing_may_be_added(added: str) -> None:
    for text in (TOKEN + added, added + TOKEN, TOKEN.replace(".", added + ".", 1)):
        assert not verifies(text)


@given(st.text() | st.text("eyJ.=_-A"))
def test_whatever_else_comes_is_no_jws(text: str) -> None:
    assert not verifies(text)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "EdDSA", "crit": ["exp"]}, {"alg": "EdDSA", "jwk": {"kty": "OKP"}}, {"alg": "EdDSA", "jku": "http://x"},
        {"alg": "EdDSA", "typ": "secevent+jwt"}, {"alg": 1}, {"kid": "k"}, [], "EdDSA", None,
    ],
)  # fmt: skip
def test_a_header_that_says_more_or_other_than_the_algorithm_and_the_key_is_none(header: object) -> None:
    assert read(f"{part(header)}.{part({})}.{SIGNATURE}") is None


def test_a_header_of_endless_nesting_is_none() -> None:
    deep = base64.urlsafe_b64encode(b'{"kid":' + b"[" * 3_000).rstrip(b"=").decode()
    assert read(f"{deep}.{part({})}.{SIGNATURE}") is None


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == f"SigningKey({thumbprint(PUBLIC)})"
    assert not hasattr(KEY, "__dict__")


def test_a_private_key_of_the_wrong_length_is_none() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(b"x" * 31)
