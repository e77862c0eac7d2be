"""Processes named so that a pid that was given to someone else meanwhile is never signalled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec


class ProcessId(msgspec.Struct, frozen=True, kw_only=True):
    """A pid and when its process began, in the system's own words."""

    pid: int
    began: str


def identify(pid: int) -> ProcessId | None:
    """The process that has this pid now, or None when there is none or it is only waiting to be reaped."""
    began = _began_linux(pid) if sys.platform == "linux" else _began_ps(pid)
    return ProcessId(pid=pid, began=began) if began else None


def is_alive(process: ProcessId) -> bool:
    """Whether that very process still runs."""
    return identify(process.pid) == process


def send(process: ProcessId, number: int) -> bool:
    """Signal that very process; False when it is gone."""
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def end(processes: Sequence[ProcessId], *, timeout: float) -> None:
    """SIGTERM to all, SIGKILL to those that are still there after `timeout` seconds; returns when all are gone."""
    for process in processes:
        send(process, signal.SIGTERM)
        send(process, signal.SIGCONT)  # a stopped process would not see SIGTERM
    if not _gone(processes, timeout=timeout):
        for process in processes:
            send(process, signal.SIGKILL)
        _gone(processes, timeout=10.0)


def _gone(processes: Sequence[ProcessId], *, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while any(is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _began_linux(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else fields[19]  # proc(5): state is field 3, starttime field 22


def _began_ps(pid: int) -> str | None:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return None if not words or words[0].startswith("Z") else " ".join(words[1:])
