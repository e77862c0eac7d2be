"""Blocking calls beside the event loop: so many at once, so many in line, and more are refused."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from infra.http.problems import Problem

T = TypeVar("T")
RETRY: Final = 2.0  # seconds


class Beside:
    """A few threads for one kind of work."""

    def __init__(self, name: str, *, threads: int, line: int, patience_seconds: float) -> None:
        self._name, self._most, self._patience = name, threads + line, patience_seconds
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._busy = 0

    async def call(self, function: Callable[[], T]) -> T:
        """What it returns. Raises what it raises, or a 503 `Problem` when all are busy or it takes too long.

        A call that takes too long keeps its thread until it returns; its result is dropped.
        """
        if self._busy >= self._most:
            raise Problem(503, f"Too many are {self._name} now; ask again a little later.", retry_seconds=RETRY)
        self._busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, function)
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._patience)
        except TimeoutError as error:
            detail = f"{self._name.capitalize()} took longer than {self._patience:g} s; ask again a little later."
            raise Problem(503, detail, retry_seconds=RETRY) from error

    def close(self) -> None:
        """Take no more; what runs is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: "asyncio.Future[T]") -> None:
        self._busy -= 1
        if not future.cancelled():
            future.exception()  # looked at, so that nobody is warned about a result that came too late
