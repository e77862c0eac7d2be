"""Everything that is committed in some topics as of now: what commands and auditors read."""

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from infra.errors import HitlError
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.partitioner import partition_of
from schemas.codec import Codec, Undecodable
from schemas.events import Event
from schemas.topics import BY_NAME, Keyed
from schemas.values import Coordinates

READ_TIMEOUT: Final = 0.5  # seconds
MAX_RECORDS: Final = 5_000
# Milliseconds by which a record may be older than one before it: writers, and what they waited for, are many.
OUT_OF_ORDER: Final = 120_000
STALLED_AFTER: Final = 60.0  # seconds; an open transaction ends within 15

Progress = Callable[[int, int], None]


class ScanStalled(HitlError):
    """The log could not be read up to its end; see whether the brokers serve (`hitl status`), then try again."""


class Entry(NamedTuple):
    """A record as it lies in the log, with its event, or why there is none."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # milliseconds since the epoch
    key: bytes | None
    value: bytes | None
    event: Event | None = None
    unreadable: str = ""

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(topic=self.topic, partition=self.partition, offset=self.offset)


def name_of(place: TopicPartition) -> str:
    """A partition as the read model names it.

    >>> name_of(TopicPartition("outcomes", 3))
    'outcomes[3]'
    """
    return f"{place.topic}[{place.partition}]"


def partitions_of(log: Log, topics: Collection[str]) -> list[TopicPartition]:
    """Every partition of these topics."""
    return [TopicPartition(topic, number) for topic in topics for number in range(log.partitions(topic))]


def ends_of(log: Log, topics: Collection[str]) -> dict[TopicPartition, int]:
    """The high watermark of every partition of these topics, as of now; those of the first topics are asked first."""
    return {partition: log.watermark(partition) for partition in partitions_of(log, topics)}


def scan(
    log: Log,
    codec: Codec,
    topics: Collection[str],
    *,
    ends: Mapping[TopicPartition, int] | None = None,
    starts: Mapping[TopicPartition, int] | None = None,
    wanted: Callable[[Record], bool] | None = None,
    progress: Progress | None = None,
) -> Iterator[Entry]:
    """All committed records before `ends` (default: the watermarks of now), each partition in order.

    Records that are not `wanted` are passed over without being decoded. `progress` is told how many offsets are done,
    and of how many. Raises `ScanStalled`.
    """
    ends = ends_of(log, topics) if ends is None else ends
    known = starts or {}
    begins = {tp: known[tp] if tp in known else log.beginning(tp) for tp in ends}
    open_ones = {tp: end for tp, end in ends.items() if begins[tp] < end}
    total = sum(end - begins[tp] for tp, end in open_ones.items())
    if not open_ones:
        return
    reader = log.reader({tp: begins[tp] for tp in open_ones})
    try:
        positions = {tp: begins[tp] for tp in open_ones}
        moved = time.monotonic()
        while any(positions[tp] < end for tp, end in open_ones.items()):
            for record in reader.read(MAX_RECORDS, READ_TIMEOUT):
                end = open_ones[TopicPartition(record.topic, record.partition)]
                if record.offset < end and (wanted is None or wanted(record)):
                    yield decoded(record, codec)
            now_at = {tp: reader.position(tp) for tp in open_ones}
            moved = _moved(positions, now_at, moved)
            positions = now_at
            if progress is not None:
                left = sum(max(0, end - positions[tp]) for tp, end in open_ones.items())
                progress(total - left, total)
    finally:
        reader.close()


def decoded(record: Record, codec: Codec) -> Entry:
    """The record with its event; what cannot be read says why instead."""
    try:
        return Entry(*record, codec.decode(record.value), "")
    except Undecodable as error:
        return Entry(*record, None, str(error))


def _moved(before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, int], moved: float) -> float:
    now = time.monotonic()
    if before != after:
        return now
    if now - moved > STALLED_AFTER:
        raise ScanStalled()
    return moved


def about(
    log: Log,
    codec: Codec,
    request_id: str,
    topics: Collection[str],
    *,
    since: int | None = None,
    until: int | None = None,
    after: Mapping[TopicPartition, int] | None = None,
    progress: Progress | None = None,
) -> list[Entry]:
    """Every event of one request in these topics; of request-keyed ones only the request's own partition is read.

    `since` and `until`: only records that were written between (milliseconds since the epoch). `after`: only from these
    offsets on.
    """
    key, places = request_id.encode(), places_of(log, request_id, topics)
    late = None if until is None else until + OUT_OF_ORDER
    ends = log.watermarks(places) if late is None else {place: log.offset_at(place, late) for place in places}
    starts = after if since is None else {place: log.offset_at(place, since) for place in places}
    entries = scan(
        log,
        codec,
        topics,
        ends=ends,
        starts=starts,
        wanted=lambda record: may_be_about(record, key),
        progress=progress,
    )
    first, last = since if since is not None else -sys.maxsize, until if until is not None else sys.maxsize
    return [
        entry
        for entry in entries
        if getattr(entry.event, "request_id", None) == request_id and first <= entry.timestamp < last
    ]


def places_of(log: Log, request_id: str, topics: Collection[str]) -> list[TopicPartition]:
    """Where something about a request may lie: of request-keyed topics only its own partition."""
    key = request_id.encode()

    def may_hold(partition: TopicPartition) -> bool:
        if BY_NAME[partition.topic].keyed is not Keyed.REQUEST:
            return True
        return partition.partition == partition_of(key, log.partitions(partition.topic))

    return [partition for partition in partitions_of(log, topics) if may_hold(partition)]


def may_be_about(record: Record, request_id: bytes) -> bool:
    """Whether a record has the id as its key, or under another key holds it somewhere; Avro writes a text as its
    bytes."""
    if record.key == request_id:
        return True
    return BY_NAME[record.topic].keyed is not Keyed.REQUEST and request_id in (record.value or b"")
