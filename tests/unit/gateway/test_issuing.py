"""Tokens that the gateway issues are believed by casework, and are issued to nobody who may not have them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from infra.secret_keys import put_identity_key
from infra.settings import Settings
from producers.gateway.app import build
from producers.gateway.doors import Doors
from producers.gateway.gateway import Gateway
from producers.gateway.identity import in_force, key_published, key_retired, token_id_in, token_revoked
from producers.gateway.identity_shown import identity_text, shown_of
from producers.gateway.issuing import Issuing
from producers.gateway.tokens import Scope, Token, digest_of
from schemas.events import Event
from streams.casework.identity import Identity, NotVouched, Refused, Role, identify, issuer
from streams.casework.issuing import (
    LONGEST_TERM,
    IdentityOff,
    NoSigningKey,
    TokenAsked,
    TokenTooLong,
    issue,
    key_to_sign_with,
)
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities

PRIVATE, NEXT = b"1" * 32, b"2" * 32
KEY, FOLLOWER = SigningKey(PRIVATE), SigningKey(NEXT)
NOW = 1_800_000_000_500
DESK = Token(name="desk", sha256=digest_of("hitl_desk"), scopes=(Scope.ISSUE,))
SHOP = Token(name="shop", sha256=digest_of("hitl_shop"), scopes=(Scope.WRITE, Scope.READ, Scope.APPEAL))


def folded(*history: Event) -> Identities:
    identities = NO_IDENTITIES
    for event in history:
        identities = fold_identities(identities, event)
    return identities


ON = folded(key_published(KEY, by="op", now=0))


def judged(token: str, reviewer_id: str, identities: Identities = ON, at: int = NOW) -> Identity | Refused:
    return identify(token, reviewer_id, identities, at=at, installation=issuer("hitl."))


askings = st.builds(
    TokenAsked,
    reviewer_id=st.text(min_size=1, max_size=200),
    roles=st.lists(st.sampled_from(Role), min_size=1, max_size=3).map(tuple),
    skills=st.lists(st.text(min_size=1, max_size=20), max_size=8).map(tuple),
    seconds=st.integers(1, LONGEST_TERM),
)


@given(askings)
def test_what_is_issued_is_believed_until_it_expires_and_of_nobody_else(asked: TokenAsked) -> None:
    made = issue(asked, KEY, app="desk", topic_prefix="hitl.", now=NOW, token_id="t1")
    said = judged(made.token, asked.reviewer_id)
    assert isinstance(said, Identity) and said.claims is not None
    assert (set(said.claims.roles), set(said.claims.skills)) == (set(asked.roles), set(asked.skills))
    assert (said.claims.app, said.claims.jti, made.token_id, made.key_id) == ("desk", "t1", "t1", KEY.key_id)
    assert asked.seconds * 1_000 - 1_000 < made.expires_at - NOW <= asked.seconds * 1_000
    assert isinstance(judged(made.token, asked.reviewer_id, at=made.expires_at - 1), Identity)
    late = judged(made.token, asked.reviewer_id, at=made.expires_at)
    assert isinstance(late, Refused) and late.reason is NotVouched.EXPIRED
    assert isinstance(judged(made.token, asked.reviewer_id + "x"), Refused)


def test_a_token_that_no_answer_could_carry_is_not_issued() -> None:
    asked = TokenAsked(reviewer_id="ann", skills=tuple(f"{number:0>99}" for number in range(60)))
    with pytest.raises(TokenTooLong, match="fewer or shorter skills"):
        issue(asked, KEY, app="desk", topic_prefix="hitl.", now=NOW, token_id="t1")


def test_only_a_key_in_force_signs() -> None:
    assert key_to_sign_with(PRIVATE, ON, now=NOW).key_id == KEY.key_id
    with pytest.raises(IdentityOff):
        key_to_sign_with(PRIVATE, NO_IDENTITIES, now=NOW)
    with pytest.raises(NoSigningKey, match="no key to sign with"):
        key_to_sign_with(None, ON, now=NOW)
    with pytest.raises(NoSigningKey, match="not in force"):
        key_to_sign_with(NEXT, ON, now=NOW)
    both = folded(
        key_published(KEY, by="op", now=0),
        key_published(FOLLOWER, by="op", now=5),
        key_retired(KEY.key_id, by="op", now=9),
    )
    assert [in_force(both, now=at) for at in (0, 5, 9)] == [
        [KEY.key_id], [KEY.key_id, FOLLOWER.key_id], [FOLLOWER.key_id],
    ]  # fmt: skip
    with pytest.raises(NoSigningKey, match="not in force"):
        key_to_sign_with(PRIVATE, both, now=9)


def test_a_token_is_revoked_by_its_id_or_by_itself() -> None:
    made = issue(TokenAsked(reviewer_id="ann"), KEY, app="desk", topic_prefix="hitl.", now=NOW, token_id="t1")
    assert token_id_in(made.token) == token_id_in("t1") == "t1"
    assert token_id_in(KEY.sign(b"{}")) == KEY.sign(b"{}")
    revoked = fold_identities(ON, token_revoked(KEY.key_id, "t1", by="op", now=NOW))
    said = judged(made.token, "ann", revoked)
    assert isinstance(said, Refused) and said.reason is NotVouched.REVOKED


def test_how_identity_stands_is_told_with_names_that_can_be_copied() -> None:
    identities = folded(
        key_published(KEY, by="op", now=0),
        token_revoked(KEY.key_id, "t1", by="op", now=1),
        key_published(FOLLOWER, by="op", now=5),
        key_retired(KEY.key_id, by="op", now=9),
    )
    shown = shown_of(identities, FOLLOWER, Path("identity.key"), now=10)
    on, first, second = identity_text(shown).splitlines()
    assert on.startswith("identity is on") and second.startswith(f"{FOLLOWER.key_id} ")
    assert first.startswith(KEY.key_id) and "retired 1970-01-01" in first and first.endswith("tokens revoked: 1")
    assert second.endswith("in force, signs here")
    assert "hitl identity enable" in identity_text(shown_of(NO_IDENTITIES, None, Path("identity.key"), now=10))


# ---- over HTTP ----


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


class Issuer:
    """An application of which only the issuing stands."""

    def __init__(self, folder: Path, tokens: tuple[Token, ...] | None = (DESK, SHOP)) -> None:
        self.settings = Settings(data_dir=folder)
        self.identities = ON
        self._issuing = Issuing(self.settings, lambda: self.identities)
        self._app = build(self._gateway, Doors(tokens), nothing)

    def issue(self, body: bytes, *, app: str) -> object:
        return self._issuing.issue(body, app=app)

    def _gateway(self) -> Gateway:
        return self  # type: ignore[return-value]

    def ask(self, body: Any, token: str = "hitl_desk") -> httpx2.Response:
        async def asking() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self._app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                return await client.post("/v1/reviewer-tokens", headers=headers, content=content)

        return asyncio.run(asking())


@pytest.fixture
def issuer_at(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path)
    put_identity_key(made.settings, PRIVATE)
    return made


def refusal(got: httpx2.Response) -> tuple[int, str]:
    return got.status_code, got.json()["reason"]


def test_an_app_that_may_gets_a_token_for_a_person(issuer_at: Issuer) -> None:
    got = issuer_at.ask({"reviewer_id": "ann", "roles": ["expert"], "skills": ["german"]})
    assert (got.status_code, got.headers["cache-control"]) == (201, "no-store")
    made = got.json()
    said = judged(made["token"], "ann", at=made["expires_at"] - 3_600_000)
    assert isinstance(said, Identity) and said.claims is not None
    assert (said.claims.app, said.claims.roles, said.claims.skills) == ("desk", (Role.EXPERT,), ("german",))
    assert issuer_at.ask({"reviewer_id": "ann"}).json()["token_id"] != made["token_id"]


def test_whoever_may_not_gets_none(issuer_at: Issuer, tmp_path: Path) -> None:
    assert refusal(issuer_at.ask({"reviewer_id": "ann"}, "hitl_shop")) == (403, "scope")
    assert refusal(issuer_at.ask({"reviewer_id": "ann"}, "hitl_other")) == (401, "unknown_token")
    open_to_all = Issuer(tmp_path, tokens=None)
    assert refusal(open_to_all.ask({"reviewer_id": "ann"})) == (403, "scope")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "unreadable"), (b"\xff", 400, "unreadable"), ({}, 422, "invalid"), ([], 422, "invalid"),
        ({"reviewer_id": ""}, 422, "invalid"), ({"reviewer_id": "x" * 201}, 422, "invalid"),
        ({"reviewer_id": "ann", "roles": []}, 422, "invalid"),
        ({"reviewer_id": "ann", "roles": ["king"]}, 422, "invalid"),
        ({"reviewer_id": "ann", "seconds": LONGEST_TERM + 1}, 422, "invalid"),
        ({"reviewer_id": "ann", "seconds": 0}, 422, "invalid"), ({"reviewer_id": "ann", "admin": True}, 422, "invalid"),
        ({"reviewer_id": "ann", "skills": ["s" * 99] * 60}, 201, None),  # the same one is named once
        ({"reviewer_id": "ann", "skills": [f"{n:0>99}" for n in range(60)]}, 422, "invalid"),
        (b'{"reviewer_id": "\\ud800"}', 400, "unreadable"),
    ],
)  # fmt: skip
def test_what_cannot_be_issued_says_what_to_correct(
    issuer_at: Issuer, body: Any, status: int, reason: str | None
) -> None:
    got = issuer_at.ask(body)
    assert (got.status_code, got.json().get("reason")) == (status, reason), got.text


def test_while_identity_is_off_none_is_needed(issuer_at: Issuer) -> None:
    issuer_at.identities = NO_IDENTITIES
    assert refusal(issuer_at.ask({"reviewer_id": "ann"})) == (409, "identity_off")


def test_without_a_key_in_force_the_gateway_says_so_and_a_changed_file_is_read_at_once(tmp_path: Path) -> None:
    asked = {"reviewer_id": "ann"}
    gateway = Issuer(tmp_path)
    assert refusal(gateway.ask(asked)) == (503, "no_signing_key")
    put_identity_key(gateway.settings, NEXT)
    assert refusal(gateway.ask(asked)) == (503, "no_signing_key")
    put_identity_key(gateway.settings, PRIVATE)
    assert gateway.ask(asked).status_code == 201
    gateway.settings.identity_key_file.write_bytes(b"short")
    got = gateway.ask(asked)
    assert refusal(got) == (503, "no_signing_key") and got.headers["retry-after"]
    assert str(tmp_path) not in got.text  # paths are for whoever runs it


def test_the_log_names_the_token_and_tells_neither_it_nor_the_key(
    issuer_at: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        made = issuer_at.ask({"reviewer_id": "ann"}).json()
    assert made["token_id"] in caplog.text and "ann" in caplog.text
    assert made["token"].split(".")[2] not in caplog.text
    assert PRIVATE.decode() not in caplog.text and PRIVATE.hex() not in caplog.text


def test_a_token_may_be_limited_to_what_its_app_needs() -> None:
    body = b'{"reviewer_id": "ann", "scopes": ["work", "work"], "workflows": ["loans"]}'
    asked = msgspec.json.decode(body, type=TokenAsked)
    said = judged(issue(asked, KEY, app="desk", topic_prefix="hitl.", now=NOW, token_id="t1").token, "ann")
    assert isinstance(said, Identity) and said.claims is not None
    assert (said.claims.scopes, said.claims.workflows) == (("work",), ("loans",))
    unlimited = issue(TokenAsked(reviewer_id="ann"), KEY, app="desk", topic_prefix="hitl.", now=NOW, token_id="t")
    plain = judged(unlimited.token, "ann")
    assert isinstance(plain, Identity) and plain.claims is not None and plain.claims.scopes is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"reviewer_id": "ann", "scopes": ["everything"]}', type=TokenAsked)
