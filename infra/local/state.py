"""What the supervisor writes down about the stack, whole at every change, for whoever asks."""

import os
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from infra.local.processes import ProcessId


class Phase(StrEnum):
    """Where the stack is on its way up and down."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Condition(StrEnum):
    """How one of its processes is."""

    RUNNING = "running"
    WAITING = "waiting"  # ended; will be started again
    DOWN = "down"  # ended; starting again cannot help
    STOPPED = "stopped"


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack. `since` is in seconds since 1970."""

    name: str
    condition: Condition
    since: float
    process: ProcessId | None = None
    restarts: int = 0
    last_exit: str | None = None
    log: str = ""


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack; `detail` says in words what it is doing, or why it failed."""

    phase: Phase
    detail: str
    supervisor: ProcessId
    since: float
    bootstrap_servers: str = ""
    redis_address: str = ""  # without its password
    processes: tuple[ProcessState, ...] = ()

    def living(self) -> Iterator[ProcessId]:
        """Every process on record, services first, servers last; some may be gone."""
        for state in reversed(self.processes):
            if state.process:
                yield state.process


def write_state(path: Path, state: StackState) -> None:
    """Replace the file in one step, so that a reader sees the old state or the new one."""
    replace_file(path, msgspec.json.format(msgspec.json.encode(state)))


def read_state(path: Path) -> StackState | None:
    """The state on record, or None; a file that cannot be read counts as none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=StackState)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
