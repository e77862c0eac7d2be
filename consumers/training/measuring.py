"""How long fits take. One that ends in an error ends its service, so that restarts tell of it."""

import time
from collections.abc import Callable

from consumers.training.refit import Refit, RefitJob
from infra.observe import metrics as m
from infra.observe.instruments import Instruments


def measured(
    work: Callable[[RefitJob], Refit], show: Instruments, *, clock: Callable[[], float] = time.monotonic
) -> Callable[[RefitJob], Refit]:
    """The same work, one fit at a time, each of which is shown while it runs and when it ends."""
    began: float | None = None

    def running() -> float:
        since = began
        return 0.0 if since is None else clock() - since

    def run(job: RefitJob) -> Refit:
        nonlocal began
        began = clock()
        try:
            return work(job)
        finally:
            show.observe(m.REFIT, value=running())
            began = None

    show.show(m.REFIT_RUNNING, running)
    return run
