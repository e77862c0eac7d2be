"""The read model as the gateway asks it: left alone for a while when it cannot be used, so that nobody waits for it."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from infra.redis.errors import RedisRefused, RedisUnavailable
from infra.redis.reading import Kept, ReadModel
from infra.redis.records import RequestRecord
from producers.gateway.standing import QueueFacts

T = TypeVar("T")
LEFT_ALONE: Final = 5.0  # seconds after a failure in which Redis is not asked


class NotKnowing(Exception):
    """The read model cannot tell now; the text says why."""


class Lookup:
    """Answers from the read model, or `NotKnowing`."""

    def __init__(self, model: ReadModel, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._model, self._clock = model, clock
        self._away_until = float("-inf")
        self._why = ""

    def record(self, request_id: str) -> RequestRecord | None:
        """Where a request stands; None when it is unknown here. Raises `NotKnowing`."""
        return self._asked(lambda: self._model.status(request_id))

    def known(self, request_id: str) -> RequestRecord | None:
        """The facts that are there, in half the time: while the model is rebuilt some may be missing, none is wrong."""
        return self._asked(lambda: self._model.status(request_id), whole=False)

    def kept(self, request_id: str) -> Kept:
        """What there is of a request, were it only where its events lie. Raises `NotKnowing`."""
        return self._asked(lambda: self._model.kept(request_id), whole=False)

    def queue(self, request_id: str, *, now: int) -> QueueFacts | None:
        """Its place among the open cases; None when it is not open. Raises `NotKnowing`."""
        return self._asked(lambda: self._queue(request_id, now))

    def close(self) -> None:
        self._model.close()

    def _queue(self, request_id: str, now: int) -> QueueFacts | None:
        place = self._model.queue_position(request_id)
        if place is None:
            return None
        wait = self._model.estimated_wait(request_id, now=now)
        return QueueFacts(position=place.position, ahead=place.ahead, estimated_review_ms=wait)

    def _asked(self, question: Callable[[], T], *, whole: bool = True) -> T:
        if self._clock() < self._away_until:
            raise NotKnowing(self._why)
        try:
            if whole and self._model.is_rebuilding():
                raise NotKnowing("the read model is being rebuilt from the log")
            return question()
        except (RedisUnavailable, RedisRefused) as error:
            self._why = f"the read model cannot be used: {error}"
            self._away_until = self._clock() + LEFT_ALONE
            raise NotKnowing(self._why) from error
