"""What the gateway reads all the time: the policies in force, and the outcomes that somebody waits for."""

import logging
from collections.abc import Callable, Container, Sequence

from infra.kafka.listening import Listening
from infra.kafka.log import Log, Reader, Record, TopicPartition
from infra.kafka.scan import decoded, partitions_of
from schemas.codec import Codec
from schemas.events import DecisionMade
from schemas.topics import OUTCOMES, POLICIES
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

logger = logging.getLogger(__name__)


class Following:
    """Reads in a thread of its own, committed records only; `policies` may be looked at from any thread."""

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
        self._log, self._codec, self._awaited, self._tell = log, codec, awaited, tell
        self.policies: Policies = NO_POLICIES
        self.caught_up = False  # whether the policies of the moment it began are known
        self._place = TopicPartition(POLICIES.name, 0)
        self._listening = Listening(log, "following", take=self._take, failed=failed)

    @property
    def failure(self) -> Exception | None:
        """Why it cannot go on."""
        return self._listening.failure

    def start(self) -> None:
        """Begin: policies from the first, outcomes from now on. Raises `LogUnavailable`, `TopicMissing`."""
        starts = {place: self._log.watermark(place) for place in partitions_of(self._log, [OUTCOMES.name])}
        self._end = self._log.watermark(self._place)
        self._listening.start({self._place: self._log.beginning(self._place), **starts})

    def close(self) -> None:
        """End the thread."""
        self._listening.close()

    def _take(self, records: Sequence[Record], reader: Reader) -> None:
        outcomes: list[DecisionMade] = []
        for record in records:
            if record.topic == POLICIES.name:
                self._fold(record)
            elif record.key in self._awaited:
                event = decoded(record, self._codec).event
                if isinstance(event, DecisionMade):
                    outcomes.append(event)
        if outcomes:
            self._tell(outcomes)
        self.caught_up = self.caught_up or reader.position(self._place) >= self._end

    def _fold(self, record: Record) -> None:
        entry = decoded(record, self._codec)
        if entry.event is not None:
            self.policies = fold_policies(self.policies, entry.event)
        else:
            logger.error(
                "A record of policies at offset %d cannot be read (%s); what was in force stays.",
                record.offset, entry.unreadable, extra={"action": "config_ignored"},
            )  # fmt: skip
