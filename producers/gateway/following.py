"""What the gateway reads all the time: policies and signing keys in force, and the outcomes that somebody waits for."""

import logging
import threading
from collections.abc import Callable, Container, Sequence
from typing import Final

from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.scan import decoded, partitions_of
from schemas.codec import Codec
from schemas.events import DecisionMade
from schemas.topics import IDENTITIES, OUTCOMES, POLICIES
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

READ: Final = 0.2  # seconds a read may wait; records come at once
MOST: Final = 1_000  # records a read

logger = logging.getLogger(__name__)


class Following:
    """Reads in a thread of its own, committed records only; `policies` and `identities` may be looked at from any."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        *,
        awaited: Container[bytes | None],
        tell: Callable[[Sequence[DecisionMade]], None],
        failed: Callable[[], None],
    ) -> None:
        """`tell` gets outcomes whose key is `awaited`, in that thread; `failed` hears that it cannot go on."""
        self._log, self._codec, self._awaited, self._tell, self._failed = log, codec, awaited, tell, failed
        self.policies: Policies = NO_POLICIES
        self.identities: Identities = NO_IDENTITIES
        self.caught_up = False  # whether the configuration of the moment it began is known
        self.failure: Exception | None = None
        self._places = [TopicPartition(topic.name, 0) for topic in (POLICIES, IDENTITIES)]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="following", daemon=True)

    def start(self) -> None:
        """Begin: configuration from the first, outcomes from now on. Raises `LogUnavailable`, `TopicMissing`."""
        starts = {place: self._log.watermark(place) for place in partitions_of(self._log, [OUTCOMES.name])}
        self._ends = {place: self._log.watermark(place) for place in self._places}
        self._reader = self._log.reader({**{p: self._log.beginning(p) for p in self._places}, **starts})
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        try:
            while not self._ending.is_set():
                self._take(self._reader.read(MOST, READ))
                if not self.caught_up:
                    self.caught_up = all(self._reader.position(p) >= end for p, end in self._ends.items())
            self._reader.close()
        except Exception as error:  # noqa: BLE001 - raised again where the process ends
            self.failure = error
            self._failed()

    def _take(self, records: Sequence[Record]) -> None:
        outcomes: list[DecisionMade] = []
        for record in records:
            if record.topic != OUTCOMES.name:
                self._fold(record)
            elif record.key in self._awaited:
                event = decoded(record, self._codec).event
                if isinstance(event, DecisionMade):
                    outcomes.append(event)
        if outcomes:
            self._tell(outcomes)

    def _fold(self, record: Record) -> None:
        entry = decoded(record, self._codec)
        if entry.event is not None:
            self.policies = fold_policies(self.policies, entry.event)
            self.identities = fold_identities(self.identities, entry.event)
        else:
            logger.error(
                "A record of %s at offset %d cannot be read (%s); what was in force stays.",
                record.topic, record.offset, entry.unreadable, extra={"action": "config_ignored"},
            )  # fmt: skip
