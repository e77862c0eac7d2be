"""Identity from the first key to the last, by the commands and the gateway on a real broker."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from infra.cli.main import run
from infra.kafka.client import connect
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings
from producers.gateway.identity_command import identities_of
from producers.gateway.tokens import Scope, new_token
from streams.casework.identity import Identity, identify, issuer
from streams.casework.jws import SigningKey
from tests.support.gateway import served
from tests.support.stand import wait_until
from tests.support.traffic import CODEC

pytestmark = [pytest.mark.integration, pytest.mark.long]
Hitl = Callable[..., Any]


@pytest.fixture
def settings(broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    prefix = f"who-{uuid.uuid4().hex[:8]}."
    made = Settings(
        bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, partitions=1, data_dir=tmp_path,
        redis_url=f"unix://{tmp_path}/none", gateway_address="127.0.0.1:0",
        gateway_tokens_file=tmp_path / "tokens.toml",
    )  # fmt: skip
    apply(made)
    return made


@pytest.fixture
def hitl(settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Hitl:
    """What `hitl identity … --json` prints; of one that fails, the kind of its error."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    def called(*words: str) -> Any:
        capfd.readouterr()
        status = run(["identity", *words, "--json"])
        said = capfd.readouterr()
        return json.loads(said.out) if status == 0 else json.loads(said.err)["kind"]

    return called


def reason(settings: Settings, token: str | None, reviewer_id: str) -> str | None:
    """What casework would say to an answer that is written now."""
    log = connect(settings)
    try:
        identities = identities_of(log, CODEC)
    finally:
        log.close()
    at = time.time_ns() // 1_000_000
    said = identify(token, reviewer_id, identities, at=at, installation=issuer(settings.topic_prefix))
    return None if isinstance(said, Identity) else said.reason


def test_keys_come_and_go_and_answers_need_a_token_meanwhile(settings: Settings, hitl: Hitl) -> None:
    assert hitl("show") == {"on": False, "key_file": str(settings.identity_key_file), "keys": []}
    assert [hitl(*words) for words in (["issue", "ann"], ["rotate"], ["revoke", "t"])] == ["IdentityOff"] * 3
    assert hitl("disable") == "NothingToDo"
    assert not settings.identity_key_file.exists()
    assert reason(settings, None, "ann") is None

    first = hitl("enable")["key_id"]
    assert settings.identity_key_file.stat().st_mode & 0o777 == 0o600
    assert SigningKey(settings.identity_key_file.read_bytes()).key_id == first
    assert hitl("enable") == "NothingToDo"
    assert reason(settings, None, "ann") == "missing_token"
    ann = hitl("issue", "ann", "--role", "expert", "--skill", "german", "--seconds", "60")
    assert reason(settings, ann["token"], "ann") is None
    assert reason(settings, ann["token"], "ben") == "wrong_person"
    assert hitl("issue", "", "--seconds", "60") == "UsageError"
    limited = hitl("issue", "ann", "--read-only", "--workflow", "loans")
    assert reason(settings, limited["token"], "ann") is None
    assert hitl("issue", "ann", "--read-only", "--scope", "work") == "UsageError"

    away = settings.identity_key_file.rename(settings.identity_key_file.with_suffix(".away"))
    assert hitl("retire", first) == "KeyNeeded"  # the last, wherever its private half is
    away.rename(settings.identity_key_file)
    second = hitl("rotate")["key_id"]
    ben = hitl("issue", "ben")
    assert ben["key_id"] == second != first
    assert [reason(settings, ann["token"], "ann"), reason(settings, ben["token"], "ben")] == [None, None]
    assert hitl("retire", second) == "KeyNeeded"  # it signs here
    assert hitl("retire", first) == {"retired": [first]}
    assert hitl("retire", first) == "NothingToDo"
    assert reason(settings, ann["token"], "ann") == "retired_key"

    assert hitl("revoke", ben["token"])["revoked"] == ben["token_id"]
    assert reason(settings, ben["token"], "ben") == "revoked_token"
    shown = hitl("show")
    assert [(key["key_id"], key["retired_at"] is None, key["signs_here"]) for key in shown["keys"]] == [
        (first, False, False), (second, True, True),
    ]  # fmt: skip
    assert [key["revoked_tokens"] for key in shown["keys"]] == [0, 1]

    assert hitl("disable") == {"retired": [second]}
    assert reason(settings, None, "ann") is None
    third = hitl("enable")["key_id"]
    assert third not in (first, second) and reason(settings, None, "ann") == "missing_token"


def test_the_gateway_issues_tokens_and_follows_the_keys(settings: Settings, hitl: Hitl) -> None:
    desk, lines = new_token("desk", [Scope.ISSUE], 100)
    settings.gateway_tokens_file.write_text(lines)
    for url in served(settings):

        def asked(reviewer_id: str = "ann", url: str = url) -> httpx2.Response:
            headers = {"authorization": f"Bearer {desk}"}
            said = {"reviewer_id": reviewer_id}
            return httpx2.post(f"{url}/v1/reviewer-tokens", json=said, headers=headers, timeout=30)

        assert (asked().status_code, asked().json()["reason"]) == (409, "identity_off")
        first = hitl("enable")["key_id"]
        wait_until(lambda: asked().status_code == 201, what="a token of the first key")
        ann = asked().json()
        assert ann["key_id"] == first and reason(settings, ann["token"], "ann") is None

        second = hitl("rotate")["key_id"]

        def is_second(second: str = second) -> bool:
            return bool(asked().json().get("key_id") == second)

        wait_until(is_second, what="a token of the second key")  # without a new start
        assert reason(settings, asked().json()["token"], "ann") is None
        settings.identity_key_file.unlink()
        assert asked().json()["reason"] == "no_signing_key"
        hitl("disable")
        wait_until(lambda: asked().json()["reason"] == "identity_off", what="an end of identity")
