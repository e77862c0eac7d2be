"""The same thing said again under the same id: whoever repeats it gets the same answer, also while it is under way."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from infra.http.problems import Problem
from producers.desk.asking import NotJudged

T = TypeVar("T")
KEPT: Final = 10_000  # of what was answered lately
Key = tuple[str, ...]


class Repeats(Generic[T]):
    """Used on the event loop. What failed is forgotten: a repeat tries it anew."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._said: OrderedDict[Key, tuple[object, asyncio.Future[T]]] = OrderedDict()

    async def answer(
        self, key: Key, said: object, ask: Callable[[], Awaitable[T]], *, patience_seconds: float
    ) -> T:
        """What `ask` gives, asked once for each key.

        Raises what it raises, `NotJudged` when it takes too long and goes on, and a 409 `Problem` when something else
        was said under this key.
        """
        known = self._said.get(key)
        if known is None:
            known = (said, asyncio.ensure_future(ask()))
            self._said[key] = known
            known[1].add_done_callback(lambda made: self._done(key, made))
        elif known[0] != said:
            detail = "Something else was said under this id; say this under a new one."
            raise Problem(409, detail, reason="id_conflict")
        done, _ = await asyncio.wait({known[1]}, timeout=patience_seconds)
        if not done:
            raise NotJudged()
        return known[1].result()

    def knows(self, key: Key) -> bool:
        """Whether something was said under this key, lately."""
        return key in self._said

    def forget(self, key: Key) -> None:
        """What was said under this key may be said anew."""
        self._said.pop(key, None)

    def _done(self, key: Key, made: "asyncio.Future[T]") -> None:
        if made.cancelled() or made.exception() is not None:
            self.forget(key)
        while len(self._said) > self._kept and next(iter(self._said.values()))[1].done():
            self._said.popitem(last=False)
