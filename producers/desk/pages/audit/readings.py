"""Readings of the log for requests that the read model does not know: beside everything else, a few at once.

A page asks how far one is, and goes on asking. A reading that nobody asks about any more is given up.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final, NamedTuple

from infra.errors import HitlError
from infra.http.problems import Problem
from infra.kafka.log import Log
from infra.kafka.scan import Entry, about
from infra.redis.places import PLACED
from schemas.codec import Codec

AT_ONCE: Final = 2
MOST_WAITING: Final = 8
GIVEN_UP_AFTER: Final = 60.0  # seconds in which nobody asked
KEPT_FOR: Final = 300.0  # seconds after the end
RETRY: Final = 10.0  # seconds


class State(StrEnum):
    READING = "reading"
    DONE = "done"
    FAILED = "failed"


class Period(NamedTuple):
    """Milliseconds since the epoch; None for the beginning of the log, and for now."""

    since: int | None
    until: int | None


class HowFar(NamedTuple):
    """How far a reading is; `done` and `total` count records, 0 of 0 until it begins."""

    state: State
    done: int
    total: int
    entries: Sequence[Entry]
    why: str


class _Reading:
    def __init__(self, now: float) -> None:
        self.state, self.done, self.total = State.READING, 0, 0
        self.entries: Sequence[Entry] = ()
        self.why = ""
        self.asked_at, self.ended_at = now, float("inf")
        self.given_up = False


class _GivenUp(Exception):
    """Nobody waits for it."""


class Readings:
    """May be asked from many threads. `log`: a connection that gives up after a few seconds."""

    def __init__(self, log: Log, codec: Codec, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._codec, self._clock = log, codec, clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, Period], _Reading] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reading the log")

    def look(self, request_id: str, period: Period) -> HowFar:
        """How far the reading of a period is; whoever asks first begins it. Raises a 503 `Problem` when too many do."""
        name, now = (request_id, period), self._clock()
        with self._lock:
            self._forget(now)
            reading = self._known.get(name)
            if reading is None:
                if sum(each.state is State.READING for each in self._known.values()) >= AT_ONCE + MOST_WAITING:
                    detail = "Too many read the log now; ask again in a minute."
                    raise Problem(503, detail, reason="busy", retry_seconds=RETRY)
                reading = self._known[name] = _Reading(now)
                self._threads.submit(self._read, reading, request_id, period)
            reading.asked_at = now
            return HowFar(reading.state, reading.done, reading.total, reading.entries, reading.why)

    def close(self) -> None:
        """Give up what is being read."""
        with self._lock:
            for reading in self._known.values():
                reading.given_up = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, reading: _Reading, request_id: str, period: Period) -> None:
        def progress(done: int, total: int) -> None:
            if reading.given_up or self._clock() - reading.asked_at > GIVEN_UP_AFTER:
                raise _GivenUp
            reading.done, reading.total = done, total

        try:
            found = about(
                self._log, self._codec, request_id, PLACED, since=period.since, until=period.until, progress=progress
            )
        except (HitlError, _GivenUp) as error:
            self._end(reading, State.FAILED, (), str(error))
        else:
            self._end(reading, State.DONE, found, "")

    def _end(self, reading: _Reading, state: State, entries: Sequence[Entry], why: str) -> None:
        with self._lock:
            reading.entries, reading.why, reading.ended_at = entries, why, self._clock()
            reading.state = state

    def _forget(self, now: float) -> None:
        """What ended long ago, and what failed: it may be tried again."""
        for name, reading in list(self._known.items()):
            waited = now - max(reading.asked_at, reading.ended_at) if reading.state is not State.READING else 0
            if waited > KEPT_FOR or (reading.state is State.FAILED and waited > RETRY):
                del self._known[name]
