"""Casework for those who claim: it grants a case once, refuses what it is told to, and answers where it is awaited."""

import threading

from infra.kafka.log import Record
from producers.desk.rulings import Rulings
from schemas.codec import Codec
from schemas.events import CaseActionRequested, CommandRefused, LeaseGranted
from schemas.ids import derive_id
from schemas.topics import ASSIGNMENTS, REVIEW_COMMANDS, Outgoing
from schemas.values import Coordinates

LEASE = 600_000  # milliseconds


class CaseworkStandIn:
    """Implements `infra.kafka.writing.Writing`."""

    def __init__(self, codec: Codec, rulings: Rulings, *, now: int) -> None:
        self._codec, self._rulings, self._now = codec, rulings, now
        self._lock = threading.Lock()
        self.claims: list[CaseActionRequested] = []
        self.owners: dict[str, str] = {}
        self.refusals: dict[str, str] = {}  # request id -> reason
        self.silent = False

    def write(self, outgoing: Outgoing) -> Coordinates:
        command = outgoing.event
        assert isinstance(command, CaseActionRequested) and outgoing.topic == REVIEW_COMMANDS.name
        with self._lock:
            self.claims.append(command)
            at = Coordinates(topic=outgoing.topic, partition=0, offset=len(self.claims) - 1)
            ruling = self._rule(command, at)
            if not self.silent:
                value = self._codec.encode(ruling)
                elsewhere = self._codec.encode(self._rule(command, Coordinates(topic=at.topic, partition=1, offset=0)))
                records = [
                    Record(ASSIGNMENTS.name, 0, 2 * at.offset + step, self._now, outgoing.key, said)
                    for step, said in enumerate((elsewhere, value))  # first, something about another claim
                ]
                self._rulings.take(records)
        return at

    def _rule(self, command: CaseActionRequested, at: Coordinates) -> LeaseGranted | CommandRefused:
        reason = self.refusals.get(command.request_id)
        owner = self.owners.setdefault(command.request_id, command.reviewer_id) if reason is None else ""
        if owner != command.reviewer_id:
            return CommandRefused(
                event_id=derive_id("refusal", command.command_id, 1), request_id=command.request_id, workflow="posts",
                sequence=1, cause=at, occurred_at=self._now, command_id=command.command_id,
                reviewer_id=command.reviewer_id, action="claim", reason=reason or "already_leased",
                detail=f"somebody has {command.request_id}",
            )  # fmt: skip
        return LeaseGranted(
            event_id=derive_id("case", command.request_id, 2), request_id=command.request_id, workflow="posts",
            sequence=2, revision=1, cause=at, occurred_at=self._now, reviewer_id=owner, lease=2 + at.partition * 90,
            expires_at=self._now + LEASE,
        )  # fmt: skip
