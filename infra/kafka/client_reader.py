"""A committed-only reader of chosen partitions, on confluent_kafka."""

import time
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer

from infra.kafka.client_records import Names, last_end, unpack
from infra.kafka.log import Record, TopicPartition

EAGER_WAIT_MS = 10  # while catching up: how late the end of a partition is noticed
PATIENT_WAIT_MS = 500  # while following: records still come at once, and an idle reader costs next to nothing
EAGER_SECONDS = 2.0


class KafkaReader:
    """Implements `infra.kafka.log.Reader`. All calls from one thread."""

    def __init__(self, opening: Callable[[int], Consumer], names: Names, start: Mapping[TopicPartition, int]) -> None:
        """`opening(wait_ms)` makes a consumer that notices the end of a partition `wait_ms` late."""
        self._opening, self._names = opening, names
        self._passed = dict(start)
        self._consumer = self._assigned(EAGER_WAIT_MS)
        self._busy_at: float | None = time.monotonic()  # None once patient

    def read(self, max_records: int, timeout_seconds: float) -> list[Record]:
        """Up to `max_records`, at once when there are any; also returns early when an end was reached.

        Raises `RecordsLost`, `TopicMissing`, `AccessDenied`.
        """
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            self._settle()
            return []
        rest = self._consumer.consume(max_records - 1, 0) if max_records > 1 else []
        if self._busy_at is not None:
            self._busy_at = time.monotonic()
        return unpack([first, *rest], self._names.short, self._passed)

    def position(self, partition: TopicPartition) -> int:
        """The offset before which everything committed was read; passes aborted records and markers."""
        return self._passed[partition]

    def last_end(self, partition: TopicPartition) -> int | None:
        """Where the partition ends, as the last fetch told: nothing is asked. None before the first."""
        return last_end(self._consumer, self._names.theirs(partition))

    def close(self) -> None:
        self._consumer.close()

    def _settle(self) -> None:
        """An eager reader costs the broker up to a hundred requests a second: be patient once there is nothing new."""
        if self._busy_at is not None and time.monotonic() - self._busy_at > EAGER_SECONDS:
            self._consumer.close()
            self._consumer = self._assigned(PATIENT_WAIT_MS)
            self._busy_at = None

    def _assigned(self, wait_ms: int) -> Consumer:
        consumer = self._opening(wait_ms)
        consumer.assign(self._names.with_offsets(self._passed))
        return consumer
