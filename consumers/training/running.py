"""Refits beside the loop: one thread, one refit at a time, each done once."""

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from consumers.training.refit import Refit, RefitJob

logger = logging.getLogger(__name__)
KEPT: Final = 8  # finished refits that are remembered, should their transaction be aborted


class JobRunner(Protocol):
    """Runs refits outside any transaction."""

    def started(self, job: RefitJob) -> bool:
        """Whether this refit runs or is done."""
        ...

    def result(self, job: RefitJob) -> Refit | None:
        """What the refit gave; None while it runs. Starts it unless it was started. Raises what it raised."""
        ...


class InPlace:
    """Refits while the caller waits: for commands, tests and simulated runs."""

    def __init__(self, work: Callable[[RefitJob], Refit]) -> None:
        self._work = work

    def started(self, _job: RefitJob) -> bool:
        return False

    def result(self, job: RefitJob) -> Refit | None:
        return self._work(job)


class InBackground:
    """Refits in a thread, so that the stage stays a member of its group."""

    def __init__(self, work: Callable[[RefitJob], Refit]) -> None:
        self._work = work
        self._running: tuple[RefitJob, threading.Thread] | None = None
        self._done: dict[RefitJob, Refit | Exception] = {}

    def started(self, job: RefitJob) -> bool:
        return job in self._done or (self._running is not None and self._running[0] == job)

    def result(self, job: RefitJob) -> Refit | None:
        found = self._done.get(job)
        if isinstance(found, Exception):
            raise found
        if found is None:
            self._start(job)
        return found

    def _start(self, job: RefitJob) -> None:
        if self._running is not None and self._running[1].is_alive():
            return  # one at a time: a refit takes all cores there are
        if job in self._done:
            return  # since it was looked for
        logger.info(
            "Fitting %s on the feedback before offset %d.", job.workflow_type.name, job.feedback_end_offset,
            extra={"action": "refit_started"},
        )  # fmt: skip
        thread = threading.Thread(target=self._run, args=(job,), name="refit", daemon=True)
        self._running = (job, thread)
        thread.start()

    def _run(self, job: RefitJob) -> None:
        try:
            self._done[job] = self._work(job)
        except Exception as error:  # noqa: BLE001 - raised again in the loop, which it ends
            self._done[job] = error
        for old in list(self._done)[:-KEPT]:
            del self._done[old]
