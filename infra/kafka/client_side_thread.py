"""Calls that may never return, made beside the loop so that they can be given up."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue


class SideThread:
    """Makes one call at a time in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._ends: SimpleQueue[Exception | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, function: Callable[[], object], seconds: float) -> None:
        """Wait until it is done. Raises what it raised; `TimeoutError` after `seconds`: then make no further call."""
        self._calls.put(function)
        try:
            raised = self._ends.get(timeout=seconds)
        except Empty:
            raise TimeoutError(f"no answer within {seconds:g} s") from None
        if raised is not None:
            raise raised

    def end(self) -> None:
        """Let the thread go, once its call returns if it ever does."""
        self._calls.put(None)

    def _work(self) -> None:
        while (function := self._calls.get()) is not None:
            try:
                function()
            except Exception as error:  # noqa: BLE001 - raised again where the call was asked for
                self._ends.put(error)
            else:
                self._ends.put(None)
