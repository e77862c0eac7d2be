"""A reviewer id is believed when a token vouches for it, and every other one is refused with what to do."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from streams.casework.identity import LEEWAY, LONGEST_TOKEN, Identity, NotVouched, Refused, Role, identify, issuer
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import NO_IDENTITIES, Identities
from tests.unit.casework.test_jws import part
from tests.unit.casework.test_signing_keys import FIRST, SECOND, folded, published, retired, revoked

HERE = issuer("hitl.")
NOW = 1_800_000_000  # seconds
AT = NOW * 1_000  # milliseconds
ON = folded(published())


def claims(**changes: object) -> dict[str, Any]:
    plain = {
        "iss": HERE, "sub": "ann", "iat": NOW - 10, "exp": NOW + 600, "jti": "t1",
        "app": "desk", "roles": ["reviewer"], "skills": ["german"],
    }  # fmt: skip
    return {name: value for name, value in (plain | changes).items() if value is not None}


def token(key: SigningKey = FIRST, **changes: object) -> str:
    return key.sign(json.dumps(claims(**changes)).encode())


def verdict(
    given_token: str | None, reviewer_id: str = "ann", identities: Identities = ON, at: int = AT
) -> Identity | Refused:
    return identify(given_token, reviewer_id, identities, at=at, installation=HERE)


def reason(given_token: str | None, reviewer_id: str = "ann", identities: Identities = ON, at: int = AT) -> str | None:
    """Why it is refused, as every refusal with what to do; None when it is believed."""
    said = verdict(given_token, reviewer_id, identities, at)
    if isinstance(said, Identity):
        return None
    assert ": " in said.detail and len(said.detail) < 400
    return said.reason


def test_a_token_vouches_for_its_person() -> None:
    said = verdict(token())
    assert isinstance(said, Identity) and said.reviewer_id == "ann" and said.claims is not None
    assert (said.claims.app, said.claims.roles, said.claims.skills) == ("desk", (Role.REVIEWER,), ("german",))
    assert said.may_act_as(Role.REVIEWER) and not said.may_act_as(Role.EXPERT)


@pytest.mark.parametrize("said", [None, "", "nonsense", token(sub="ben")])
def test_without_a_key_in_force_identity_is_off(said: str | None) -> None:
    for identities in (NO_IDENTITIES, folded(published(), retired(at=AT)), folded(published(at=AT + 1))):
        found = verdict(said, identities=identities)
        assert found == Identity("ann") and found.may_act_as(Role.LEAD)


def test_what_was_written_before_the_first_key_needs_no_token_and_what_came_after_does() -> None:
    identities = folded(published(at=AT))
    assert reason(None, identities=identities, at=AT - 1) is None
    assert reason(None, identities=identities, at=AT) == "missing_token"


def test_somebody_else_s_token_is_refused() -> None:
    assert reason(token(), "ben") == "wrong_person"
    assert reason(token(), "Ann") == "wrong_person"
    assert reason(token(), "") == "wrong_person"


@pytest.mark.parametrize("said", [None, ""])
def test_no_token_is_refused(said: str | None) -> None:
    assert reason(said) == "missing_token"


def test_a_token_is_bounded() -> None:
    longest = token(skills=["s" * 1])
    fits = token(skills=["s" * ((LONGEST_TOKEN - len(longest)) * 3 // 4 - 4)])
    assert LONGEST_TOKEN - 16 < len(fits) <= LONGEST_TOKEN and reason(fits) is None
    assert reason(token(skills=["s" * LONGEST_TOKEN])) == "token_too_long"


@pytest.mark.parametrize(
    "said",
    [
        "x", "a.b", "a.b.c", "a.b.c.d", token() + ".", token() + "=", " " + token(), token().replace(".", ":"),
        FIRST.sign(b"no json"), FIRST.sign(b"[]"), FIRST.sign(b"\xff"), FIRST.sign(b'{"x":' + b"[" * 2_000),
        token(sub=""), token(sub=5), token(exp=None), token(iat=None), token(jti=None), token(iss=None),
        token(roles=["king"]), token(roles="lead"), token(exp="soon"), token(exp=1e300), token(exp=-1),
        token(exp=10**12), token(iat=True), token(skills=[1]),
    ],
)  # fmt: skip
def test_what_is_no_token_of_ours_is_malformed(said: str) -> None:
    assert reason(said) == "malformed_token"


def test_fields_of_a_later_version_are_read_over() -> None:
    assert reason(token(team="north")) is None


def test_no_other_algorithm_counts() -> None:
    """The old confusions: none at all, and the public key as the secret of an HMAC (RFC 8725, section 2.1)."""
    kid = {"kid": FIRST.key_id}
    header, body, signature = token().split(".")
    assert reason(jwt.encode(claims(), "", "none", kid)) == "wrong_algorithm"
    assert reason(jwt.encode(claims(), FIRST.public_key, "HS256", kid)) == "wrong_algorithm"
    for name in ("none", "None", "HS256", "RS256", "eddsa", "Ed448", ""):
        said = part(kid | {"alg": name})
        assert reason(f"{said}.{body}.") == reason(f"{said}.{body}.{signature}") == "wrong_algorithm"
    assert reason(f"{header}.{body}.") == "bad_signature"


def test_a_key_that_nobody_published_vouches_for_nobody() -> None:
    assert reason(token(SECOND)) == "unknown_key"
    unnamed = jwt.encode(claims(), Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32), "EdDSA")
    assert reason(unnamed) == "unknown_key"
    other = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
    assert reason(jwt.encode(claims(), other, "EdDSA", {"kid": FIRST.key_id})) == "bad_signature"


def test_claims_and_signature_of_two_tokens_do_not_mix() -> None:
    ours, others = token().split("."), token(sub="ben").split(".")
    assert reason(".".join((ours[0], others[1], ours[2])), "ben") == "bad_signature"


@pytest.mark.parametrize(
    ("changes", "after", "why"),
    [
        ({"exp": NOW}, -1, None), ({"exp": NOW}, 0, "expired_token"), ({"exp": NOW}, LEEWAY, "expired_token"),
        ({"iat": NOW}, -LEEWAY, None), ({"iat": NOW}, -LEEWAY - 1, "not_yet_valid"),
        ({"nbf": NOW}, -LEEWAY, None), ({"nbf": NOW}, -LEEWAY - 1, "not_yet_valid"), ({"nbf": NOW - 99}, 0, None),
        ({"iat": NOW + 700}, LEEWAY * 11, "expired_token"),
    ],
)  # fmt: skip
def test_a_token_holds_in_its_term_by_the_time_of_the_record(
    changes: dict[str, int], after: int, why: str | None
) -> None:
    assert reason(token(FIRST, **changes), at=AT + after) == why


def test_keys_overlap_while_they_are_changed() -> None:
    identities = folded(published(), published(SECOND, AT - 500), retired(at=AT))
    assert [reason(token(), identities=identities, at=AT + ms) for ms in (-501, -1, 0)] == [None, None, "retired_key"]
    assert [reason(token(SECOND), identities=identities, at=AT + ms) for ms in (-501, -1, 0)] == [None] * 3
    early = AT - 500 - LEEWAY  # brokers' clocks differ a little; a key is not of use long before it was there
    for at, why in ((early, None), (early - 1, "unknown_key")):
        assert reason(token(SECOND, iat=NOW - 600), identities=identities, at=at) == why


def test_a_revoked_token_counts_for_what_was_written_before() -> None:
    identities = folded(published(), revoked("t1", at=AT), published(SECOND, AT))
    assert reason(token(), identities=identities, at=AT - 1) is None
    assert reason(token(), identities=identities, at=AT) == "revoked_token"
    assert reason(token(jti="t2"), identities=identities) is None
    assert reason(token(SECOND), identities=identities) is None


def test_a_token_of_another_installation_with_the_same_key_is_refused() -> None:
    assert reason(token(iss=issuer("other."))) == "other_installation"


@given(st.integers(0, len(token()) - 1), st.integers(1, 127))
def test_no_changed_character_of_a_token_is_believed(at: int, change: int) -> None:
    good = token()
    assert reason(good[:at] + chr(ord(good[at]) ^ change) + good[at + 1 :]) is not None


@given(st.text(min_size=1).filter(lambda name: name != "ann"))
def test_a_forged_reviewer_id_is_never_believed(name: str) -> None:
    assert reason(token(), name) == "wrong_person"


@given(st.text(max_size=5_000))
def test_whatever_stands_for_a_token_there_is_a_verdict(said: str) -> None:
    assert reason(said) is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([token(), token(sub="ben"), token(exp=NOW), token(SECOND), token(jti="t2"), "x", None]),
            st.sampled_from(["ann", "ben"]),
            st.sampled_from([AT - 10**6, AT - 1, AT, AT + 1, AT + 10**6]),
        )
    )
)
def test_a_verdict_hangs_on_nothing_that_was_asked_before(asked: list[tuple[str | None, str, int]]) -> None:
    identities = folded(published(), revoked("t1", at=AT), published(SECOND, AT), retired(at=AT + 1))
    first = [verdict(*each[:2], identities, each[2]) for each in asked]
    again = [verdict(*each[:2], identities, each[2]) for each in reversed(asked)]
    assert again == first[::-1]


def test_every_reason_is_met() -> None:
    met = {"missing_token", "token_too_long", "malformed_token", "wrong_algorithm", "unknown_key", "retired_key"}
    met |= {"bad_signature", "other_installation", "not_yet_valid", "expired_token", "revoked_token", "wrong_person"}
    assert met == {reason.value for reason in NotVouched}
