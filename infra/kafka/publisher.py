"""Typed records from outside a stage: sent by an idempotent producer, counted only when the brokers have them."""

from collections.abc import Iterable

from infra.errors import HitlError
from infra.kafka.errors import TransactionError
from infra.kafka.log import Log
from schemas.codec import Codec
from schemas.topics import Outgoing


class PublishFailed(HitlError):
    """The brokers did not acknowledge everything; see whether they serve (`hitl status`), then publish again."""


class Publisher:
    """Sends events outside any transaction. `acknowledged` counts records that the brokers confirmed."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._producer = log.producer(transactional_id=None)
        self._codec = codec
        self._sent = 0
        self.acknowledged = 0

    @property
    def unconfirmed(self) -> int:
        """Records handed over that nobody has acknowledged: they may or may not be in the log."""
        return self._sent - self.acknowledged

    def send(self, outgoing: Outgoing) -> None:
        """Hand a record over. Raises `ValueError` when its schema cannot hold it, `PublishFailed`."""
        value = None if outgoing.event is None else self._codec.encode(outgoing.event)
        self.send_bytes(outgoing.topic, outgoing.key, value, outgoing.partition)

    def send_bytes(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """Hand bytes over as they are. Raises `PublishFailed`."""
        try:
            self._producer.send(topic, key, value, partition)
        except TransactionError as error:
            raise PublishFailed(f"{topic}: {error}. {PublishFailed.__doc__}") from error
        self._sent += 1

    def flush(self) -> int:
        """Wait for the acknowledgements; the number acknowledged so far. Raises `PublishFailed`."""
        try:
            self._producer.flush()
        except TransactionError as error:
            raise PublishFailed(f"{error}. {PublishFailed.__doc__}") from error
        self.acknowledged = self._sent
        return self.acknowledged

    def close(self) -> None:
        """Let go of the connection; what was not flushed stays unconfirmed."""
        self._producer.close()


def publish(log: Log, codec: Codec, records: Iterable[Outgoing]) -> int:
    """Send a few records and wait until all are acknowledged; how many. Raises `PublishFailed`."""
    publisher = Publisher(log, codec)
    try:
        for outgoing in records:
            publisher.send(outgoing)
        return publisher.flush()
    finally:
        publisher.close()
