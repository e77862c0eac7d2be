"""A registry on this machine: what it needs, and what tests do where it cannot be had."""

from pathlib import Path

import pytest

from infra.local.apicurio import PIN, EmbeddedRegistry, ensure_apicurio
from infra.local.errors import FetchFailed, JavaMissing, RegistryFailed
from tests.support.registry import missing


def test_an_older_java_is_refused_with_the_version_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("HITL_JAVA", str(java))
    with pytest.raises(JavaMissing, match=r"is Java 17; Apicurio needs 21\+"):
        EmbeddedRegistry(tmp_path, tmp_path).start()


def test_a_server_that_ends_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITL_JAVA", raising=False)
    with pytest.raises(RegistryFailed, match=r"quarkus-run\.jar"):
        EmbeddedRegistry(tmp_path, tmp_path / "data").start()


def test_without_a_download_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_MAVEN_URL", "file:///nowhere")
    with pytest.raises(FetchFailed, match=PIN.name):
        ensure_apicurio(tmp_path)


def test_where_it_must_be_there_nothing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_REGISTRY", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Apicurio can be had"):
        missing(FetchFailed())
    monkeypatch.setenv("REQUIRE_REGISTRY", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_REGISTRY=1, but no Apicurio can be had"):
        missing(FetchFailed())
