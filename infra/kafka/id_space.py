"""Which number means which schema in this cluster: given once, by `hitl topics apply`, and never changed.

A record of the topic `schema-ids` gives one schema (its fingerprint is the key) a number. The first record that names a
fingerprint or a number counts, whoever wrote it: so two installations with different lists cannot both be right.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from infra.errors import FatalConfiguration
from infra.kafka.following import read_until
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.topic_plan import Difference, Shape
from infra.registry.ids import codec_of
from infra.settings import Settings
from schemas.codec import Codec, SchemaVersion, published

TOPIC: Final = "schema-ids"
PLACE: Final = TopicPartition(TOPIC, 0)
SETTINGS: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


SAME_FOR_ALL: Final = (
    "set HITL_SCHEMA_REGISTRY_URL as all else on this cluster has it (unset: our own ids hold), or set "
    "HITL_TOPIC_PREFIX to a prefix of its own."
)


class IdSpaceDiffers(FatalConfiguration):
    """The schemas of this installation have other numbers in this cluster; use the same registry, or another prefix."""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a record: plain JSON, since reading Avro needs what it says."""

    schema: str
    id: int


def shape(replication: int) -> Shape:
    """The topic as it should be; it is no topic of events, so the catalogue does not name it."""
    return Shape(partitions=1, replication=replication, settings=SETTINGS)


def fold(records: Iterable[Record]) -> dict[bytes, int]:
    """Number by fingerprint; of records that contradict each other, the first counts. Raises `IdSpaceDiffers`."""
    ids: dict[bytes, int] = {}
    taken: set[int] = set()
    for record in records:
        fingerprint = record.key or b""
        number = _number(record)
        if fingerprint not in ids and number not in taken:
            ids[fingerprint] = number
            taken.add(number)
    return ids


def _number(record: Record) -> int:
    try:
        return msgspec.json.decode(record.value or b"", type=Numbered).id
    except msgspec.DecodeError as error:  # passed over by one reader and not by another, it would split the cluster
        raise IdSpaceDiffers(
            f"the record at offset {record.offset} of {TOPIC} gives no schema a number ({error}): only `hitl topics "
            "apply` may write there; set HITL_TOPIC_PREFIX to a prefix of its own."
        ) from error


def unbound(ids: Mapping[bytes, int], versions: Sequence[SchemaVersion]) -> list[SchemaVersion]:
    """Versions that have no number yet. Raises `IdSpaceDiffers` when one has another number, or its number is taken."""
    owners = {number: fingerprint for fingerprint, number in ids.items()}
    for version in versions:
        number = ids.get(version.fingerprint, version.schema_id)
        if number != version.schema_id or owners.get(number, version.fingerprint) != version.fingerprint:
            raise IdSpaceDiffers(
                f"schema {version.key} has the id {version.schema_id} here, but in this cluster "
                f"{f'it has {number}' if number != version.schema_id else 'another schema has it'}: {SAME_FOR_ALL}"
            )
    return [version for version in versions if version.fingerprint not in ids]


def bound_ids(log: Log) -> dict[bytes, int]:
    """Numbers in this cluster, by fingerprint. Raises `TopicMissing` before the first `hitl topics apply`."""
    end = log.watermark(PLACE)
    reader = log.reader({PLACE: log.beginning(PLACE)})
    try:
        return fold(record for records in read_until(reader, {PLACE: end}) for record in records)
    finally:
        reader.close()


def numbered(ids: Mapping[bytes, int]) -> list[SchemaVersion]:
    """Every published schema under its number of an id space."""
    return [replace(version, schema_id=ids[version.fingerprint]) for version in published()]


def bind(log: Log, versions: Sequence[SchemaVersion]) -> int:
    """Give schemas their numbers in this cluster; how many were new. Raises `IdSpaceDiffers`."""
    new = unbound(bound_ids(log), versions)
    if new:
        producer = log.producer(transactional_id=None)
        for version in new:
            value = msgspec.json.encode(Numbered(schema=version.key, id=version.schema_id))
            producer.send(TOPIC, version.fingerprint, value, 0)
        producer.flush()
        producer.close()
        unbound(bound_ids(log), versions)  # somebody else may have been first
    return len(new)


def require_bound(log: Log, codec: Codec) -> None:
    """Before a process reads or writes events: the codec's numbers are the cluster's. Raises `IdSpaceDiffers`."""
    if missing := unbound(bound_ids(log), numbered(codec.ids)):
        raise IdSpaceDiffers(f"schema {missing[0].key} has no id in this cluster: run `hitl topics apply`.")


def bound_codec(log: Log, settings: Settings) -> Codec:
    """The codec over the ids that the settings name, which are those of the cluster.

    Raises `IdSpaceDiffers`, `TopicMissing` before the first `hitl topics apply`, and what a schema registry may raise.
    """
    codec = codec_of(settings)
    require_bound(log, codec)
    return codec


def difference(log: Log, topic: str, versions: Sequence[SchemaVersion]) -> list[Difference]:
    """What `bind` would do, or why it would not."""
    try:
        missing = unbound(bound_ids(log), versions)
    except IdSpaceDiffers as error:
        return [Difference(topic=topic, what="schema ids", wanted="ours", found="others", refused=str(error))]
    return [
        Difference(topic=topic, what="schema ids", wanted=f"{version.key} = {version.schema_id}", found="none")
        for version in missing
    ]
