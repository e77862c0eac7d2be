"""The newest records of a topic, from its end backwards, a page at a time: no topic is ever read whole."""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from infra.kafka.log import Log, Reader, Record, TopicPartition

FIRST_STEP: Final = 16  # offsets of each partition: large records must not come in hundreds
WIDER: Final = 4  # times as many in each further step
WIDEST: Final = 4_096
MOST_STEPS: Final = 12  # through stretches without records
PATIENCE: Final = 5.0  # seconds for one step
HEARING: Final = 0.1  # seconds

Before = Mapping[int, int]  # by partition, the offset before which is read


class Newest(NamedTuple):
    """Records, the newest first, and where the older ones begin; `is_last` when there are none."""

    records: tuple[Record, ...]
    before: Before
    is_last: bool


def newest(log: Log, topic: str, *, before: Before | None = None, most: int, most_bytes: int) -> Newest:
    """The newest records before these offsets (default: the end), at most so many, and about so many bytes of values.

    Partitions are merged by the records' times. Offsets that the topic does not have are those of its nearest record.
    """
    places = [TopicPartition(topic, number) for number in range(log.partitions(topic))]
    begins = {place: log.beginning(place) for place in places}
    asked = before or {}
    ends = {place: _within(begins[place], log.watermark(place), asked.get(place.partition)) for place in places}
    merging = _Merging(begins, ends)
    step, size = FIRST_STEP, 0
    for _ in range(MOST_STEPS):
        wanted = merging.wanting()
        if not wanted or len(merging.taken) >= most or size >= most_bytes:
            break
        found = _between(log, {place: (max(begins[place], end - step), end) for place, end in wanted.items()})
        size += sum(len(record.value or b"") for records in found.values() for record in records)
        merging.add(found, step)
        merging.take(most)
        step = min(WIDEST, step * WIDER)
    return merging.page()


class _Merging:
    """Partitions that are read backwards, merged as far as is known what comes next in each."""

    def __init__(self, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
        self._begins, self._known = begins, dict(ends)  # `_known`: from where on each was read
        self._before = dict(ends)
        self._waiting: dict[TopicPartition, list[Record]] = {place: [] for place in ends}  # the newest last
        self.taken: list[Record] = []

    def wanting(self) -> dict[TopicPartition, int]:
        """Partitions of which more must be read to go on, and before which offset."""
        return {
            place: known
            for place, known in self._known.items()
            if not self._waiting[place] and known > self._begins[place]
        }

    def add(self, found: Mapping[TopicPartition, list[Record]], step: int) -> None:
        for place, records in found.items():
            self._known[place] = max(self._begins[place], self._known[place] - step)
            self._waiting[place] = records
            if not records:
                self._before[place] = self._known[place]

    def take(self, most: int) -> None:
        """The newest first, until a partition must be read further."""
        while len(self.taken) < most and not self.wanting():
            heads = [(records[-1].timestamp, place) for place, records in self._waiting.items() if records]
            if not heads:
                return
            _, place = max(heads)
            record = self._waiting[place].pop()
            self.taken.append(record)
            self._before[place] = record.offset

    def page(self) -> Newest:
        is_last = not self.wanting() and not any(self._waiting.values())
        return Newest(tuple(self.taken), {place.partition: at for place, at in self._before.items()}, is_last)


def _within(begin: int, end: int, asked: int | None) -> int:
    return end if asked is None else min(max(begin, asked), end)


def _between(log: Log, ranges: Mapping[TopicPartition, tuple[int, int]]) -> dict[TopicPartition, list[Record]]:
    """What is committed there, the oldest first."""
    found: dict[TopicPartition, list[Record]] = {place: [] for place in ranges}
    reader = log.reader({place: first for place, (first, _) in ranges.items()})
    try:
        deadline = time.monotonic() + PATIENCE
        while not all(_is_done(reader, place, end) for place, (_, end) in ranges.items()):
            records = reader.read(1_000, HEARING)
            for record in records:
                place = TopicPartition(record.topic, record.partition)
                if record.offset < ranges[place][1]:
                    found[place].append(record)
            heard = all(reader.last_end(place) is not None for place in ranges)
            if not records and (heard or time.monotonic() > deadline):
                break  # behind it lies what is not committed yet
    finally:
        reader.close()
    return found


def _is_done(reader: Reader, place: TopicPartition, end: int) -> bool:
    return reader.position(place) >= end
