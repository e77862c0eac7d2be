"""How often a person may ask: an app that has gone wild must not take the desk from the others."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from infra.http.limits import Bucket, Rate
from infra.http.problems import Problem

RATE: Final = Rate(per_second=100, burst=200)  # of one person, who needs three calls a case
REMEMBERED: Final = 10_000  # people


class Pace:
    """Used on the event loop. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float], rate: Rate = RATE) -> None:
        self._clock, self._rate = clock, rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, reviewer_id: str) -> None:
        """Raises a 429 `Problem` when they ask too often."""
        now = self._clock()
        bucket = self._buckets.setdefault(reviewer_id, Bucket(self._rate, now))
        self._buckets.move_to_end(reviewer_id)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        seconds = bucket.take(1, now=now)
        if seconds is not None:
            detail = f"One person may ask {self._rate.per_second:g} times a second; wait as Retry-After says."
            raise Problem(429, detail, reason="rate", retry_seconds=seconds)
