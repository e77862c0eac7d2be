"""Where Redis is comes from the settings, and its password is told to nobody."""

from pathlib import Path

import pytest

from infra.errors import SettingsInvalid
from infra.redis.connection import connect
from infra.redis.errors import RedisUnavailable
from infra.redis.keys import Keys
from infra.settings import REDIS_FILE, Settings, load_settings
from schemas.values import CaseStage, Priority


def test_the_stack_that_runs_names_its_redis_and_the_environment_wins(tmp_path: Path) -> None:
    environ = {"HITL_DATA_DIR": str(tmp_path)}
    assert load_settings(environ).redis_url == "redis://127.0.0.1:6379/0"
    (tmp_path / REDIS_FILE).parent.mkdir()
    (tmp_path / REDIS_FILE).write_text("redis://127.0.0.1:7000/0\n")
    assert load_settings(environ).redis_url == "redis://127.0.0.1:7000/0"
    named = environ | {"HITL_REDIS_URL": "unix:///run/redis.sock"}
    assert load_settings(named).redis_url == "unix:///run/redis.sock"


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="HITL_REDIS_URL = .* redis://, rediss:// or unix://"):
        load_settings({"HITL_REDIS_URL": "http://redis"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:1/0", "redis://127.0.0.1:1/0"),
        ("redis://:secret@127.0.0.1:1/0", "redis://:***@127.0.0.1:1/0"),
        ("rediss://me:sec%40ret@r.example", "rediss://me:***@r.example"),
        ("redis://me:se@cret@r.example", "redis://me:***@r.example"),
        ("redis://r.example/0?password=secret&db=5", "redis://r.example/0?password=***&db=5"),
        ("unix://me:secret@/run/redis.sock?db=1", "unix://me:***@/run/redis.sock?db=1"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert Settings(redis_url=url).redis_address == shown


def test_an_error_names_the_address_without_the_password() -> None:
    with pytest.raises(RedisUnavailable) as failed:
        connect(Settings(redis_url="redis://:secret@127.0.0.1:1/0")).call("PING")
    assert "redis://:***@127.0.0.1:1/0" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_url_that_makes_no_sense_is_an_error_that_says_where() -> None:
    with pytest.raises(RedisUnavailable, match="HITL_REDIS_URL is no address") as failed:
        connect(Settings(redis_url="redis://:sec#ret@127.0.0.1:6379/0"))
    assert "sec" not in str(failed.value)


def test_all_keys_of_an_installation_share_one_slot_and_no_other_installation_has_them() -> None:
    ours, other = Keys("hitl."), Keys("hitl.2.")
    names = [
        ours.meta, ours.offsets, ours.request("{a}"), ours.case("b"), ours.workflows, ours.finished, ours.reviewers,
        ours.queue("w", CaseStage.HUMAN, Priority.LOW), ours.opened("w"), ours.answers("ada"),
    ]  # fmt: skip
    assert {name[: name.index("}") + 1] for name in names} == {"{hitl.index}"}
    assert len(set(names)) == len(names)
    assert not any(name.startswith(other.prefix) for name in names)
