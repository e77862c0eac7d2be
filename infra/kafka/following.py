"""Config topics: read whole before the first decision, then followed; every decision knows how far it had read."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from infra.kafka.errors import InvalidMessage
from infra.kafka.intake import Intake
from infra.kafka.log import Log, Reader, TopicPartition
from infra.kafka.observing import UNOBSERVED, Observer
from infra.kafka.stage import Message, Stage

C = TypeVar("C")
logger = logging.getLogger(__name__)
CHUNK: Final = 1_000  # records a read
WAIT: Final = 0.5  # seconds a read may wait for the log


def read_until(reader: Reader, until: dict[TopicPartition, int]) -> Iterator[list[Any]]:
    """Batches of records until the reader's committed position has reached every given offset."""
    while any(reader.position(partition) < offset for partition, offset in until.items()):
        yield reader.read(CHUNK, WAIT)


class ConfigFollower(Generic[C]):
    """Folds a stage's config topics; `offsets` names the next offset of each that is in force."""

    def __init__(self, stage: Stage[Any, C], log: Log, intake: Intake, observer: Observer = UNOBSERVED) -> None:
        self._stage, self._log, self._intake, self._observer = stage, log, intake, observer
        self._partitions: Sequence[TopicPartition] = [TopicPartition(t.name, 0) for t in stage.config_topics]
        self._reader: Reader | None = None
        self.config: C = stage.initial_config()
        self.offsets: dict[str, int] = {p.topic: 0 for p in self._partitions}

    def catch_up(self) -> bool:
        """Read up to the high watermarks of now, waiting for open transactions; True when the configuration changed."""
        before, until = self.offsets, {p: self._log.watermark(p) for p in self._partitions}
        if not until:
            return False
        if self._reader is None:
            self._reader = self._log.reader(dict.fromkeys(self._partitions, 0))
        for records in read_until(self._reader, until):
            if records:  # waiting for a transaction that nobody ends is no sign of life
                self._observer.alive()
            self._fold(records)
        return self.offsets != before

    def follow(self) -> bool:
        """Take what has come; True when the configuration changed."""
        if self._reader is None:
            return False
        records = self._reader.read(CHUNK, 0)
        self._fold(records)
        return bool(records)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _fold(self, records: Sequence[Any]) -> None:
        if not records:
            return
        offsets = dict(self.offsets)  # a new value: lanes and events keep the old one
        for record in records:
            try:
                message: Message = self._intake.message(record)
            except InvalidMessage as error:
                logger.error(
                    "A record of %s at offset %d is no configuration (%s); what was in force stays.",
                    record.topic, record.offset, error, extra={"action": "config_ignored"},
                )  # fmt: skip
            else:
                self.config = self._stage.fold_config(self.config, message)
                self._observer.followed(message.event)
            offsets[record.topic] = record.offset + 1
        self.offsets = offsets
