"""How far the read model is behind the log, and whether Redis is there, as metrics."""

import time
from collections.abc import Callable
from typing import Final

from consumers.index.indexer import Indexer
from infra.kafka.log import TopicPartition
from infra.kafka.observing import Reach
from infra.observe import metrics as m
from infra.observe.lag import Lags
from infra.observe.serving import Watch

LOOK_EVERY: Final = 1.0  # seconds


class IndexWatch:
    """Told after every step of an indexer."""

    def __init__(self, watch: Watch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._show, self._vitals, self._clock = watch.instruments, watch.vitals, clock
        self._lags = Lags(watch.instruments, m.INDEX_LAG, m.INDEX_LAG_SECONDS)
        self._last: dict[TopicPartition, Reach] = {}
        self._next_look = float("-inf")
        self._rebuilds = 0
        self._show.add(m.REDIS_FAILURES, count=0)
        self._show.add(m.REBUILDS, count=0)

    def applied(self, records: int, indexer: Indexer) -> None:
        """So many records were applied; Redis was there."""
        self._vitals.beat()
        self._show.set(m.REDIS_AVAILABLE, value=1)
        self._show.add(m.APPLIED, count=records)
        if self._clock() >= self._next_look:
            caught_up = indexer.is_caught_up
            self._vitals.works(caught_up, "the read model is up to date" if caught_up else "it reads the log")
            self._look(indexer)

    def unavailable(self, indexer: Indexer) -> None:
        """Redis was not there; the lag goes on from what is known."""
        self._vitals.beat()
        self._vitals.works(False, "Redis is not available")
        self._show.set(m.REDIS_AVAILABLE, value=0)
        self._show.add(m.REDIS_FAILURES)
        self._look(indexer)

    def _look(self, indexer: Indexer) -> None:
        now = self._clock()
        self._next_look = now + LOOK_EVERY
        if (rebuilds := indexer.rebuilds) > self._rebuilds:
            self._show.add(m.REBUILDS, count=rebuilds - self._rebuilds)
            self._rebuilds = rebuilds
        self._last = indexer.reaches() or self._last
        self._lags.show(self._last, now=now)
