"""Programs in other languages, as the tests run them: what they need, starting them, talking to them in JSON lines."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from schemas.publishing import AVRO, EXAMPLES, HERE

PEOPLE: Final = "letters"  # a workflow without a model: people decide everything
E2E: Final = HERE.parent / "tests" / "e2e"
SOON: Final = 60.0  # seconds; a loaded machine starts a program in a few
Line = Mapping[str, Any]


def missing(what: str) -> None:
    """Skip for want of something, or fail where everything must be there (REQUIRE_FOREIGN=1)."""
    reason = f"{what}; `bash tests/e2e/setup.sh` installs what is missing"
    if os.environ.get("REQUIRE_FOREIGN") == "1":
        pytest.fail(f"REQUIRE_FOREIGN=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def node(script: str) -> Sequence[str]:
    """How to run a program of tests/e2e/node."""
    found = shutil.which("node")
    if found is None:
        missing("Node is not on PATH")
    if not (E2E / "node" / "node_modules" / "kafkajs").is_dir():
        missing("the npm packages of tests/e2e/node are not installed")
    return [str(found), str(E2E / "node" / script)]


def build_go(into: Path) -> Path:
    """The folder with the programs of tests/e2e/go; nothing is fetched, what was built before comes from Go's cache."""
    if shutil.which("go") is None:
        missing("Go is not on PATH")
    offline = {**os.environ, "GOPROXY": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        ["go", "build", "-o", f"{into}/", "./..."],
        cwd=E2E / "go", env=offline, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "GOPROXY=off" in done.stderr:
        missing("the Go modules of tests/e2e/go are not in Go's cache")
    assert done.returncode == 0, done.stderr
    return into


class Program:
    """A running program: `lines` is what it said, one JSON object a line."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.lines: list[Line] = []
        self.complaint = ""
        self._listeners = [threading.Thread(target=listen, daemon=True) for listen in (self._hear, self._overhear)]
        for listener in self._listeners:
            listener.start()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.complaint += line

    def tell(self, **line: Any) -> None:
        """One line on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def heard(self, **wanted: Any) -> Line:
        """The first line with these fields, once it comes. Raises AssertionError when the program ends without it."""

        def found() -> list[Line]:
            return [line for line in self.lines if wanted.items() <= line.items()]

        deadline = time.monotonic() + SOON
        while not found():
            if not self._runs() or time.monotonic() > deadline:
                ended = "goes on" if self._runs() else "ended"
                pytest.fail(f"the program {ended} without saying {wanted}: {self.lines} {self.complaint}")
            time.sleep(0.02)
        return found()[0]

    def said(self, key: str, of: str) -> Line:
        """The first line about a request under a key, such as `asked` or `published`."""
        return self.heard(**{key: of})

    def end(self) -> int:
        """Nothing more will be told; its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.ended()

    def ended(self) -> int:
        """Its exit status, once it has ended by itself and everything that it said was heard."""
        status = self._process.wait(SOON)
        for listener in self._listeners:
            listener.join(SOON)
        return status

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for listener in self._listeners:
            listener.join(SOON)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue  # it ended before it had read everything

    def _runs(self) -> bool:
        return any(listener.is_alive() for listener in self._listeners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The programs of one language."""

    language: str
    publisher: Sequence[str]
    reviewer: Sequence[str]
    examples: Sequence[str]

    def rewritten(self) -> list[Line]:
        """Every example, read and written again by the program."""
        with running([*self.examples, str(AVRO), str(EXAMPLES)]) as program:
            assert program.ended() == 0, program.complaint
        return program.lines

    @contextmanager
    def publishing(self, broker: str, prefix: str) -> Iterator[Program]:
        """The publisher, at a cluster."""
        with running([*self.publisher, broker, prefix, str(AVRO)]) as program:
            yield program

    @contextmanager
    def reviewing(self, broker: str, prefix: str) -> Iterator[Program]:
        """The reviewer app, at a cluster; the reviewer is named after the language."""
        with running([*self.reviewer, broker, prefix, str(AVRO), self.language]) as program:
            yield program


@contextmanager
def running(command: Sequence[str]) -> Iterator[Program]:
    """A program that is gone at the end."""
    program = Program(command)
    try:
        yield program
    finally:
        program.kill()


def client(language: str, folder: Path) -> Client:
    """The programs of a language, or a skip that says what is missing."""
    if language == "node":
        return Client(
            language=language, publisher=node("publisher.mjs"), reviewer=node("reviewer.mjs"),
            examples=node("examples.mjs"),
        )  # fmt: skip
    built = build_go(folder)
    return Client(
        language=language, publisher=[str(built / "publisher")], reviewer=[str(built / "reviewer")],
        examples=[str(built / "examples")],
    )  # fmt: skip
