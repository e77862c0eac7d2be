"""Where Node, its packages or Go are missing, tests skip and say so; where everything must be there, they fail."""

import shutil
from pathlib import Path

import pytest

import tests.support.foreign
from tests.support.browser import executable
from tests.support.foreign import client

MISSING = {"node": "Node is not on PATH", "go": "Go is not on PATH"}


@pytest.fixture
def nothing_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize("language", MISSING)
def test_a_missing_language_skips(
    language: str, nothing_on_path: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUIRE_FOREIGN", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"{MISSING[language]}.*setup.sh"):
        client(language, tmp_path)


@pytest.mark.parametrize("language", MISSING)
def test_a_missing_language_fails_where_it_is_required(
    language: str, nothing_on_path: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_FOREIGN", "1")
    with pytest.raises(pytest.fail.Exception, match=f"REQUIRE_FOREIGN=1, but {MISSING[language]}"):
        client(language, tmp_path)


def test_missing_npm_packages_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_FOREIGN", raising=False)
    monkeypatch.setattr(tests.support.foreign, "E2E", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(pytest.skip.Exception, match="npm packages of tests/e2e/node are not installed"):
        client("node", tmp_path)


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on PATH")
def test_missing_go_modules_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_FOREIGN", raising=False)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    with pytest.raises(pytest.skip.Exception, match="Go modules of tests/e2e/go are not in Go's cache"):
        client("go", tmp_path)


def test_the_npm_lockfile_names_no_host() -> None:
    assert "://" not in (tests.support.foreign.E2E / "node" / "package-lock.json").read_text()


def test_a_missing_browser_skips_and_fails_where_it_is_required(
    nothing_on_path: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium on PATH.*apt-get install chromium"):
        executable()
    monkeypatch.setenv("REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_BROWSER=1, but there is no Chromium"):
        executable()
