"""From messages of confluent_kafka to records, and how far a reader has come; the hottest code of the client."""

import logging
from collections.abc import Iterable, Mapping, Sequence

import confluent_kafka as ck
from confluent_kafka import Consumer, KafkaError, KafkaException

from infra.kafka.client_errors import consumer_failure
from infra.kafka.log import Position, Record, TopicPartition, runs

LOGGER = logging.getLogger(__name__)
_new = tuple.__new__  # half the price of calling Record(…)


class Names:
    """Catalogue names and the cluster's names of topics, groups and transactional ids, each the other's inverse."""

    __slots__ = ("full", "prefix", "short")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.full: dict[str, str] = _Full(prefix)
        self.short: dict[str | None, str] = _Short(prefix)

    def theirs(self, partition: TopicPartition, offset: int = ck.OFFSET_INVALID, note: str = "") -> ck.TopicPartition:
        """The partition as confluent_kafka wants it."""
        return ck.TopicPartition(self.full[partition.topic], partition.partition, offset, note)

    def ours(self, partition: ck.TopicPartition) -> TopicPartition:
        return TopicPartition(self.short[partition.topic], partition.partition)

    def all_theirs(self, partitions: Iterable[TopicPartition]) -> list[ck.TopicPartition]:
        return [self.theirs(partition) for partition in partitions]

    def with_offsets(self, positions: Mapping[TopicPartition, int]) -> list[ck.TopicPartition]:
        return [self.theirs(partition, offset) for partition, offset in positions.items()]

    def with_notes(self, positions: Mapping[TopicPartition, Position]) -> list[ck.TopicPartition]:
        return [self.theirs(partition, position.offset, position.note) for partition, position in positions.items()]


class _Full(dict[str, str]):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        self[name] = full = self._prefix + name
        return full


class _Short(dict[str | None, str]):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str | None) -> str:
        self[name] = short = (name or "").removeprefix(self._prefix)
        return short


def unpack(
    messages: Sequence[ck.Message], names: Mapping[str | None, str], passed: dict[TopicPartition, int]
) -> list[Record]:
    """The records among the messages; advances `passed` (offset before which everything was seen) beyond them.

    Raises what `consumer_failure` makes of an error that does not pass by itself.
    """
    records = [
        _new(Record, (names[m.topic()], m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value()))
        for m in messages
        if m.error() is None
    ]
    for place, run in runs(records):
        passed[place] = run[-1].offset + 1
    if len(records) < len(messages):
        for m in messages:
            _reached_end(m, names, passed)
    return records


def last_end(consumer: Consumer, partition: ck.TopicPartition) -> int | None:
    """The high watermark that came with the last fetch; None before the first."""
    try:
        _, end = consumer.get_watermark_offsets(partition, cached=True)
    except KafkaException:  # the client does not know the partition yet
        return None
    return end if end >= 0 else None


def _reached_end(m: ck.Message, names: Mapping[str | None, str], passed: dict[TopicPartition, int]) -> None:
    """An end of partition lies behind markers and aborted records, which are never delivered."""
    error, number = m.error(), m.partition()
    if error is None:
        return
    where = TopicPartition(names[m.topic()], -1 if number is None else number)  # of the whole group: no topic, -1
    if error.code() == KafkaError._PARTITION_EOF:
        passed[where] = max(passed.get(where, 0), m.offset() or 0)
    elif failure := consumer_failure(error, f"reading {where.topic}[{where.partition}]"):
        raise failure
    else:
        LOGGER.warning("reading %s[%d]: %s", where.topic, where.partition, error.str(), extra={"action": "read_error"})
