"""What the gateway reads all the time: policies and signing keys in force, and the outcomes that somebody waits for."""

from collections.abc import Callable, Container, Sequence
from typing import Final, NamedTuple

from infra.kafka.configuration import Configuration
from infra.kafka.log import Log, Record
from infra.kafka.scan import decoded
from schemas.codec import Codec
from schemas.events import DecisionMade, Event
from schemas.topics import IDENTITIES, OUTCOMES, POLICIES
from streams.casework.signing_keys import NO_IDENTITIES, Identities, fold_identities
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

FOLLOWED: Final = (POLICIES.name, IDENTITIES.name)


class InForce(NamedTuple):
    """The fold of both topics."""

    policies: Policies = NO_POLICIES
    identities: Identities = NO_IDENTITIES

    def with_event(self, event: Event) -> "InForce":
        return InForce(fold_policies(self.policies, event), fold_identities(self.identities, event))


class Following:
    """`policies` and `identities` may be looked at from any thread."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        *,
        awaited: Container[bytes | None],
        tell: Callable[[Sequence[DecisionMade]], None],
        failed: Callable[[], None],
    ) -> None:
        """`tell` gets outcomes whose key is `awaited`, in the reader's thread; `failed` hears that it cannot go on."""
        self._codec, self._awaited, self._tell = codec, awaited, tell
        self._read = Configuration(
            log, codec, FOLLOWED, InForce(), InForce.with_event, beside=OUTCOMES.name, take=self._take, failed=failed
        )

    @property
    def policies(self) -> Policies:
        return self._read.in_force.policies

    @property
    def identities(self) -> Identities:
        return self._read.in_force.identities

    @property
    def caught_up(self) -> bool:
        """Whether the configuration of the moment it began is known."""
        return self._read.caught_up

    @property
    def failure(self) -> Exception | None:
        """Why it cannot go on."""
        return self._read.failure

    def start(self) -> None:
        """Begin: configuration from the first, outcomes from now on. Raises `LogUnavailable`, `TopicMissing`."""
        self._read.start()

    def close(self) -> None:
        """End the thread."""
        self._read.close()

    def _take(self, records: Sequence[Record]) -> None:
        found = (decoded(record, self._codec).event for record in records if record.key in self._awaited)
        if outcomes := [event for event in found if isinstance(event, DecisionMade)]:
            self._tell(outcomes)
