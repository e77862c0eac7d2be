"""Producers on confluent_kafka: one whose records become visible together, one that only never repeats itself."""

import time
from collections.abc import Mapping
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Message

from infra.kafka.client_config import ClientOptions, open_producer
from infra.kafka.client_errors import (
    DENIED,
    REFUSED,
    Phase,
    is_passing,
    kafka_error,
    producer_failure,
    refusal,
    unavailable,
)
from infra.kafka.client_records import Names
from infra.kafka.client_side_thread import SideThread
from infra.kafka.errors import CommitIndefinite, TransactionAborted, TransactionError
from infra.kafka.log import Metadata, Position, TopicPartition

GRACE = 2.0  # seconds beyond its own timeout after which a call of librdkafka is taken to hang
INIT_TIMEOUT = 60.0  # seconds; a former transaction of the same id may have to time out first
PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


class KafkaTransactions:
    """Implements `infra.kafka.log.TransactionalProducer`, exactly once. All calls from one thread.

    After `ProducerFenced` or `CommitIndefinite` every further call raises the same: make a new one.
    """

    def __init__(self, options: ClientOptions, names: Names, transactional_id: str) -> None:
        """Fences every earlier producer of this id and ends its transaction. Raises `LogUnavailable`."""
        self._names, self._seconds = names, options.transaction_timeout_ms / 1000
        self._refused: KafkaError | None = None
        named = options.producer(names.full[transactional_id])
        self._producer = open_producer({**named, "on_delivery": self._undelivered})
        self._produce = self._producer.produce
        self._over: TransactionError | None = None
        self._hangs = self._closed = False
        self._side = SideThread(f"positions-{transactional_id}")
        deadline = time.monotonic() + INIT_TIMEOUT
        while True:
            try:
                self._producer.init_transactions(max(0.1, deadline - time.monotonic()))
                return
            except KafkaException as raised:
                error = kafka_error(raised)
                if is_passing(error) and time.monotonic() < deadline:
                    continue
                self.close()
                if error.fatal() or not is_passing(error):
                    raise producer_failure(error, Phase.ENDING) from raised
                about = f"starting transactions of {transactional_id}"
                raise unavailable(error, about, options.bootstrap_servers, INIT_TIMEOUT, options.heard) from raised

    def begin(self) -> None:
        self._check()
        self._refused = None
        try:
            self._producer.begin_transaction()
        except KafkaException as raised:
            raise self._failed(raised, Phase.ENDING) from raised

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None) -> None:
        """Queue a record; waits while the queue is full. Raises `WriteRefused` for one that is too large."""
        full = self._names.full
        try:
            while True:
                try:
                    return self._produce(full[topic], value, key, -1 if partition is None else partition)
                except BufferError:
                    self._producer.poll(0.05)  # seconds
        except KafkaException as raised:
            raise self._failed(raised, Phase.WRITING) from raised

    def send_positions(self, positions: Mapping[TopicPartition, Position], metadata: Metadata) -> None:
        """Make the group's positions part of the transaction. Raises ValueError when there are none.

        After a restart of the group's coordinator librdkafka may wait for it for ever, whatever its timeout
        (github.com/confluentinc/librdkafka/issues/5456 and 5511): then this producer is left behind, as indefinite.
        """
        if not positions:  # librdkafka would do nothing, and nothing would fence a former owner
            raise ValueError("a transaction without positions is not fenced by the group: send the current ones.")
        self._check()
        theirs, send = self._names.with_notes(positions), self._producer.send_offsets_to_transaction
        try:
            self._side.call(lambda: send(theirs, metadata, self._seconds), self._seconds + GRACE)
        except TimeoutError as error:
            self._hangs, self._over = True, CommitIndefinite(f"sending positions: {error}")
            raise self._over from error
        except KafkaException as raised:
            raise self._failed(raised, Phase.WRITING) from raised

    def commit(self) -> None:
        self._check()
        try:
            self._producer.commit_transaction(self._seconds)
        except KafkaException as raised:
            raise self._failed(raised, Phase.ENDING) from raised
        self._producer.poll(0)  # librdkafka's log lines

    def abort(self) -> None:
        self._check()
        try:
            self._producer.abort_transaction(self._seconds)
        except KafkaException as raised:
            raise self._failed(raised, Phase.ENDING) from raised
        self._producer.poll(0)

    def flush(self) -> None:
        """Nothing: a transaction is flushed by its commit."""

    def close(self) -> None:
        """Does not wait: what was not committed is aborted by the next producer of this id, or by time."""
        self._side.end()
        if self._hangs or self._closed:  # closing it would hang, too, or be refused
            return
        self._closed = True
        with suppress(KafkaException):  # it says once more that it was fenced
            self._producer.purge()
            self._producer.close()

    def _check(self) -> None:
        if self._over is not None:
            raise self._over

    def _failed(self, raised: KafkaException, phase: Phase) -> Exception:
        if self._over is not None:
            return self._over
        if self._refused is not None and (refused := refusal(self._refused, "writing")):
            return refused
        failure = producer_failure(kafka_error(raised), phase)
        if isinstance(failure, TransactionError) and not isinstance(failure, TransactionAborted):
            self._over = failure
        return failure

    def _undelivered(self, error: KafkaError | None, message: Message) -> None:
        """A commit that fails says how many records were refused, not why; trying again would be refused for ever."""
        if error is not None and error.code() in DENIED | REFUSED:
            self._refused = error


class KafkaIdempotent:
    """Implements `infra.kafka.log.TransactionalProducer`, at least once: `flush`, then commit with the consumer."""

    def __init__(self, options: ClientOptions, names: Names) -> None:
        self._names, self._seconds = names, options.transaction_timeout_ms / 1000
        self._heard = options.heard
        self._failure: KafkaError | None = None
        self._producer = open_producer({**options.producer(None), "on_delivery": self._undelivered})
        self._produce = self._producer.produce

    def begin(self) -> None:
        self._failure = None

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None) -> None:
        """Queue a record; waits while the queue is full. Raises `WriteRefused` for one that is too large."""
        full = self._names.full
        try:
            while True:
                try:
                    return self._produce(full[topic], value, key, -1 if partition is None else partition)
                except BufferError:
                    self._producer.poll(0.05)  # seconds
        except KafkaException as raised:
            raise producer_failure(kafka_error(raised), Phase.WRITING) from raised

    def send_positions(self, positions: Mapping[TopicPartition, Position], metadata: Metadata) -> None:
        """Raises TypeError: without a transaction, the consumer commits."""
        raise TypeError("an idempotent producer takes no positions: flush, then GroupConsumer.commit.")

    def commit(self) -> None:
        self.flush()

    def abort(self) -> None:
        """Drop what was not sent yet; what was sent stays sent."""
        self._producer.purge()
        self._producer.flush(self._seconds)
        self._failure = None

    def flush(self) -> None:
        """Raises `TransactionAborted` when a record was not acknowledged, `ProducerFenced` after a fatal error.

        Raises `AccessDenied` when the brokers did not let us in.
        """
        self._heard.forget()
        waiting = self._producer.flush(self._seconds + 1)
        failure, self._failure = self._failure, None
        if (failure or waiting) and (refused := self._heard.refusal("writing")):
            raise refused
        if failure is not None:
            raise producer_failure(failure, Phase.WRITING)
        if waiting:
            raise TransactionAborted(f"{waiting} records were not acknowledged in time")

    def close(self) -> None:
        with suppress(KafkaException):
            self._producer.purge()
            self._producer.close()

    def _undelivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and error.code() not in PURGED:
            self._failure = error
