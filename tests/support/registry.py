"""Schema registries for the tests: a small fake with the API that Confluent made, and a real Apicurio."""

import atexit
import base64
import json
import os
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.errors import HitlError
from infra.local.apicurio import EmbeddedRegistry, ensure_apicurio
from infra.local.errors import FetchFailed, JavaMissing
from infra.registry.client import FULL_TRANSITIVE, NONE, Registry
from infra.registry.http import Http
from infra.settings import Settings
from schemas.avsc import parse_avsc
from schemas.compatibility import full_transitive

LOGIN = ("me", "sec:ret")


class FakeRegistry:
    """What a registry holds; ids count from `next_id`, one for each text. It checks FULL_TRANSITIVE, nothing else."""

    def __init__(self, *, next_id: int = 1, login: tuple[str, str] | None = None) -> None:
        self.next_id, self.login = next_id, login
        self.ids: dict[str, int] = {}  # by text
        self.subjects: dict[str, dict[int, str]] = {}  # texts by version
        self.levels: dict[str, str] = {}
        self.asked: list[str] = []
        self.broken: tuple[int, bytes] | None = None  # answered to everything instead
        self.url = ""

    @property
    def client(self) -> Registry:
        user, password = self.login or ("", "")
        return Registry(Http(self.url, user=user, password=password))

    def register(self, subject: str, text: str) -> tuple[int, Any]:
        versions = self.subjects.get(subject, {})
        if self.levels.get(subject) == FULL_TRANSITIVE and text not in versions.values():
            declared = [parse_avsc(each) for each in (*versions.values(), text)]
            if problems := full_transitive(declared):
                return 409, {"error_code": 409, "message": f"incompatible: {problems[0][2].path}"}
        if text not in self.ids:
            self.ids[text] = self.next_id
            self.next_id += 1
        if text not in versions.values():
            self.subjects[subject] = {**versions, max(versions, default=0) + 1: text}
        return 200, {"id": self.ids[text]}

    def answer(self, method: str, path: list[str], body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        match method, path:
            case "GET", ["subjects", subject, "versions"]:
                known = self.subjects.get(subject)
                return (200, list(known)) if known else _unknown(40401)
            case "GET", ["subjects", subject, "versions", number]:
                text = self.subjects.get(subject, {}).get(int(number))
                if text is None:
                    return _unknown(40402)
                return 200, {"subject": subject, "version": int(number), "id": self.ids[text], "schema": text}
            case "POST", ["subjects", subject, "versions"]:
                return self.register(subject, body["schema"])
            case "GET", ["schemas", "ids", number]:
                texts = [text for text, known in self.ids.items() if known == int(number)]
                return (200, {"schema": texts[0]}) if texts else _unknown(40403)
            case "GET", ["config", subject]:
                return 200, {"compatibilityLevel": self.levels.get(subject, NONE)}
            case "PUT", ["config", subject]:
                self.levels[subject] = body["compatibility"]
                return 200, body
            case _:
                return _unknown(404)

    def lets_in(self, header: str | None) -> bool:
        return self.login is None or header == f"Basic {base64.b64encode(':'.join(self.login).encode()).decode()}"


def _unknown(code: int) -> tuple[int, Any]:
    return 404, {"error_code": code, "message": "not found"}


class _Handler(BaseHTTPRequestHandler):
    held: FakeRegistry

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = [urllib.parse.unquote(part) for part in self.path.partition("?")[0].strip("/").split("/")]
        self.held.asked.append(f"{self.command} {'/'.join(path)}")
        if self.held.broken is not None:
            self._send(*self.held.broken)
        elif not self.held.lets_in(self.headers.get("Authorization")):
            self._send(401, b"who are you?")
        else:
            status, value = self.held.answer(self.command, path, json.loads(body) if body else None)
            self._send(status, json.dumps(value).encode())

    do_GET = do_POST = do_PUT = _serve

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # with the default of 5, connections made at once wait for a second or more


@contextmanager
def serving(fake: FakeRegistry) -> Iterator[FakeRegistry]:
    """The fake on 127.0.0.1, with its `url`; the same port as before if it had one."""
    port = urllib.parse.urlsplit(fake.url).port or 0
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"held": fake}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def fake_registry() -> Iterator[FakeRegistry]:
    """An empty fake that serves."""
    with serving(FakeRegistry()) as running:
        yield running


def missing(why: HitlError) -> None:
    """Skip for want of Apicurio, or fail where it must be there (REQUIRE_REGISTRY=1)."""
    reason = f"no Apicurio can be had: {why}"
    if os.environ.get("REQUIRE_REGISTRY") == "1":
        pytest.fail(f"REQUIRE_REGISTRY=1, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def apicurio_app() -> Path:
    """The unpacked program, from the user's cache; fetched if it is not there."""
    try:
        return ensure_apicurio(Settings().cache_dir)
    except FetchFailed as error:
        missing(error)
        raise


@contextmanager
def apicurio(app: Path, folder: Path) -> Iterator[EmbeddedRegistry]:
    """A real registry with nothing in it, gone at the end."""
    running = EmbeddedRegistry(app, folder)
    atexit.register(running.kill)  # also when the session ends before its fixtures do
    try:
        try:
            running.start()
        except JavaMissing as error:
            missing(error)
        yield running
    finally:
        running.kill()
        atexit.unregister(running.kill)
