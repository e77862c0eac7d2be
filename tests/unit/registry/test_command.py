"""`hitl schemas` as it is typed: what it prints, how it exits, and that no password is shown."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import run
from schemas.codec import published
from tests.support.registry import LOGIN, FakeRegistry, serving

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hitl(capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str) -> tuple[int, str, str]:
        status = run(["schemas", *words])
        said = capfd.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def named(fake_registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    monkeypatch.setenv("HITL_SCHEMA_REGISTRY_URL", fake_registry.url)
    return fake_registry


def test_export_writes_a_whole_archive_and_says_how_much(hitl: Call, tmp_path: Path) -> None:
    file = tmp_path / "schemas.zip"
    status, said, _ = hitl("export", str(file), "--json")
    assert (status, json.loads(said)) == (0, {"file": str(file), "schemas": len(published())})
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as made:
        assert made.testzip() is None
        assert sum(name.endswith(".Content.data") for name in made.namelist()) == len(published())


def test_export_into_no_folder_says_so(hitl: Call, tmp_path: Path) -> None:
    status, _, complaint = hitl("export", str(tmp_path / "none" / "x.zip"))
    assert status == 1 and "cannot be written" in complaint


def test_check_exits_1_until_everything_is_there(hitl: Call, named: FakeRegistry) -> None:
    status, said, _ = hitl("check", "--own-ids")
    assert status == 1 and "PredictionMade/v1" in said and "missing" in said and "hitl schemas load" in said
    assert hitl("load", "--own-ids")[0] == 0
    status, said, _ = hitl("check", "--own-ids")
    assert status == 0 and f"all {len(published())} schemas under ids of its own" in said
    status, said, _ = hitl("check")
    assert status == 1 and "other id" in said and "checked with --own-ids" in said
    status, said, _ = hitl("check", "--json")
    assert status == 1 and {each["state"] for each in json.loads(said)["schemas"]} == {"other id"}


def test_load_twice_has_nothing_to_do(hitl: Call, named: FakeRegistry) -> None:
    status, said, _ = hitl("load", "--own-ids", "--json")
    assert status == 0 and len(json.loads(said)["registered"]) == len(published())
    status, said, _ = hitl("load", "--own-ids")
    assert status == 0 and said.startswith("nothing to do")


@pytest.mark.parametrize("words", [("check",), ("load",), ("load", "--own-ids")])
def test_without_an_address_the_error_says_how_to_name_one(
    words: tuple[str, ...], hitl: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HITL_SCHEMA_REGISTRY_URL", raising=False)
    status, _, complaint = hitl(*words)
    assert status == 78 and "HITL_SCHEMA_REGISTRY_URL" in complaint


def test_no_password_is_ever_shown(hitl: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FakeRegistry(login=LOGIN)) as guarded:
        user, password = LOGIN
        monkeypatch.setenv("HITL_SCHEMA_REGISTRY_URL", guarded.url.replace("://", "://you:hunter2@"))
        told = [hitl("check")]
        monkeypatch.setenv("HITL_SCHEMA_REGISTRY_USER", user)
        monkeypatch.setenv("HITL_SCHEMA_REGISTRY_PASSWORD", password)
        told += [hitl("load", "--own-ids"), hitl("check", "--own-ids", "--json")]
    assert [status for status, _, _ in told] == [78, 0, 0]
    assert not any(secret in out + err for _, out, err in told for secret in ("hunter2", password))


def test_a_bad_address_is_refused_with_its_meaning_and_without_its_password(
    hitl: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HITL_SCHEMA_REGISTRY_URL", "ftp://me:hunter2@registry")
    status, _, complaint = hitl("check")
    assert status == 78 and "Confluent API" in complaint and "hunter2" not in complaint
