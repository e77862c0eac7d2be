"""`hitl` commands as the demo's hands: each a process of its own, as a user would type it; what it says is kept."""

import shlex
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from infra.errors import HitlError
from infra.local import processes
from infra.local.processes import ProcessId, identify
from infra.local.services import environment
from infra.local.state import replace_file
from infra.settings import Settings

END_TIMEOUT = 10.0  # seconds a command has to end after SIGTERM


class StepFailed(HitlError):
    """A step of the demo failed; see the log that is named."""


class Done(NamedTuple):
    """How a command ended, and its standard output."""

    status: int
    said: str


class Commands:
    """Runs commands with exactly these settings, their tables `columns` wide; what they complain of goes to one log."""

    def __init__(self, settings: Settings, log_file: Path, *, columns: int) -> None:
        self._environment = environment(settings) | {"COLUMNS": str(columns)}
        self._folder = settings.data_dir  # where no hitl.toml of the user's lies
        self.log_file = log_file
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str, accept: Collection[int] = (0,)) -> Done:
        """A command that ended with a status that is accepted. Raises `StepFailed` with what it said."""
        with self._log() as log:
            done = subprocess.run(
                _command(arguments), env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, check=False,
            )  # fmt: skip
        if done.returncode not in accept:
            raise self.failure(arguments, done.returncode)
        return Done(done.returncode, done.stdout.decode())

    def run_together(self, *commands: tuple[str, ...]) -> None:
        """Commands that need nothing of each other, side by side. Raises `StepFailed` for the first that fails."""
        started = [(command, self.start(*command)) for command in commands]
        for command, process in started:
            process.communicate()
            if process.returncode:
                raise self.failure(command, process.returncode)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that runs beside; its standard output is a pipe."""
        with self._log() as log:
            started = subprocess.Popen(
                _command(arguments), env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._running.append(started)
        self._remember()
        return started

    def failure(self, arguments: tuple[str, ...], status: int) -> StepFailed:
        """The error for a command that ended with this status, with its own words."""
        said = _last_error(self.log_file)
        return StepFailed(f"`{_typed(arguments)}` failed with exit status {status}: {said} (log: {self.log_file})")

    def end(self) -> None:
        """End what still runs."""
        for started in self._running:
            if started.poll() is None:
                started.terminate()
        for started in self._running:
            try:
                started.wait(END_TIMEOUT)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
            if started.stdout:
                started.stdout.close()
        self._running.clear()

    def _remember(self) -> None:
        """So that the next demo can end what this one leaves when it is killed."""
        found = [identify(started.pid) for started in self._running]
        replace_file(remembered(self._folder), msgspec.json.encode([each for each in found if each is not None]))

    def _log(self) -> BinaryIO:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        return self.log_file.open("ab")


def end_remembered(folder: Path) -> None:
    """End the commands that a killed demo over this folder has left."""
    try:
        left = msgspec.json.decode(remembered(folder).read_bytes(), type=list[ProcessId])
    except (FileNotFoundError, msgspec.DecodeError):
        return
    processes.end(left, timeout=END_TIMEOUT)


def remembered(folder: Path) -> Path:
    """Where the commands that run beside the demo are written down."""
    return folder / "run" / "commands.json"


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-P", "-m", "infra.cli.main", *arguments]


def _typed(arguments: tuple[str, ...]) -> str:
    return shlex.join(("hitl", *arguments))


def _last_error(log_file: Path) -> str:
    """The last error in the log, else its last line: commands side by side write to it in turn."""
    lines = [line for line in log_file.read_bytes().decode("utf-8", "replace").splitlines() if line.strip()]
    errors = (error for line in reversed(lines) if (error := _error_in(line)) is not None)
    return next(errors, lines[-1] if lines else "it said nothing")


def _error_in(line: str) -> str | None:
    if line.startswith("error: "):
        return line.removeprefix("error: ")
    try:
        return str(msgspec.json.decode(line)["error"])
    except (msgspec.DecodeError, TypeError, KeyError):
        return None
