"""Brings the view up to the log, and keeps it there: in bulk at the start, then behind Faust."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from infra.kafka.client import KafkaLog
from infra.kafka.log import Record, TopicPartition
from infra.kafka.scan import decoded, ends_of, partitions_of
from schemas.codec import Codec
from streams.insights.exact import Run
from streams.insights.fold import FOLDED
from streams.insights.store import ViewWriter

logger = logging.getLogger(__name__)
LOST: Final = 70  # exit status (EX_SOFTWARE): records were lost on the way; the next start reads them again
BULK: Final = 5_000  # records in one transaction
WAIT: Final = 0.2  # seconds a read may wait
QUIET: Final = 1.0  # seconds without a record after which an open transaction is left to Faust


class Gap(NamedTuple):
    """A place where records are missing between the view and what came."""

    topic: str
    partition: int
    position: int  # of the view
    after: int  # of the run


class Following:
    """The view and how far it is behind. Applying is for one thread; the rest may be asked from any."""

    def __init__(self, view: ViewWriter, codec: Codec, *, prefix: str) -> None:
        self._view, self._codec, self._prefix = view, codec, prefix
        self.complete_at: float | None = None  # seconds since the epoch: everything committed before is in the view
        self.applied = 0  # records since the start
        self.turned: Callable[[], None] = lambda: None  # told after every turn

    @property
    def is_ready(self) -> bool:
        """Whether the view was once level with the log."""
        return self.complete_at is not None

    def position(self, topic: str, partition: int) -> int:
        """The last offset that was applied of a topic as it is named on the cluster."""
        return self._view.position(topic.removeprefix(self._prefix), partition)

    def catch_up(self, log: KafkaLog, stopping: Callable[[], bool]) -> int:
        """Read what is committed now, in bulk; how many records. Raises what the log raises."""
        self._begin_anew_where_needed(log)
        began, count = time.time(), 0
        ends = ends_of(log, FOLDED)
        start = {place: self._start(log, place) for place in partitions_of(log, FOLDED)}
        reader = log.reader(start)
        moved = time.monotonic()
        try:
            while not stopping() and any(reader.position(place) < end for place, end in ends.items()):
                records = reader.read(BULK, WAIT)
                self.apply(records)
                self.turned()
                count += len(records)
                if records:
                    moved = time.monotonic()
                elif time.monotonic() - moved > QUIET:
                    break
            else:
                self.complete_at = began
        finally:
            reader.close()
        return count

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records of topics by their names in the catalogue; those that were applied before change nothing."""
        entries = [decoded(record, self._codec) for record in records]
        if entries:
            self._view.apply(entries)
            self.applied += len(entries)

    def take(self, runs: Iterable[Run]) -> Gap | None:
        """Apply runs up to the first one that does not follow on what came before it."""
        reached: dict[TopicPartition, int] = {}
        fitting: list[Record] = []
        gap = None
        for run in runs:
            place = TopicPartition(run.records[0].topic.removeprefix(self._prefix), run.records[0].partition)
            at = reached.get(place, self._view.position(*place))
            if run.after > at:
                gap = Gap(*place, at, run.after)
                break
            reached[place] = max(at, run.records[-1].offset)
            fitting += [record._replace(topic=place.topic) for record in run.records if record.offset > at]
        self.apply(fitting)
        return gap

    def _start(self, log: KafkaLog, place: TopicPartition) -> int:
        """Behind what was applied. Where retention took what lies between, that is said, and the rest is read."""
        wanted, there = self._view.position(*place) + 1, log.beginning(place)
        if wanted < there and wanted > 0:
            logger.warning(
                "Retention took offsets %d to %d of %s before they were counted.", wanted, there - 1, place,
                extra={"action": "insights_records_gone"},
            )  # fmt: skip
        return max(wanted, there)

    def _begin_anew_where_needed(self, log: KafkaLog) -> None:
        for place, position in self._view.positions.items():
            if position >= log.watermark(place):
                logger.warning(
                    "The view is at offset %d of %s, which the log does not have: it is rebuilt.", position, place,
                    extra={"action": "insights_rebuilt"},
                )  # fmt: skip
                self._view.begin_anew()
                return


def give_up(reason: str) -> None:
    """End at once, so that the supervisor starts anew: reading goes on behind what the view has applied."""
    logger.error("%s; starting again reads them anew.", reason, extra={"action": "insights_lost"})
    logging.shutdown()
    os._exit(LOST)
