"""The figures as the view of them has them, asked once for all who look. Blocks: asked beside the loop."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from streams.insights.answers import Answer

FRESH: Final = 5.0  # seconds for which an answer is shared
Question = dict[str, str | int]


class Answers(NamedTuple):
    """Of all time, and of each of the last hours."""

    whole: Answer
    hours: Answer


class FiguresAsked:
    """May be asked from many threads at once."""

    def __init__(self, ask: Callable[..., Answer], *, clock: Callable[[], float] = time.monotonic) -> None:
        """`ask` as `streams.insights.asking.asked` with the settings."""
        self._ask, self._clock, self._lock = ask, clock, threading.Lock()
        self._last: tuple[float, Answers] | None = None

    def now(self) -> Answers:
        """As of some seconds ago at most. Raises `InsightsAway`."""
        with self._lock:
            now = self._clock()
            if self._last is None or now - self._last[0] >= FRESH:
                self._last = (now, Answers(self._ask(), self._ask(window="hour")))
            return self._last[1]
