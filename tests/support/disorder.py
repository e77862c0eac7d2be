"""A log whose topics are read out of step: any partition may be ahead of any other, and some records come twice."""

from collections.abc import Mapping
from random import Random

from infra.kafka.log import Log, Record, TopicPartition


class OutOfStep:
    """Reads a log that no longer grows; implements the part of `infra.kafka.log.Log` that a follower needs."""

    def __init__(self, log: Log, random: Random) -> None:
        self._log, self._random = log, random

    def partitions(self, topic: str) -> int:
        return self._log.partitions(topic)

    def beginning(self, partition: TopicPartition) -> int:
        return self._log.beginning(partition)

    def watermark(self, partition: TopicPartition) -> int:
        return self._log.watermark(partition)

    def reader(self, start: Mapping[TopicPartition, int]) -> "OutOfStepReader":
        return OutOfStepReader(self._log, self._random, start)


class OutOfStepReader:
    """Takes a few records of one partition, then of another."""

    def __init__(self, log: Log, random: Random, start: Mapping[TopicPartition, int]) -> None:
        self._random = random
        self._ends = {place: log.watermark(place) for place in start}
        self._waiting: dict[TopicPartition, list[Record]] = {place: [] for place in start}
        self._positions = dict(start)
        for record in committed(log, start):
            self._waiting[TopicPartition(record.topic, record.partition)].append(record)

    def read(self, max_records: int, timeout_seconds: float) -> list[Record]:
        records: list[Record] = []
        for _ in range(self._random.randint(1, 4)):
            place = self._random.choice(list(self._waiting))
            count = self._random.randint(1, 5)
            taken, self._waiting[place] = self._waiting[place][:count], self._waiting[place][count:]
            records += taken
            records += self._random.sample(taken, k=self._random.randint(0, min(1, len(taken))))
            if taken:
                self._positions[place] = taken[-1].offset + 1
            if not self._waiting[place]:
                self._positions[place] = self._ends[place]
        return records

    def last_end(self, partition: TopicPartition) -> int | None:
        return self._ends[partition]

    def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def close(self) -> None: ...


def committed(log: Log, start: Mapping[TopicPartition, int]) -> list[Record]:
    """Every committed record from these offsets on, of a log that no longer grows."""
    ends = {place: log.watermark(place) for place in start}
    reader, records = log.reader(start), []
    while any(reader.position(place) < end for place, end in ends.items()):
        records += reader.read(1_000, 1.0)
    reader.close()
    return records
