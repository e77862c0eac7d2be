"""What each process of the stack takes of this machine: memory, and processor time since it began."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

KIB = 1024
PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """Memory in MiB (shared pages counted in parts where the system tells) and processor time in seconds."""

    name: str
    pid: int
    memory_mib: float
    cpu_seconds: float


def uses(pids: Mapping[str, int]) -> list[ProcessUse]:
    """The use of each process that is still there."""
    measure = _linux if sys.platform == "linux" else _ps
    found = ((name, pid, measure(pid)) for name, pid in pids.items())
    return [
        ProcessUse(name=name, pid=pid, memory_mib=round(use[0], 1), cpu_seconds=round(use[1], 1))
        for name, pid, use in found
        if use is not None
    ]


def _linux(pid: int) -> tuple[float, float] | None:
    """Proportional set size of proc(5), and user and system time."""
    try:
        memory = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    if memory is None:
        return None
    ticks = int(fields[11]) + int(fields[12])  # utime and stime are the fields 14 and 15
    return int(memory[1]) / KIB, ticks / os.sysconf("SC_CLK_TCK")


def _ps(pid: int) -> tuple[float, float] | None:
    """Resident set size and time of ps(1)."""
    answer = subprocess.run(["ps", "-o", "rss=,time=", "-p", str(pid)], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    return (int(words[0]) / KIB, seconds(words[1])) if len(words) == 2 else None


def seconds(clock: str) -> float:
    """Seconds in a time of ps(1), as `[[days-]hours:]minutes:seconds`.

    >>> seconds("1:02.50"), seconds("1-00:00:01")
    (62.5, 86401.0)
    """
    days, _, rest = clock.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = total * 60 + float(part)
    return total + 86_400 * int(days or 0)
