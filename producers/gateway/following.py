"""What the gateway reads all the time: policies and signing keys in force, and the outcomes that somebody waits for."""

import logging
from collections.abc import Callable, Container, Sequence

from infra.kafka.listening import Listening
from infra.kafka.log import Log, Reader, Record, TopicPartition
from infra.kafka.scan import decoded, partitions_of
from schemas.codec import Codec
from schemas.events import DecisionMade
from schemas.topics import IDENTITIES, OUTCOMES, POLICIES
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

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
        self._log, self._codec, self._awaited, self._tell = log, codec, awaited, tell
        self.policies: Policies = NO_POLICIES
        self.identities: Identities = NO_IDENTITIES
        self.caught_up = False  # whether the configuration of the moment it began is known
        self._places = [TopicPartition(topic.name, 0) for topic in (POLICIES, IDENTITIES)]
        self._listening = Listening(log, "following", take=self._take, failed=failed)

    @property
    def failure(self) -> Exception | None:
        """Why it cannot go on."""
        return self._listening.failure

    def start(self) -> None:
        """Begin: configuration from the first, outcomes from now on. Raises `LogUnavailable`, `TopicMissing`."""
        starts = {place: self._log.watermark(place) for place in partitions_of(self._log, [OUTCOMES.name])}
        self._ends = {place: self._log.watermark(place) for place in self._places}
        self._listening.start({**{p: self._log.beginning(p) for p in self._places}, **starts})

    def close(self) -> None:
        """End the thread."""
        self._listening.close()

    def _take(self, records: Sequence[Record], reader: Reader) -> None:
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
        self.caught_up = self.caught_up or all(reader.position(p) >= end for p, end in self._ends.items())

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
