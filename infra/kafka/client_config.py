"""What librdkafka is told, and why; everything that correctness rests on cannot be overridden."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer

from infra.errors import SettingsInvalid
from infra.kafka.client_errors import Heard, kafka_error
from infra.kafka.client_log import LOGGER
from schemas.topics import MIB

RECORD_BYTES: Final = 2 * MIB + 128 * 1024  # the largest value of any topic, its key and the framing of a batch
REQUEST_TIMEOUT: Final = 30.0  # seconds
LINGER_MS: Final = 20
OWNED: Final = {
    *("bootstrap.servers", "client.id", "allow.auto.create.topics"),
    *("group.id", "group.instance.id", "group.protocol", "partition.assignment.strategy", "session.timeout.ms"),
    *("isolation.level", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof", "auto.offset.reset"),
    *("transactional.id", "transaction.timeout.ms", "enable.idempotence", "acks", "partitioner"),
    "delivery.report.only.error",
}
Options = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """One cluster, and this installation's names in it: the prefix of topics, groups and transactional ids."""

    bootstrap_servers: str
    prefix: str = "hitl."
    extra: Mapping[str, str] = field(default_factory=dict)  # further options of librdkafka, as security.protocol
    session_timeout_ms: int = 10_000  # a member that is silent for longer loses its partitions
    transaction_timeout_ms: int = 15_000  # an open transaction holds up every reader of its partitions
    request_timeout_seconds: float = REQUEST_TIMEOUT  # for every question to the cluster
    heard: Heard = field(default_factory=Heard, compare=False)  # what all clients with these options are told
    linger_ms: int = LINGER_MS  # for which what is written may wait for more
    prefetch: int = 1_024  # records fetched ahead per partition: about two batches, all read again after an abort

    def __post_init__(self) -> None:
        for key in self.extra:
            if key in OWNED:
                raise SettingsInvalid(f"kafka option {key!r} is not yours to set: exactly-once rests on it; remove it.")

    def common(self, client_id: str) -> Options:
        own = {"bootstrap.servers": self.bootstrap_servers, "client.id": client_id, "error_cb": self.heard}
        return {**own, **self.extra}

    def admin(self) -> dict[str, Any]:
        return self.common("topics")

    def consumer(self, group: str, *, wait_ms: int) -> Options:
        """A committed-only consumer. `wait_ms`: how late it learns that it has reached the end of a partition."""
        return {
            "fetch.queue.backoff.ms": 10,  # the default of a second stalls whenever the prefetched records are used up
            "queued.min.messages": self.prefetch,
            "fetch.message.max.bytes": RECORD_BYTES,
            "fetch.wait.max.ms": wait_ms,
            **self.common(group),
            "group.id": group,
            "session.timeout.ms": self.session_timeout_ms,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",  # a lost range is an error, never a silent jump
        }

    def member(self, group: str, instance: str) -> Options:
        """A static member of a group whose topics are co-partitioned."""
        return {
            "heartbeat.interval.ms": max(100, self.session_timeout_ms // 10),  # also how soon it hears of a rebalance
            **self.consumer(group, wait_ms=100),
            "group.instance.id": instance,
            "partition.assignment.strategy": "range",
        }

    def producer(self, transactional_id: str | None) -> Options:
        """An idempotent producer, transactional when it has an id.

        A commit or a flush sends what lingers at once; until then fuller requests cost a tenth less processor time.
        """
        options: Options = {
            "linger.ms": self.linger_ms,
            "message.max.bytes": RECORD_BYTES,
            # The first wait, doubled each time, after "concurrent transactions": the markers of the last one are under
            # way for some milliseconds. The default of 100 would be half of a decision's latency.
            "retry.backoff.ms": 10,
            "queue.buffering.max.messages": 200_000,  # one transaction of 20,000 records with several outputs each
            "message.timeout.ms": self.transaction_timeout_ms,
            **self.common(transactional_id or "hitl"),
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # as Java and kafkajs do; librdkafka's own default is CRC32
            "delivery.report.only.error": True,
        }
        if transactional_id:
            options["transactional.id"] = transactional_id
            options["transaction.timeout.ms"] = self.transaction_timeout_ms
        return options


def open_consumer(options: Options) -> Consumer:
    """Raises SettingsInvalid when librdkafka does not know an option or its value."""
    try:
        return Consumer(options, logger=LOGGER)
    except KafkaException as error:
        raise _invalid(error) from error


def open_producer(options: Options) -> Producer:
    """Raises SettingsInvalid when librdkafka does not know an option or its value."""
    try:
        return Producer(options, logger=LOGGER)
    except KafkaException as error:
        raise _invalid(error) from error


def _invalid(error: KafkaException) -> SettingsInvalid:
    return SettingsInvalid(f"librdkafka refuses an option: {kafka_error(error).str()}; correct it (HITL_KAFKA_…).")
