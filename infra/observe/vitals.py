"""Whether a service lives and does its work, as `/health` and `/ready` tell it."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

HUNG_AFTER: Final = 120.0  # seconds without a turn: the longest wait for the brokers is 60, then the process ends
LATE_AFTER: Final = 30.0  # seconds without a turn after which it does not do its work


class Verdict(NamedTuple):
    """Whether it is so, and a sentence that says why."""

    good: bool
    said: str


class Vitals:
    """Written by the service's own loop, read from any thread; times in seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat = clock()
        self._work = Verdict(False, "it starts")

    def beat(self) -> None:
        """The loop goes round, or something long within it makes progress."""
        self._beat = self._clock()

    def works(self, good: bool, said: str) -> None:
        """Whether everything is there that it needs for its work."""
        self._work = Verdict(good, said)

    @property
    def since_turn(self) -> float:
        """Seconds since the loop went round."""
        return self._clock() - self._beat

    def healthy(self) -> Verdict:
        """False when its loop hangs: only a restart helps."""
        passed = self.since_turn
        if passed > HUNG_AFTER:
            return Verdict(False, f"its loop has not turned for {passed:.0f} s: it hangs; restart it")
        return Verdict(True, f"its loop turned {passed:.1f} s ago")

    def ready(self) -> Verdict:
        """True while it does its work."""
        passed = self.since_turn
        if passed > LATE_AFTER:
            return Verdict(False, f"its loop has not turned for {passed:.0f} s")
        return self._work
