"""Single records of a cluster by their coordinates, on confluent_kafka: one connection that is kept, few fetches."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import confluent_kafka as ck
from confluent_kafka import Consumer, KafkaError, KafkaException

from infra.kafka.client_errors import LogUnavailable, consumer_failure, kafka_error, unavailable
from infra.kafka.client_records import Names, unpack
from infra.kafka.errors import RecordsLost
from infra.kafka.log import Record, TopicPartition

WAIT_MS: Final = 5  # how late the end of a partition is noticed, behind which nothing that is wanted can lie
PART_BYTES: Final = 16 * 1024  # of a partition in one answer; a larger batch comes whole nevertheless
QUICK: Final[Mapping[str, object]] = {
    # What was fetched of one partition counts for all of them: with a low number they wait for each other.
    "queued.min.messages": 100_000,
    "queued.max.messages.kbytes": 8 * 1024,
    "fetch.queue.backoff.ms": 1,
}
NEAR: Final = 64  # offsets: what lies so close is in the same answer as a rule, and dearer to ask for than to pass over
SETTLE_SECONDS: Final = 0.25  # by default: an end may stand before what another reader has seen already
GONE: Final = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)


class KafkaFetcher:
    """Implements `infra.kafka.log.Fetcher`. All calls from one thread at a time."""

    def __init__(self, opening: Callable[[], Consumer], names: Names, servers: str) -> None:
        self._opening, self._names, self._servers = opening, names, servers
        self._consumer: Consumer | None = None

    def fetch(
        self,
        wanted: Mapping[TopicPartition, Sequence[int]],
        timeout_seconds: float,
        *,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> list[Record]:
        """The committed records at these offsets that the log still has, in no order that means anything.

        For what lies behind the last record that readers can see, as in an open transaction, `settle_seconds` are
        waited. Raises `LogUnavailable`, `TopicMissing`, `AccessDenied`.
        """
        open_ones = {place: sorted(set(offsets)) for place, offsets in wanted.items() if offsets}
        if not open_ones:
            return []
        if self._consumer is None:
            self._consumer = self._opening()
        try:
            search = _Search(self._consumer, self._names, open_ones, settle_seconds)
            return self._fetched(self._consumer, search, open_ones, timeout_seconds + settle_seconds)
        except BaseException:  # whatever it was doing, the next one begins anew
            self.close()
            raise

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _fetched(
        self, consumer: Consumer, search: "_Search", wanted: dict[TopicPartition, list[int]], timeout_seconds: float
    ) -> list[Record]:
        deadline = time.monotonic() + timeout_seconds
        try:
            consumer.assign(self._names.with_offsets({place: offsets[0] for place, offsets in wanted.items()}))
            while wanted:
                until = min([deadline, *search.ended.values()])
                message = consumer.poll(max(0.0, until - time.monotonic()))
                if message is not None:
                    search.take(message)
                elif search.ended:
                    search.give_up(time.monotonic())
                elif time.monotonic() >= deadline:
                    raise self._late(wanted, timeout_seconds)
            consumer.unassign()
        except KafkaException as raised:
            raise unavailable(kafka_error(raised), "fetching records", self._servers, timeout_seconds) from raised
        return search.found

    def _late(self, wanted: Mapping[TopicPartition, Sequence[int]], timeout_seconds: float) -> LogUnavailable:
        places = ", ".join(f"{place.topic}[{place.partition}]" for place in sorted(wanted))
        said = f"fetching from {places}: {self._servers} gave no answer within {timeout_seconds:g} s."
        return LogUnavailable(f"{said} {' '.join((LogUnavailable.__doc__ or '').split())}")


class _Search:
    """What is still wanted of each partition, in order, and what was found."""

    def __init__(
        self, consumer: Consumer, names: Names, wanted: dict[TopicPartition, list[int]], settle_seconds: float
    ) -> None:
        self._consumer, self._names, self._wanted, self._settle = consumer, names, wanted, settle_seconds
        self.found: list[Record] = []
        self.ended: dict[TopicPartition, float] = {}  # where an end came too early, and until when it is waited for

    def take(self, message: ck.Message) -> None:
        """A record, an end, or a failure, which is raised."""
        place = TopicPartition(self._names.short[message.topic()], message.partition() or 0)
        if place not in self._wanted:  # fetched before the partition was let go
            return
        error, offset, offsets = message.error(), message.offset() or 0, self._wanted[place]
        if error is not None:
            self._hear(error, place, offset)
            return
        self.ended.pop(place, None)
        passed = bisect_left(offsets, offset + 1)
        if passed and offsets[passed - 1] == offset:
            self.found += unpack([message], self._names.short, {})
        self._go_on(place, passed, offset)

    def give_up(self, now: float) -> None:
        """What lies behind ends that have not moved is not there."""
        for place in [place for place, until in self.ended.items() if until <= now]:
            del self._wanted[place], self.ended[place]

    def _go_on(self, place: TopicPartition, passed: int, offset: int) -> None:
        """So many of the offsets are behind us, `offset` was read last: to the next one, or the partition is done."""
        left = self._wanted[place][passed:]
        if not left:
            del self._wanted[place]
            self._consumer.incremental_unassign([self._names.theirs(place)])
        else:
            self._wanted[place] = left
            if passed and left[0] - offset > NEAR:
                self._consumer.seek(self._names.theirs(place, left[0]))

    def _hear(self, error: KafkaError, place: TopicPartition, offset: int) -> None:
        """What lies before an end and did not come is no record; what is before the beginning is gone."""
        offsets = self._wanted[place]
        if error.code() == KafkaError._PARTITION_EOF:
            if passed := bisect_left(offsets, offset):
                self._go_on(place, passed, offset)
            if place in self._wanted:
                self.ended.setdefault(place, time.monotonic() + self._settle)
            return
        failure = consumer_failure(error, f"fetching from {place.topic}[{place.partition}]")
        if error.code() in GONE or isinstance(failure, RecordsLost):
            self._go_on(place, 1, -NEAR - 1)
        elif failure is not None:
            raise failure
