"""Single records into the log, by many threads: whoever writes waits until the brokers have it, and learns where."""

import threading
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from infra.kafka.acknowledging import AcknowledgingPublisher, Delivery, NotAcknowledged
from infra.kafka.client_config import ClientOptions
from schemas.codec import Codec
from schemas.topics import Outgoing
from schemas.values import Coordinates

MOST_WAITING: Final = 10_000  # records that nobody has acknowledged
PATIENCE: Final = 10.0  # seconds
LINGER: Final = 0  # milliseconds: a person waits, and people write seldom; what comes meanwhile still goes together


class Writing(Protocol):
    """Into the log, by many threads at once."""

    def write(self, outgoing: Outgoing) -> Coordinates:
        """Where it lies. Raises `NotAcknowledged`, `TooMuchUnderWay`."""
        ...


class WritingBytes(Writing, Protocol):
    """The same, also of bytes as they are."""

    def write_bytes(self, topic: str, key: bytes | None, value: bytes) -> Coordinates:
        """Where it lies. Raises as `write` does."""
        ...


class _Ticket(NamedTuple):
    told: threading.Event
    deliveries: list[Delivery["_Ticket"]]


class Writer:
    """Implements `WritingBytes` on Kafka."""

    def __init__(self, options: ClientOptions, codec: Codec, *, timeout_seconds: float = PATIENCE) -> None:
        self._codec, self._seconds, self._lock = codec, timeout_seconds, threading.Lock()
        self._publisher: AcknowledgingPublisher[_Ticket] = AcknowledgingPublisher(
            options, _tell, most_waiting=MOST_WAITING, timeout_seconds=timeout_seconds, linger_ms=LINGER
        )

    def write(self, outgoing: Outgoing) -> Coordinates:
        if outgoing.event is None:
            raise ValueError("people write no tombstones")
        return self.write_bytes(outgoing.topic, outgoing.key, self._codec.encode(outgoing.event))

    def write_bytes(self, topic: str, key: bytes | None, value: bytes) -> Coordinates:
        ticket = _Ticket(threading.Event(), [])
        with self._lock:
            self._publisher.send(topic, key, value, ticket)
        if not ticket.told.wait(self._seconds + 1):
            raise NotAcknowledged()
        (delivery,) = ticket.deliveries
        if delivery.error is not None:
            raise delivery.error
        return Coordinates(topic=topic, partition=delivery.partition, offset=delivery.offset)

    def close(self) -> None:
        """Wait for what is under way."""
        self._publisher.close()


def _tell(deliveries: Sequence[Delivery[_Ticket]]) -> None:
    for delivery in deliveries:
        delivery.ticket.deliveries.append(delivery)
        delivery.ticket.told.set()
