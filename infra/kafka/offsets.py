"""Where topics end and how far groups have come, by one question each: for whoever watches, reading no record."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

import confluent_kafka as ck
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from infra.kafka.client_config import ClientOptions
from infra.kafka.client_errors import kafka_error, unavailable
from infra.kafka.client_log import LOGGER
from infra.kafka.client_records import Names
from infra.kafka.log import TopicPartition

T = TypeVar("T")
TIMEOUT: Final = 3.0  # seconds, for all of it
EARLIEST: Final[OffsetSpec] = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: Final[OffsetSpec] = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Offsets(NamedTuple):
    """Of one moment: the kept range of each partition, and the next offset of each group in what it reads."""

    begins: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    groups: Mapping[str, Mapping[TopicPartition, int]]


class OffsetQuestions:
    """Asked by one thread at a time. Topics and groups by their names in the catalogue."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._names = options, Names(options.prefix)
        self._admin = AdminClient(options.admin(), logger=LOGGER)

    def ask(self, places: Sequence[TopicPartition], groups: Iterable[str]) -> Offsets:
        """Raises `LogUnavailable`, `TopicMissing`, `AccessDenied`. A group that nobody knows has come nowhere."""
        named = {group: self._names.full[group] for group in groups}
        asked = {
            group: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(full)], request_timeout=TIMEOUT
            )[full]
            for group, full in named.items()
        }
        begins, ends = self._edges(places, EARLIEST), self._edges(places, LATEST)
        return Offsets(
            {place: self._result(answer).offset for place, answer in begins.items()},
            {place: self._result(answer).offset for place, answer in ends.items()},
            {group: self._positions(answer) for group, answer in asked.items()},
        )

    def _edges(self, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, Future[Any]]:
        asked = {self._names.theirs(place): spec for place in places}
        answers = self._admin.list_offsets(asked, request_timeout=TIMEOUT)
        return {self._names.ours(theirs): answer for theirs, answer in answers.items()}

    def _positions(self, answer: "Future[ConsumerGroupTopicPartitions]") -> dict[TopicPartition, int]:
        try:
            found: list[ck.TopicPartition] = answer.result(TIMEOUT + 1).topic_partitions or []
        except KafkaException as raised:
            if kafka_error(raised).code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            raise self._unavailable(raised) from raised
        return {self._names.ours(each): each.offset for each in found if each.offset >= 0}

    def _result(self, answer: "Future[T]") -> T:
        try:
            return answer.result(TIMEOUT + 1)
        except KafkaException as raised:
            raise self._unavailable(raised) from raised

    def _unavailable(self, raised: KafkaException) -> Exception:
        options = self._options
        return unavailable(kafka_error(raised), "offsets", options.bootstrap_servers, TIMEOUT, options.heard)
