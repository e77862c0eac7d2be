"""From records to messages: one decode, and the checks that hold for every topic."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.log import Record
from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Message
from schemas.codec import Codec, Undecodable
from schemas.topics import BY_NAME, KEY_FIELDS, Keyed

LONGEST_KEY: Final = 1_024  # bytes of an outsider's key; events repeat it, and so does everything that follows


class _Checks(NamedTuple):
    """What the catalogue asks of a topic's records, looked up once."""

    max_value_bytes: int
    events: frozenset[type[Any]]
    key_of: Callable[[Any], str] | None  # None: whoever handles it judges the key
    outside: bool


class Intake:
    """Decodes and checks records; `partitions` is the installation's partition count."""

    def __init__(self, codec: Codec, partitions: int) -> None:
        self._decode, self.partitions = codec.decode, partitions
        self._checks: dict[str, _Checks] = {}

    def message(self, record: Record) -> Message:
        """The decoded record. Raises `InvalidMessage` with the reason."""
        topic, partition, offset, timestamp, key, value = record
        limit, events, key_of, outside = self._checks.get(topic) or self._look_up(topic)
        if value is not None and len(value) > limit:
            raise InvalidMessage(
                Reason.TOO_LARGE,
                f"{len(value)} bytes uncompressed; {topic} takes {limit}: send large contents "
                "by reference (content_uri and content_sha256)",
            )
        try:
            event = self._decode(value)
        except Undecodable as error:
            raise InvalidMessage(Reason(error.reason), error.detail) from error
        if type(event) not in events:
            raise InvalidMessage(Reason.WRONG_EVENT, f"{type(event).__name__} does not belong on {topic}")
        if key_of is not None:
            right = key_of(event).encode()
            if outside or key != right:
                self._check_place(record, right, outside=outside)
        return Message(event, topic, partition, offset, timestamp, key or b"", value or b"")

    def _look_up(self, topic: str) -> _Checks:
        found = BY_NAME[topic]
        keyed = not found.arbitrated and found.keyed is not Keyed.ORIGINAL
        checks = self._checks[topic] = _Checks(
            found.max_value_bytes,
            frozenset(found.events),
            attrgetter(KEY_FIELDS[found.keyed]) if keyed else None,
            found.append_time,
        )
        return checks

    def _check_place(self, record: Record, key: bytes, *, outside: bool) -> None:
        if record.key != key:
            raise InvalidMessage(Reason.WRONG_KEY, f"the key of this record must be {key!r}, not {record.key!r}")
        if outside and len(key) > LONGEST_KEY:
            raise InvalidMessage(Reason.INVALID, f"its key has {len(key)} bytes of {LONGEST_KEY}: shorten the id")
        if outside and (right := partition_of(key, self.partitions)) != record.partition:
            raise InvalidMessage(
                Reason.WRONG_PARTITION,
                f"key {key!r} belongs to partition {right}: use the partitioner murmur2_random "
                "(Java's and kafkajs' default; librdkafka: partitioner=murmur2_random)",
            )
