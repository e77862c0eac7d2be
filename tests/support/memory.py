"""How the memory of processes changes over time: straight lines through what was seen after a warm-up."""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

MIB = 1 << 20
TEN_MINUTES = 600.0  # seconds


class Seen(NamedTuple):
    """Resident bytes of each process, after so many seconds and cases."""

    seconds: float
    cases: int
    resident: Mapping[str, int]


def resident_bytes(pid: int) -> int:
    """Resident memory of a process of this machine, which must be Linux."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Memory:
    """Looks at these processes when it is told to."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids, self._began, self._seen = dict(pids), time.monotonic(), list[Seen]()

    def look(self, cases: int) -> None:
        """`cases`: decided so far."""
        resident = {name: resident_bytes(pid) for name, pid in self.pids.items()}
        self._seen.append(Seen(time.monotonic() - self._began, cases, resident))

    def highest(self, name: str) -> float:
        """Mebibytes at most."""
        return max(each.resident[name] for each in self._seen) / MIB

    def growth(self, name: str, warm_up: float) -> float:
        """Mebibytes in ten minutes, by least squares, without this share of the time at the beginning."""
        seen = self._after(warm_up)
        return _slope([each.seconds for each in seen], [each.resident[name] for each in seen]) * TEN_MINUTES / MIB

    def of_a_case(self, name: str, warm_up: float) -> float:
        """Kibibytes for each case decided."""
        seen = self._after(warm_up)
        return _slope([float(each.cases) for each in seen], [each.resident[name] for each in seen]) / 1024

    def told(self, warm_up: float) -> str:
        """In words."""
        last = self._seen[-1].resident
        shown = (
            f"{name} {last[name] / MIB:.0f} MiB ({self.growth(name, warm_up):+.1f} in ten minutes, "
            f"{self.of_a_case(name, warm_up):+.2f} KiB a case)"
            for name in self.pids
        )
        return ", ".join(shown)

    def _after(self, warm_up: float) -> list[Seen]:
        return [each for each in self._seen if each.seconds >= warm_up * self._seen[-1].seconds]


def _slope(xs: list[float], ys: list[int]) -> float:
    return statistics.linear_regression(xs, ys).slope
