"""Which model scores a workflow right now: new ones are loaded beside the running one and take over when ready."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from consumers.inference.scoring import Scorer

logger = logging.getLogger(__name__)
RETRY_AFTER: Final = 30.0  # seconds before a model that could not be loaded is tried again


class ScorerStore(Protocol):
    """Where promoted models lie."""

    def load(self, uri: str, digest: str) -> Scorer:
        """The model, checked and ready to score; raises whatever says why it cannot be had."""
        ...


class WrongModel(Exception):
    """The store gave another model than the one that was promoted."""


class Wanted(NamedTuple):
    """A model that was promoted."""

    uri: str
    digest: str


class Models:
    """Loaded models by workflow, of which the promoted ones are named newest first: the newest that can be had decides.

    `background` loads in a thread, and the running model goes on deciding until the new one is ready. Without it a
    model is loaded where it is asked for, so that a simulated run is a function of its inputs.
    """

    def __init__(
        self, store: ScorerStore, *, background: bool = True, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._background, self._elapsed = store, background, elapsed
        self._running: dict[str, Scorer] = {}
        self._wanted: dict[str, tuple[Wanted, ...]] = {}
        self._failed: dict[Wanted, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def want(self, workflow: str, *wanted: Wanted) -> None:
        """Have the first of these decide as soon as it is loaded; one wanted before and not yet loaded is skipped."""
        with self._changed:
            self._wanted[workflow] = wanted
        if self._background:
            self._start()

    def scorer(self, workflow: str, *wanted: Wanted) -> Scorer | None:
        """The model that decides now: the first of these, else what ran before it; None when none can be had.

        Waits for the first model of a workflow: a slow start must not send everything to people.
        """
        running = self._running.get(workflow)
        if running is not None and running.digest == wanted[0].digest:
            return running
        if not self._background:
            self._wanted[workflow] = wanted
            self._load_due()
        elif self._wanted.get(workflow) != wanted or self._next(workflow):
            self.want(workflow, *wanted)
        if running is None:
            with self._changed:
                self._changed.wait_for(lambda: self._next(workflow) is None)
        return self._running.get(workflow)

    def digests(self) -> Mapping[str, str]:
        """What decides, by workflow."""
        running = dict(self._running)  # the loader may add to it meanwhile
        return {workflow: scorer.digest for workflow, scorer in running.items()}

    def settle(self) -> None:
        """Wait until nothing is left to load."""
        with self._changed:
            self._changed.wait_for(lambda: not self._due())

    # ---- loading ----

    def _start(self) -> None:
        with self._changed:
            if self._thread is None and self._due():
                self._thread = threading.Thread(target=self._work, name="model-loader", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        self._load_due()

    def _load_due(self) -> None:
        while True:
            with self._changed:
                due = self._due()
                if not due:
                    self._thread = None
                    self._changed.notify_all()
                    return
                workflow, wanted = due[0]
            self._load(workflow, wanted)

    def _load(self, workflow: str, wanted: Wanted) -> None:
        scorer: Scorer | None = None
        try:
            loaded = self._store.load(wanted.uri, wanted.digest)
            if loaded.digest != wanted.digest:
                raise WrongModel(f"the store gave {loaded.digest[:12]} for it")
            scorer = loaded
        except Exception as error:  # noqa: BLE001 - a damaged file must not stop what the running model can do
            kept = self._running.get(workflow)
            logger.error(
                "The model %s of %s cannot be loaded (%s); %s. It is tried again in %d s; check HITL_MODEL_STORE.",
                wanted.digest[:12], workflow, error,
                f"{kept.digest[:12]} goes on deciding" if kept else "the one before it, or people, decide until it can",
                RETRY_AFTER, extra={"action": "model_not_loaded"},
            )  # fmt: skip
        with self._changed:
            if scorer is None:
                self._failed[wanted] = self._elapsed()
            else:
                self._running[workflow] = scorer
                self._failed.pop(wanted, None)
                logger.info(
                    "%s is decided by model %s from here on.", workflow, wanted.digest[:12],
                    extra={"action": "model_swapped"},
                )  # fmt: skip
            self._changed.notify_all()

    def _due(self) -> list[tuple[str, Wanted]]:
        found = ((workflow, self._next(workflow)) for workflow in self._wanted)
        return [(workflow, wanted) for workflow, wanted in found if wanted is not None]

    def _next(self, workflow: str) -> Wanted | None:
        """What to load: the newest model that did not just fail, unless it is the one that runs."""
        running = self._running.get(workflow)
        for wanted in self._wanted.get(workflow, ()):
            if running is not None and running.digest == wanted.digest:
                return None
            failed = self._failed.get(wanted)
            if failed is None or self._elapsed() - failed >= RETRY_AFTER:
                return wanted
        return None
