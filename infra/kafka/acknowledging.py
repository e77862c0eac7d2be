"""Records of many callers at once, each told when the brokers have its own: nothing is promised before."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.errors import HitlError
from infra.kafka.client_config import ClientOptions, open_producer
from infra.kafka.client_errors import kafka_error, refusal
from infra.kafka.client_records import Names

T = TypeVar("T")
HEARING: Final = 0.1  # seconds a wait for acknowledgements takes at most
LETTING_GO: Final = 1.0  # seconds for what a producer that is given up has under way
MOST_QUEUED_KIB: Final = 256 * 1024  # of records that nobody has acknowledged


class NotAcknowledged(HitlError):
    """The brokers did not confirm the record in time, so it may or may not be in the log: send it again, unchanged."""


class TooMuchUnderWay(HitlError):
    """More records wait for the brokers than may wait; send it again a little later."""


class Delivery(NamedTuple, Generic[T]):
    """What became of one record: it lies at this place of the log, or `error` says why that is not certain."""

    ticket: T
    partition: int
    offset: int
    error: HitlError | None = None


class AcknowledgingPublisher(Generic[T]):
    """One idempotent producer (acks=all), and the thread that hears its acknowledgements.

    `tell` gets the deliveries of one moment together, in that thread. `send` is called from one thread, never waits,
    and hands every ticket that it takes to `tell` exactly once.
    """

    def __init__(
        self,
        options: ClientOptions,
        tell: Callable[[Sequence[Delivery[T]]], None],
        *,
        most_waiting: int,
        timeout_seconds: float,
        linger_ms: int = 5,
    ) -> None:
        """`linger_ms`: for which a record may wait for others, as they cost less together."""
        self._names, self._tell, self._most = Names(options.prefix), tell, most_waiting
        self._seconds = timeout_seconds
        self._options = {
            **replace(options, linger_ms=linger_ms).producer(None),  # somebody waits for each, and nobody flushes
            "delivery.report.only.error": False,
            "message.timeout.ms": round(timeout_seconds * 1_000),
            "queue.buffering.max.kbytes": MOST_QUEUED_KIB,
        }
        self._producer = open_producer(self._options)
        self._sent = self._heard = 0  # one is counted by the sender's thread, one by ours: no lock
        self._heard_now: list[Delivery[T]] = []
        self._spent, self._ending = False, threading.Event()
        self._thread = threading.Thread(target=self._hear, name="acknowledgements", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Records that were handed over and that nobody has acknowledged or given up."""
        return self._sent - self._heard

    def send(self, topic: str, key: bytes | None, value: bytes, ticket: T) -> None:
        """Hand a record over. Raises `TooMuchUnderWay` or `NotAcknowledged`: then nothing was sent."""
        if self.waiting >= self._most:
            raise TooMuchUnderWay()
        try:
            self._producer.produce(self._names.full[topic], value, key, on_delivery=partial(self._report, ticket))
        except BufferError as error:
            raise TooMuchUnderWay() from error
        except KafkaException as raised:
            failure = kafka_error(raised)
            self._spent = self._spent or _is_over(failure)
            raise refusal(failure, topic) or NotAcknowledged(f"{topic}: {failure.str()}. Send it again.") from raised
        self._sent += 1

    def close(self, *, within_seconds: float | None = None) -> None:
        """Wait for what is under way, as long as it may take; then tell the rest that it is not certain."""
        self._producer.flush(self._seconds if within_seconds is None else within_seconds)
        self._ending.set()
        self._thread.join()
        _let_go(self._producer)
        self._hand_over()

    def _hear(self) -> None:
        while not self._ending.is_set():
            self._producer.poll(HEARING)
            self._hand_over()
            if self._spent:
                self._renew()

    def _renew(self) -> None:
        """A fatal error ends an idempotent producer; the next records take a new one."""
        former, self._producer, self._spent = self._producer, open_producer(self._options), False
        _let_go(former)
        self._hand_over()

    def _hand_over(self) -> None:
        if self._heard_now:
            heard, self._heard_now = self._heard_now, []
            self._heard += len(heard)
            self._tell(heard)

    def _report(self, ticket: T, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._heard_now.append(Delivery(ticket, message.partition() or 0, message.offset() or 0))
            return
        self._spent = self._spent or _is_over(error)
        failure = refusal(error, "writing") or NotAcknowledged(f"{error.str()}. {NotAcknowledged.__doc__}")
        self._heard_now.append(Delivery(ticket, -1, -1, failure))


def _is_over(error: KafkaError) -> bool:
    return error.fatal() or error.code() == KafkaError._FATAL


def _let_go(producer: Producer) -> None:
    producer.purge()
    producer.flush(LETTING_GO)
    producer.close()
