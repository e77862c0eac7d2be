"""A thread that reads chosen partitions for everybody in the process, committed records only."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from infra.kafka.log import Log, Reader, Record, TopicPartition

READ: Final = 0.2  # seconds a read may wait; records come at once
MOST: Final = 1_000  # records a read


class Listening:
    """`take` gets what was read and the reader, in that thread, also when it was nothing."""

    def __init__(
        self, log: Log, name: str, *, take: Callable[[Sequence[Record], Reader], None], failed: Callable[[], None]
    ) -> None:
        """`failed` hears, in that thread, that it cannot go on; `failure` is why."""
        self._log, self._take, self._failed = log, take, failed
        self.failure: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=name, daemon=True)

    def start(self, starts: Mapping[TopicPartition, int]) -> None:
        """Begin at these offsets. Raises `LogUnavailable`, `TopicMissing`."""
        self._reader = self._log.reader(starts)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _listen(self) -> None:
        try:
            while not self._ending.is_set():
                self._take(self._reader.read(MOST, READ), self._reader)
            self._reader.close()
        except Exception as error:  # noqa: BLE001 - raised again where the process ends
            self.failure = error
            self._failed()
