"""What casework says to what people ask, from now on: who reads `assignments` tells it to everybody who waits."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TypeVar

from infra.errors import HitlError
from infra.kafka.log import Record
from infra.kafka.scan import Entry, decoded
from schemas.codec import Codec

T = TypeVar("T")


class RulingsUnread(HitlError):
    """What casework rules cannot be read any more; see whether the brokers serve (`hitl status`), then start again."""


class Awaited:
    """What is said about one request from now on."""

    def __init__(self) -> None:
        self._heard: SimpleQueue[Entry | None] = SimpleQueue()

    def hear(self, entry: Entry | None) -> None:
        """From any thread; None when nothing more will come."""
        self._heard.put(entry)

    def wait(self, judge: Callable[[Entry], T | None], *, seconds: float) -> T | None:
        """The first thing that `judge` makes of an entry; None when it comes too late. Raises `RulingsUnread`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                entry = self._heard.get(timeout=left)
            except Empty:
                return None
            if entry is None:
                raise RulingsUnread()
            if (found := judge(entry)) is not None:
                return found
        return None


class Rulings:
    """May be asked from many threads at once."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._waiting: dict[bytes, list[Awaited]] = {}
        self._lock = threading.Lock()
        self._ended = False

    @contextmanager
    def expect(self, request_id: str) -> Iterator[Awaited]:
        """Begin before you ask: the answer may be quicker than whoever waits for it. Raises `RulingsUnread`."""
        key, awaited = request_id.encode(), Awaited()
        with self._lock:
            self._waiting.setdefault(key, []).append(awaited)
            if self._ended:
                awaited.hear(None)
        try:
            yield awaited
        finally:
            with self._lock:
                self._waiting[key].remove(awaited)
                if not self._waiting[key]:
                    del self._waiting[key]

    def take(self, records: Sequence[Record]) -> None:
        """Tell those who wait what came."""
        for record in records:
            if record.key in self._waiting:
                entry = decoded(record, self._codec)
                with self._lock:
                    for awaited in self._waiting.get(record.key, ()):
                        awaited.hear(entry)

    def end(self) -> None:
        """Nothing more is read: whoever waits is told so, and whoever comes."""
        with self._lock:
            self._ended = True
            for awaited in (each for several in self._waiting.values() for each in several):
                awaited.hear(None)
