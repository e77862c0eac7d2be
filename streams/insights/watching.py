"""How far the view of the figures is behind the log, as metrics and as readiness."""

import time
from collections.abc import Callable
from typing import Final

from infra.observe import metrics as m
from infra.observe.serving import Watch
from streams.insights.following import Following

STALE: Final = 60.0  # seconds behind the log after which the view is not ready


class ViewWatch:
    """Told after every turn of whoever keeps the view."""

    def __init__(self, watch: Watch, following: Following, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch, as the view's own `complete_at` does."""
        self._show, self._vitals, self._clock = watch.instruments, watch.vitals, clock
        self._following, self._applied, self._began = following, 0, clock()
        self._show.add(m.FIGURES_APPLIED, count=0)
        self._show.show(m.FIGURES_AGE, self.age)

    def age(self) -> float:
        """Seconds since the view was level with the log; before it ever was, since the start."""
        return max(0.0, self._clock() - (self._following.complete_at or self._began))

    def turned(self) -> None:
        """Another turn is over, whether it found something or not."""
        self._vitals.beat()
        applied = self._following.applied
        if applied > self._applied:
            self._show.add(m.FIGURES_APPLIED, count=applied - self._applied)
            self._applied = applied
        if not self._following.is_ready:
            self._vitals.works(False, "it reads the log")
        elif (age := self.age()) > STALE:
            self._vitals.works(False, f"the view is {age:.0f} s behind the log")
        else:
            self._vitals.works(True, "the view is level with the log")
