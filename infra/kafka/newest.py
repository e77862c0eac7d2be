"""The newest records of a topic, from its end backwards, a page at a time: no topic is ever read whole."""

from collections.abc import Mapping
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from infra.kafka.log import Fetcher, Log, Record, TopicPartition

FIRST_STEP: Final = 16  # offsets of each partition: large records must not come in hundreds
WIDER: Final = 8  # times as many after a step that found none
WIDEST: Final = 4_096
MOST_STEPS: Final = 12  # through stretches without records
PATIENCE: Final = 5.0  # seconds for one step
PENDING: Final = 0.05  # seconds for what is in an open transaction
PART_BYTES: Final = 256 * 1024  # of a partition in one answer

Before = Mapping[int, int]  # by partition, the offset before which is read


class Newest(NamedTuple):
    """Records, the newest first: from `began` on backwards, and where the older ones begin, unless it `is_last`.

    `in_all`: how many offsets the topic keeps, those included that hold no record.
    """

    records: tuple[Record, ...]
    began: Before
    before: Before
    is_last: bool
    in_all: int


def newest(log: Log, topic: str, *, before: Before | None = None, most: int, most_bytes: int) -> Newest:
    """The newest records before these offsets (default: the end), at most so many, and about so many bytes of values.

    Partitions are merged by the records' times. Offsets that the topic does not have are those of its nearest record.
    """
    places = [TopicPartition(topic, number) for number in range(log.partitions(topic))]
    begins, watermarks, asked = log.beginnings(places), log.watermarks(places), before or {}
    ends = {place: _within(begins[place], watermarks[place], asked.get(place.partition)) for place in places}
    in_all = sum(watermarks[place] - begins[place] for place in places)
    fetcher = log.fetcher(part_bytes=PART_BYTES)
    try:
        merging = _merged(fetcher, begins, ends, most=most, most_bytes=most_bytes)
    finally:
        fetcher.close()
    return Newest(tuple(merging.taken), _by_number(ends), _by_number(merging.before), merging.is_last, in_all)


def _merged(
    fetcher: Fetcher, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], *, most: int,
    most_bytes: int,
) -> "_Merging":  # fmt: skip
    merging = _Merging(begins, ends)
    step, count, size = FIRST_STEP, 0, 0
    for _ in range(MOST_STEPS):
        if not merging.wanting() or len(merging.taken) >= most or size >= most_bytes:
            break
        wanted = merging.short_of(step)
        found = _between(fetcher, {place: range(max(begins[place], end - step), end) for place, end in wanted.items()})
        records = list(chain.from_iterable(found.values()))
        count, size = count + len(records), size + sum(len(record.value or b"") for record in records)
        merging.add(found, step)
        merging.take(most)
        fitting = (most_bytes - size) * count // max(1, size)  # as many as have room, if the others are like these
        step = _next_step(step, len(records), min(2 * (most - len(merging.taken)), fitting) // len(ends))
    return merging


class _Merging:
    """Partitions that are read backwards, merged as far as is known what comes next in each."""

    def __init__(self, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        self._begins, self._known = begins, dict(ends)  # `_known`: from where on each was read
        self.before = dict(ends)
        self._waiting: dict[TopicPartition, list[Record]] = {place: [] for place in ends}  # the newest last
        self.taken: list[Record] = []

    def wanting(self) -> dict[TopicPartition, int]:
        """Partitions of which more must be read to go on, and before which offset."""
        return {
            place: known
            for place, known in self._known.items()
            if not self._waiting[place] and known > self._begins[place]
        }

    def short_of(self, count: int) -> dict[TopicPartition, int]:
        """The same, with those that will be next: half as many records are waiting as are read at once."""
        return {
            place: known
            for place, known in self._known.items()
            if len(self._waiting[place]) <= count // 2 and known > self._begins[place]
        }

    def add(self, found: Mapping[TopicPartition, list[Record]], step: int) -> None:
        for place, records in found.items():
            self._known[place] = max(self._begins[place], self._known[place] - step)
            self._waiting[place] = records + self._waiting[place]
            if not self._waiting[place]:
                self.before[place] = self._known[place]

    def take(self, most: int) -> None:
        """The newest first, until a partition must be read further."""
        while len(self.taken) < most and not self.wanting():
            heads = [(records[-1].timestamp, place) for place, records in self._waiting.items() if records]
            if not heads:
                return
            _, place = max(heads)
            record = self._waiting[place].pop()
            self.taken.append(record)
            self.before[place] = record.offset

    @property
    def is_last(self) -> bool:
        """Whether nothing older is left."""
        return not self.wanting() and not any(self._waiting.values())


def _next_step(step: int, found: int, enough: int) -> int:
    """How many offsets of each partition come next: about as many as are `enough`, more where there is nothing."""
    return min(WIDEST, step * WIDER if not found else max(FIRST_STEP, enough))


def _within(begin: int, end: int, asked: int | None) -> int:
    return end if asked is None else min(max(begin, asked), end)


def _by_number(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {place.partition: offset for place, offset in offsets.items()}


def _between(fetcher: Fetcher, ranges: Mapping[TopicPartition, range]) -> dict[TopicPartition, list[Record]]:
    """What is committed there, the oldest first; behind it may lie what is not committed yet."""
    found: dict[TopicPartition, list[Record]] = {place: [] for place in ranges}
    for record in sorted(fetcher.fetch(ranges, PATIENCE, settle_seconds=PENDING), key=attrgetter("offset")):
        found[TopicPartition(record.topic, record.partition)].append(record)
    return found
