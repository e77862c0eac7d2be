"""Who holds a slot of a consumer group: each process signs for it before it joins, and the last signature counts."""

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

import confluent_kafka as ck
from confluent_kafka import Consumer, KafkaError, KafkaException

from infra.kafka.client_config import ClientOptions, open_consumer
from infra.kafka.client_errors import is_passing, kafka_error, refusal, unavailable

T = TypeVar("T")
ATTEMPT: Final = 5.0  # seconds for one question
PAUSE: Final = 0.1  # seconds between two


class Slot:
    """One slot as this process knows it. The signature lies in the note of a position of a group without members."""

    def __init__(self, options: ClientOptions, *, group: str, instance: str, topic: str) -> None:
        """`group` and `topic` by their full names; the topic only has to exist."""
        self._options, self._group, self._topic = options, f"{group}.slot.{instance}", topic
        self._signature = uuid.uuid4().hex

    def sign(self) -> None:
        """Take the slot over. Raises `LogUnavailable`, `TopicMissing`, `AccessDenied`."""
        note = ck.TopicPartition(self._topic, 0, 0, self._signature)
        self._ask(lambda consumer: consumer.commit(offsets=[note], asynchronous=False))

    def is_ours(self) -> bool:
        """Whether nobody signed after us. Raises as `sign` does."""
        place = [ck.TopicPartition(self._topic, 0)]
        (found,) = self._ask(lambda consumer: consumer.committed(place, timeout=ATTEMPT))
        if found.error is not None:
            raise unavailable(found.error, self._about, self._options.bootstrap_servers, 0)
        return found.metadata in ("", None, self._signature)  # nothing at all: it was kept no longer

    @property
    def _about(self) -> str:
        return f"holder of {self._group}"

    def _ask(self, question: Callable[[Consumer], T]) -> T:
        limit = self._options.request_timeout_seconds
        deadline = time.monotonic() + limit
        with closing(open_consumer(self._options.consumer(self._group, wait_ms=500))) as consumer:
            while True:
                try:
                    return question(consumer)
                except KafkaException as raised:
                    error = self._reported(consumer) or kafka_error(raised)
                    if not is_passing(error) or time.monotonic() > deadline:
                        servers, heard = self._options.bootstrap_servers, self._options.heard
                        raise unavailable(error, self._about, servers, limit, heard) from raised
                time.sleep(PAUSE)

    def _reported(self, consumer: Consumer) -> KafkaError | None:
        """That the group is not ours to use: the commit itself would only wait for a coordinator, for ever."""
        message = consumer.poll(0)
        error = message.error() if message is not None else None
        return error if error is not None and refusal(error, self._about) else None
