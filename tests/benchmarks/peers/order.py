"""What a measured process is told, and how it tells when it was warm and when it was done."""

import sys
import time
from typing import Final

import msgspec

WARM_UP: Final = 0.2  # share of the measured records that are decided before the clock starts


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one framework: a fresh consumer group reads `source` from its beginning and decides `records`."""

    bootstrap_servers: str
    run: str  # names the group
    job: str
    source: str  # full topic names
    targets: tuple[str, ...]
    records: int
    exactly_once: bool
    variant: str = ""
    commit_interval: int = 100  # milliseconds

    @classmethod
    def of_command_line(cls) -> "Order":
        return msgspec.json.decode(sys.argv[1], type=cls)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of a run: how many records were decided, in all and by what time (seconds)."""

    name: str
    decided: int
    at: float
    processor: float


def say(name: str, decided: int) -> None:
    """Tell the benchmark, which looks at the broker's clock in the same moment."""
    mark = Mark(name=name, decided=decided, at=time.monotonic(), processor=time.process_time())
    sys.__stdout__.write(msgspec.json.encode(mark).decode() + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


class Meter:
    """Counts decided records; says `begin` after the warm-up and `end` after `records` more."""

    def __init__(self, records: int) -> None:
        self.decided, self._records = 0, records
        self._next = round(records * WARM_UP)
        self._begun = False

    def add(self, count: int = 1) -> bool:
        """True when everything asked for was decided."""
        self.decided += count
        return self.decided >= self._next and self._reached()

    def _reached(self) -> bool:
        if self._begun:
            return True
        self._begun = True
        self._next = self.decided + self._records
        say("begin", self.decided)
        return False
