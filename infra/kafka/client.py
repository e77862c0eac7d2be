"""The log on a real cluster, by confluent_kafka."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import confluent_kafka as ck
from confluent_kafka import Consumer, KafkaException

from infra.kafka.client_config import LINGER_MS, REQUEST_TIMEOUT, ClientOptions, open_consumer
from infra.kafka.client_consumer import KafkaConsumer
from infra.kafka.client_errors import MISSING, TopicMissing, is_passing, kafka_error, unavailable
from infra.kafka.client_fetcher import PART_BYTES, QUICK, WAIT_MS, KafkaFetcher
from infra.kafka.client_producer import KafkaIdempotent, KafkaTransactions
from infra.kafka.client_reader import KafkaReader
from infra.kafka.client_records import Names
from infra.kafka.log import Fetcher, GroupConsumer, Reader, RebalanceListener, TopicPartition, TransactionalProducer
from infra.settings import Settings

T = TypeVar("T")
FIRST_ATTEMPT = 2.0  # seconds for an answer, doubled each time; in between it is heard why there is none
SETTLE = 3.0  # seconds in which a broker that came back finds its topics


class KafkaLog:
    """Implements `infra.kafka.log.Log`. Topics, groups and transactional ids get the prefix of the options.

    The questions (`partitions`, `beginning`, `watermark`, `offset_at`) may be asked from any thread; they raise
    `LogUnavailable`, `TopicMissing` or `AccessDenied`.
    """

    def __init__(self, options: ClientOptions) -> None:
        self.options = options
        self._names = Names(options.prefix)
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._asking: Consumer | None = None

    def consumer(
        self, *, group: str, instance: str, topics: Sequence[str], listener: RebalanceListener
    ) -> GroupConsumer:
        return KafkaConsumer(
            self.options, self._names, group=group, instance=instance, topics=topics, listener=listener
        )

    def producer(self, *, transactional_id: str | None) -> TransactionalProducer:
        """With an id: transactional, fencing every earlier producer of that id. Without: idempotent only."""
        if transactional_id is None:
            return KafkaIdempotent(self.options, self._names)
        return KafkaTransactions(self.options, self._names, transactional_id)

    def reader(self, start: Mapping[TopicPartition, int]) -> Reader:
        group = self._names.full["reader"]  # librdkafka wants a name; nothing joins or commits

        def opening(wait_ms: int) -> Consumer:
            return open_consumer(self.options.consumer(group, wait_ms=wait_ms))

        return KafkaReader(opening, self._names, start)

    def fetcher(self, *, part_bytes: int = PART_BYTES) -> Fetcher:
        """Connects on first use. `part_bytes`: of a partition in one answer; a larger batch comes whole."""
        group = self._names.full["fetcher"]  # librdkafka wants a name; nothing joins or commits

        def opening() -> Consumer:
            options = self.options.consumer(group, wait_ms=WAIT_MS)
            return open_consumer({**options, **QUICK, "fetch.message.max.bytes": part_bytes})

        return KafkaFetcher(opening, self._names, self.options.bootstrap_servers)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked once, since it never changes."""
        if topic not in self._counts:
            self._counts[topic] = self._ask(f"partitions of {topic}", lambda c, s: self._count(c, topic, s))
        return self._counts[topic]

    def existing(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions those of the topics have that exist, by one question about all of them."""

        def question(consumer: Consumer, seconds: float) -> dict[str, int]:
            found = consumer.list_topics(timeout=seconds).topics
            names = {topic: self._names.full[topic] for topic in topics}
            return {topic: len(found[full].partitions) for topic, full in names.items() if full in found}

        counts = self._ask("topics", question)
        self._counts |= counts
        return counts

    def beginning(self, partition: TopicPartition) -> int:
        """The first offset that is still kept."""
        return self._range(partition)[0]

    def beginnings(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The same of many, by one question about all of them."""
        return self._edges(partitions, ck.OFFSET_BEGINNING)

    def watermark(self, partition: TopicPartition) -> int:
        """The high watermark, freshly asked: one past the last record, committed or not."""
        return self._range(partition)[1]

    def watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The same of many, by one question about all of them."""
        return self._edges(partitions, ck.OFFSET_END)

    def offset_at(self, partition: TopicPartition, timestamp: int) -> int:
        """The first offset whose timestamp is at least this (milliseconds); the watermark when there is none."""
        end = self.watermark(partition)  # before the search: what is appended meanwhile must not be skipped
        target = self._names.theirs(partition, timestamp)
        (found,) = self._ask(f"offset by time in {partition}", lambda c, s: c.offsets_for_times([target], s))
        if found.error is not None:
            raise unavailable(found.error, f"offset by time in {partition}", self.options.bootstrap_servers, 0)
        return found.offset if found.offset >= 0 else end

    def cluster_id(self) -> str:
        """The name that the cluster gave itself when it was set up."""
        return str(self._ask("the cluster's id", lambda c, s: c.list_topics("", s).cluster_id))

    def close(self) -> None:
        """Close the connection for questions; consumers, producers and readers are closed by whoever made them."""
        with self._lock:
            if self._asking is not None:
                self._asking.close()
                self._asking = None

    def _range(self, partition: TopicPartition) -> tuple[int, int]:
        self.partitions(partition.topic)  # says who may not see the topic; here its partition would just be unknown
        theirs = self._names.theirs(partition)
        return self._ask(f"watermarks of {partition}", lambda c, s: c.get_watermark_offsets(theirs, s))

    def _edges(self, partitions: Collection[TopicPartition], edge: int) -> dict[TopicPartition, int]:
        for topic in {partition.topic for partition in partitions}:
            self.partitions(topic)
        asked = [self._names.theirs(partition, edge) for partition in partitions]  # a time that means the edge

        def question(consumer: Consumer, seconds: float) -> dict[TopicPartition, int]:
            found = consumer.offsets_for_times(asked, seconds)
            for each in found:
                if each.error is not None:
                    raise KafkaException(each.error)
            return {self._names.ours(each): each.offset for each in found}

        return self._ask("edges of partitions", question) if asked else {}

    def _count(self, consumer: Consumer, topic: str, seconds: float) -> int:
        full = self._names.full[topic]
        found = consumer.list_topics(full, seconds).topics[full]
        if found.error is not None:
            raise KafkaException(found.error)
        return len(found.partitions)

    def _ask(self, about: str, question: Callable[[Consumer, float], T]) -> T:
        """Ask with a timeout, again while the trouble may pass."""
        limit, heard, attempt = self.options.request_timeout_seconds, self.options.heard, FIRST_ATTEMPT
        heard.forget()
        began = time.monotonic()
        deadline = began + limit
        while True:
            try:
                with self._lock:
                    if self._asking is None:
                        self._asking = open_consumer(self._asking_options())
                    try:
                        return question(self._asking, min(attempt, max(0.1, deadline - time.monotonic())))
                    finally:
                        self._asking.poll(0)  # librdkafka's log lines
            except KafkaException as raised:
                error = kafka_error(raised)
                is_missing = error.code() in MISSING
                if is_missing and time.monotonic() > began + min(SETTLE, limit):
                    raise TopicMissing(f"{about}: no such topic. Create it with `hitl topics apply`.") from raised
                is_over = time.monotonic() > deadline or heard.refusal(about) is not None
                if not (is_missing or is_passing(error)) or is_over:
                    raise unavailable(error, about, self.options.bootstrap_servers, limit, heard) from raised
                attempt *= 2
            time.sleep(0.05)

    def _asking_options(self) -> dict[str, object]:
        # read_uncommitted: a committed-only handle is told the last stable offset instead of the high watermark
        options = self.options.consumer(self._names.full["questions"], wait_ms=500)
        return {**options, "isolation.level": "read_uncommitted"}


def connect(
    settings: Settings, *, request_timeout_seconds: float = REQUEST_TIMEOUT, linger_ms: int = LINGER_MS
) -> KafkaLog:
    """The log that the settings name; what is written waits `linger_ms` for more. Connects on first use."""
    return KafkaLog(
        ClientOptions(
            bootstrap_servers=settings.bootstrap_servers,
            prefix=settings.topic_prefix,
            extra=settings.kafka,
            prefetch=max(1_024, 2 * settings.max_batch),
            request_timeout_seconds=request_timeout_seconds,
            linger_ms=linger_ms,
        )
    )
