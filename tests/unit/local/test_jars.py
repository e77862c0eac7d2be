"""Only the pinned content ever gets a jar's name, whatever a server or a disk gives."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.errors import FetchFailed, JarRefused
from infra.local.jars import Jar, base_url, ensure_jars, pinned_jars

FILES = {f"org/a/{name}.jar": name.encode() * 1000 for name in ("one", "two", "three")}
PINS = [Jar(path, len(body), hashlib.sha256(body).hexdigest()) for path, body in FILES.items()]


class Repository(http.server.BaseHTTPRequestHandler):
    """A Maven repository over `files`; counts what it was asked for."""

    files: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.files.get(self.path.lstrip("/"))
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Repository]]:
    handler = type("Handler", (Repository,), {"files": dict(FILES), "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("HITL_MAVEN_URL", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_jars_are_fetched_once_with_progress(tmp_path: Path, repository: type[Repository]) -> None:
    steps: list[tuple[int, int]] = []
    jars = ensure_jars(tmp_path, pins=PINS, progress=lambda *step: steps.append(step))
    assert [jar.name for jar in jars] == ["one.jar", "three.jar", "two.jar"]
    assert (steps[0], steps[-1]) == ((0, 11_000), (11_000, 11_000))
    repository.asked.clear()
    assert ensure_jars(tmp_path, pins=PINS) == jars
    assert repository.asked == []


def test_tampered_jar_is_fetched_again(tmp_path: Path, repository: type[Repository]) -> None:
    jars = ensure_jars(tmp_path, pins=PINS)
    jars[0].write_bytes(b"two" * 1000)  # same size, other content
    repository.asked.clear()
    ensure_jars(tmp_path, pins=PINS)
    assert repository.asked == ["/org/a/one.jar"]
    assert jars[0].read_bytes() == b"one" * 1000


def test_wrong_download_is_refused_and_not_kept(tmp_path: Path, repository: type[Repository]) -> None:
    repository.files["org/a/two.jar"] = b"evil"
    with pytest.raises(JarRefused, match=r"two\.jar.*nothing was kept.*HITL_MAVEN_URL"):
        ensure_jars(tmp_path, pins=PINS)
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert "two.jar" not in names
    assert not any(name.startswith(".fetching") for name in names)


@pytest.mark.usefixtures("repository")
def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="404.*name a mirror"):
        ensure_jars(tmp_path, pins=[Jar("org/none.jar", 1, "0")])


def test_pin_list_is_a_whole_kafka() -> None:
    names = [jar.name for jar in pinned_jars()]
    assert len(set(names)) == 46
    assert any(name.startswith("kafka_2.13-4.3.1") for name in names)
    assert all(len(jar.sha256) == 64 and ".." not in jar.path for jar in pinned_jars())


def test_jars_come_from_maven_central_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITL_MAVEN_URL", raising=False)
    assert base_url().startswith("https://repo")
