"""What a stage reads back when a partition becomes its own."""

import logging
from collections.abc import Callable, Iterator, Mapping

from infra.kafka.errors import InvalidMessage, RecordsLost
from infra.kafka.following import read_until
from infra.kafka.intake import Intake
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.stage import Message

logger = logging.getLogger(__name__)


class LogSource:
    """Reads the log for one partition number, once the committed positions of its inputs are known and stable.

    The order matters: positions first, then high watermarks. A commit's markers are not atomic across partitions, but
    a position that is stable says that its transaction has ended, and all its records lie below the watermark asked
    afterwards.
    """

    def __init__(
        self, log: Log, intake: Intake, partition: int, committed: Mapping[str, int], *, alive: Callable[[], None]
    ) -> None:
        """`alive` hears of each chunk that was read: a restore may take minutes."""
        self.partition = partition
        self._log, self._intake, self._committed, self._alive = log, intake, committed, alive

    def committed(self, topic: str) -> int:
        return self._committed[topic]

    def up_to_watermark(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        place = TopicPartition(topic, self.partition)
        return self._messages(place, since, self._log.watermark(place))

    def latest(self, topic: str) -> Iterator[Message]:
        place = TopicPartition(topic, self.partition)
        last: dict[bytes, Record] = {}
        for record in self._records(place, None, self._log.watermark(place)):
            last[record.key or b""] = record
        for record in last.values():
            if record.value is None:
                continue
            try:
                yield self._intake.message(record)
            except InvalidMessage as error:
                logger.error(
                    "%s[%d] at offset %d is none of ours (%s): its key %r is restored without it.",
                    *record[:3], error, record.key, extra={"action": "restore_skipped"},
                )  # fmt: skip

    def up_to_committed(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        return self._messages(TopicPartition(topic, self.partition), since, self._committed_end(topic))

    def timestamp_before(self, topic: str) -> int | None:
        place, end = TopicPartition(topic, self.partition), self._committed_end(topic)
        beginning, step = self._log.beginning(place), 1
        while True:
            start = max(end - step, beginning)
            last = None
            for record in self._records(place, start, end):
                last = record.timestamp
            if last is not None or start <= beginning:
                return last
            step *= 16  # only markers and aborted records so near the end: look further back

    def _committed_end(self, topic: str) -> int:
        place, end = TopicPartition(topic, self.partition), self._committed[topic]
        if end > (watermark := self._log.watermark(place)):
            ends = f"{topic}[{self.partition}] ends at {watermark}, but {end} is committed"
            raise RecordsLost(f"{ends}. {RecordsLost.__doc__}")
        return end

    def _messages(self, place: TopicPartition, since: int | None, end: int) -> Iterator[Message]:
        start = None if since is None else self._log.offset_at(place, since)
        for record in self._records(place, start, end):
            try:
                yield self._intake.message(record)
            except InvalidMessage:
                continue  # it became a dead letter when it was processed

    def _records(self, place: TopicPartition, start: int | None, end: int) -> Iterator[Record]:
        first = self._log.beginning(place) if start is None else max(start, self._log.beginning(place))
        if first >= end:
            return
        reader = self._log.reader({place: first})
        try:
            for records in read_until(reader, {place: end}):
                if records:
                    self._alive()
                for record in records:
                    if record.offset < end:
                        yield record
        finally:
            reader.close()
