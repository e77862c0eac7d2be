"""Configuration as it is now, the fold of some topics, and beside it what comes on another: one reader for both."""

import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from infra.kafka.listening import Listening
from infra.kafka.log import Log, Reader, Record, TopicPartition
from infra.kafka.scan import decoded, partitions_of
from schemas.codec import Codec
from schemas.events import Event

C = TypeVar("C")
logger = logging.getLogger(__name__)


class Configuration(Generic[C]):
    """Reads in a thread of its own, committed records only; `in_force` may be looked at from any."""

    def __init__(
        self, log: Log, codec: Codec, topics: Sequence[str], nothing: C, fold: Callable[[C, Event], C], *,
        beside: str, take: Callable[[Sequence[Record]], None], failed: Callable[[], None],
    ) -> None:  # fmt: skip
        """`take` gets what comes on the topic `beside`, in that thread; `failed` hears that it cannot go on."""
        self._log, self._codec, self._fold, self._take, self._beside = log, codec, fold, take, beside
        self.in_force = nothing
        self.caught_up = False  # whether the configuration of the moment it began is known
        self._places = [TopicPartition(name, 0) for name in topics]
        self._listening = Listening(log, "following", take=self._read, failed=failed)

    @property
    def failure(self) -> Exception | None:
        """Why it cannot go on."""
        return self._listening.failure

    def start(self) -> dict[TopicPartition, int]:
        """Begin: configuration from the first; where it begins on the other topic, which is now.

        Raises `LogUnavailable`, `TopicMissing`.
        """
        starts = {place: self._log.watermark(place) for place in partitions_of(self._log, [self._beside])}
        self._ends = {place: self._log.watermark(place) for place in self._places}
        self._listening.start({**{p: self._log.beginning(p) for p in self._places}, **starts})
        return starts

    def close(self) -> None:
        """End the thread."""
        self._listening.close()

    def _read(self, records: Sequence[Record], reader: Reader) -> None:
        beside = [record for record in records if record.topic == self._beside]
        for record in records:
            if record.topic != self._beside:
                self._follow(record)
        if beside:
            self._take(beside)
        self.caught_up = self.caught_up or all(reader.position(p) >= end for p, end in self._ends.items())

    def _follow(self, record: Record) -> None:
        entry = decoded(record, self._codec)
        if entry.event is not None:
            self.in_force = self._fold(self.in_force, entry.event)
        else:
            logger.error(
                "A record of %s at offset %d cannot be read (%s); what was in force stays.",
                record.topic, record.offset, entry.unreadable, extra={"action": "config_ignored"},
            )  # fmt: skip
