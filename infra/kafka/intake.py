"""From records to messages: one decode, and the checks that hold for every topic."""

from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.log import Record
from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Message
from schemas.codec import Codec, Undecodable
from schemas.topics import BY_NAME, Keyed


class Intake:
    """Decodes and checks records; `partitions` is the installation's partition count."""

    def __init__(self, codec: Codec, partitions: int) -> None:
        self._codec, self._partitions = codec, partitions

    def message(self, record: Record) -> Message:
        """The decoded record. Raises `InvalidMessage` with the reason."""
        topic, partition, offset, timestamp, key, value = record
        catalogued = BY_NAME[topic]
        if value is not None and len(value) > catalogued.max_value_bytes:
            raise InvalidMessage(
                Reason.TOO_LARGE,
                f"{len(value)} bytes uncompressed; {topic} takes {catalogued.max_value_bytes}: send large contents "
                "by reference (content_uri and content_sha256)",
            )
        try:
            event = self._codec.decode(value)
        except Undecodable as error:
            raise InvalidMessage(Reason(error.reason), error.detail) from error
        if type(event) not in catalogued.events:
            raise InvalidMessage(Reason.WRONG_EVENT, f"{type(event).__name__} does not belong on {topic}")
        if not catalogued.arbitrated and catalogued.keyed is not Keyed.ORIGINAL:
            self._check_place(record, catalogued.key_of(event).encode(), outside=catalogued.append_time)
        return Message(event, topic, partition, offset, timestamp, key or b"", value or b"")

    def _check_place(self, record: Record, key: bytes, *, outside: bool) -> None:
        if record.key != key:
            raise InvalidMessage(Reason.WRONG_KEY, f"the key of this record must be {key!r}, not {record.key!r}")
        if outside and (right := partition_of(key, self._partitions)) != record.partition:
            raise InvalidMessage(
                Reason.WRONG_PARTITION,
                f"key {key!r} belongs to partition {right}: use the partitioner murmur2_random "
                "(Java's and kafkajs' default; librdkafka: partitioner=murmur2_random)",
            )
