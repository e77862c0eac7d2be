"""The small topics that say how the system was governed: models, policies, triggers; read once, then only further."""

import threading
from collections.abc import Sequence
from typing import Final

from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import Entry, scan
from schemas.codec import Codec
from schemas.topics import MODELS, POLICIES, RETRAINING

READ: Final = (MODELS.name, POLICIES.name, RETRAINING.name)  # each of one partition


class Archive:
    """May be asked from many threads. `log`: a connection that gives up after a few seconds."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._log, self._codec = log, codec
        self._lock = threading.Lock()
        self._entries: dict[str, list[Entry]] = {name: [] for name in READ}
        self._next: dict[str, int] = {}

    def entries(self, *topics: str) -> Sequence[Entry]:
        """Everything of these topics as of now, each in its order. Raises as the log does."""
        with self._lock:
            for name in topics:
                self._read_on(name)
            return [entry for name in topics for entry in self._entries[name]]

    def _read_on(self, name: str) -> None:
        place = TopicPartition(name, 0)
        end = self._log.watermark(place)
        start = self._next.get(name)
        if start is None:
            start = self._log.beginning(place)
        self._entries[name] += scan(self._log, self._codec, (), starts={place: start}, ends={place: end})
        self._next[name] = max(start, end)
