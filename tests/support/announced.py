"""Cases announced to casework as the router announces them, and what casework says, heard as it is said."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from infra.kafka.client import KafkaLog
from infra.kafka.scan import partitions_of
from schemas.events import CaseActionRequested, Event, ReviewRequested
from schemas.topics import ASSIGNMENTS, REVIEW, REVIEW_COMMANDS, Outgoing
from schemas.values import Coordinates, Priority, SampleKind, Split
from streams.casework.sealing import Sealed, Sealer
from tests.support.traffic import CODEC, WORKFLOW, request

TEXT = "see you there"


def announced(
    name: str, sealer: Sealer, *, due_at: int, workflow: str = WORKFLOW, skills: tuple[str, ...] = (),
    text: str = TEXT, **sealed: Any,
) -> Outgoing:  # fmt: skip
    """An ordinary review of revision 1; `due_at` in milliseconds, `sealed` adds to what is sealed."""
    body, fingerprint = CODEC.body(CODEC.encode(request(name, text, workflow=workflow)))
    hidden = Sealed(
        kind=SampleKind.REVIEW, inclusion_probability=1.0, split=Split.TRAIN, routed_reason="no model", **sealed
    )
    event = ReviewRequested(
        event_id=f"review:{name}:1", request_id=name, workflow=workflow, revision=1,
        request=Coordinates(topic="requests", partition=0, offset=0), request_body=body,
        request_fingerprint=fingerprint, requested_at=0, priority=Priority.NORMAL, reason="no model",
        classes=("reject", "approve"), approving_class="approve", policy_version=1, policy_digest="1" * 64,
        config_offsets={}, cause=Coordinates(topic="predictions", partition=0, offset=0),
        sealed=sealer.seal(hidden, request_id=name, revision=1), created_at=0, due_at=due_at, skills=skills,
    )  # fmt: skip
    return REVIEW[Priority.NORMAL].message(event)


def command(action: str, name: str, who: str, **more: Any) -> Outgoing:
    """A command as a reviewer app writes it."""
    event = CaseActionRequested(
        command_id=f"{action}:{name}:{who}", request_id=name, reviewer_id=who, action=action, **more
    )
    return REVIEW_COMMANDS.message(event)


class Said(NamedTuple):
    """An event of a case, and when it was heard (seconds, monotonic)."""

    event: Any
    at: float


class Listener:
    """Hears everything on `assignments` from the beginning, in a thread of its own."""

    def __init__(self, log: KafkaLog) -> None:
        self.heard: list[Said] = []
        self._reader = log.reader(dict.fromkeys(partitions_of(log, [ASSIGNMENTS.name]), 0))
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ends.is_set():
            records = self._reader.read(2_000, 0.05)
            now = time.monotonic()
            self.heard += [Said(CODEC.decode(record.value), now) for record in records]

    def of(self, *kinds: type[Event]) -> list[Any]:
        """The events of these kinds so far."""
        return [said.event for said in self.heard if isinstance(said.event, kinds)]

    def until(self, found: Callable[[Sequence[Said]], bool], *, seconds: float, what: str) -> None:
        """Raises AssertionError when it is not heard in time."""
        deadline = time.monotonic() + seconds
        while not found(self.heard):
            assert time.monotonic() < deadline, f"{what} was not heard within {seconds:g} s"
            time.sleep(0.02)

    def close(self) -> None:
        """Let go of the log."""
        self._ends.set()
        self._thread.join(10)
        self._reader.close()
