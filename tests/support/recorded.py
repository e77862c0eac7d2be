"""A log written by hand, record by record, for tests of what reads a log: no broker, no loop, no decisions."""

from dataclasses import dataclass, field
from typing import Any

from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry
from schemas import events as e
from schemas.codec import Codec
from schemas.topics import (
    ASSIGNMENTS,
    AUDITS,
    BY_NAME,
    CASES,
    DEAD_LETTERS,
    OUTCOMES,
    PREDICTIONS,
    REQUESTS,
    REVIEW,
    Outgoing,
)
from schemas.values import (
    Appeal,
    CaseStage,
    CaseStatus,
    ClosedBy,
    Coordinates,
    DecidedBy,
    Grounds,
    Outcome,
    Payload,
    Priority,
    ReopenedBy,
    SampleKind,
    Split,
    StandingDecision,
)
from streams.casework.sealing import Sealed, Sealer

CODEC = Codec.of_repository()
START = 1_700_000_000_000  # milliseconds since the epoch
PARTITIONS = 4
SEALER = Sealer(bytes(range(64)))


@dataclass(slots=True)
class Recorded:
    """Appends records as brokers would: each topic and partition counts its offsets, `clock` stamps them."""

    clock: int = START
    entries: list[Entry] = field(default_factory=list)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, event: e.Event | None, partition: int | None = None
    ) -> Coordinates:
        """One record; where it lies."""
        count = PARTITIONS if BY_NAME[topic].partitioned else 1
        place = partition_of(key or b"", count) if partition is None else partition
        offset = self.ends.get((topic, place), 0)
        self.ends[topic, place] = offset + 1
        self.clock += 1
        self.entries.append(Entry(topic, place, offset, self.clock, key, value, event, "" if event else "undecodable"))
        return self.entries[-1].coordinates

    def write(self, outgoing: Outgoing) -> Coordinates:
        assert outgoing.event is not None
        return self.append(
            outgoing.topic, outgoing.key, CODEC.encode(outgoing.event), outgoing.event, outgoing.partition
        )

    def request(self, request_id: str, text: str = "hello", workflow: str = "moderation") -> Coordinates:
        body = f'{{"text":"{text}"}}'.encode()
        return self.write(
            REQUESTS.message(e.DecisionRequested(request_id=request_id, workflow=workflow, payload=Payload(body=body)))
        )

    def prediction(self, request_id: str, request: Coordinates, workflow: str = "moderation") -> Coordinates:
        return self.write(
            PREDICTIONS.message(
                e.PredictionMade(
                    event_id=f"prediction:{request_id}", request_id=request_id, workflow=workflow, request=request,
                    request_body=b"", request_fingerprint=bytes(8), requested_at=self.clock,
                    classes=("reject", "approve"), probabilities=(0.03, 0.97), label="approve", confidence=0.97,
                    model_digest="m1", predicted_at=self.clock,
                )
            )
        )  # fmt: skip

    def outcome(
        self, request_id: str, request: Coordinates, *, by: DecidedBy = DecidedBy.AUTOMATION,
        event_id: str | None = None, took: int = 0, reviewer_id: str | None = None, workflow: str = "moderation",
    ) -> Coordinates:  # fmt: skip
        return self.write(
            OUTCOMES.message(
                e.DecisionMade(
                    event_id=event_id or f"outcome:{request_id}", request_id=request_id, workflow=workflow,
                    request=request, outcome=Outcome.APPROVED, label="approve", decided_by=by, confidence=0.97,
                    grounds=Grounds(reason="tested", policy_version=1, policy_digest="d", cause=request),
                    reviewer_id=reviewer_id, requested_at=self.clock, decided_at=self.clock + took,
                )
            )
        )  # fmt: skip

    def review(self, request_id: str, request: Coordinates, workflow: str = "moderation") -> Coordinates:
        return self.write(
            REVIEW[Priority.NORMAL].message(
                e.ReviewRequested(
                    event_id=f"review:{request_id}:1", request_id=request_id, workflow=workflow, revision=1,
                    request=request, request_body=b"", request_fingerprint=bytes(8), requested_at=self.clock,
                    priority=Priority.NORMAL, reason="tested", classes=("reject", "approve"),
                    approving_class="approve", policy_version=1, policy_digest="d", cause=request, sealed=b"",
                    created_at=self.clock,
                )
            )
        )  # fmt: skip

    def opened(
        self, request_id: str, request: Coordinates, workflow: str = "moderation", sealed: bytes = b""
    ) -> Coordinates:
        """Announced and taken on: CaseOpened and its snapshot; where it can be answered."""
        review = self.review(request_id, request, workflow)
        self.write(
            ASSIGNMENTS.message(
                e.CaseOpened(
                    event_id=f"case:{request_id}:1", request_id=request_id, workflow=workflow, sequence=1, revision=1,
                    cause=review, occurred_at=self.clock, stage=CaseStage.HUMAN, review=review,
                    priority=Priority.NORMAL, sealed=sealed,
                )
            )
        )  # fmt: skip
        self.snapshot(request_id, request, CaseStatus.OPEN, review, workflow)
        return review

    def question(self, request_id: str, beside: Coordinates) -> None:
        """A question whose answer is known, as casework opens it: its request seems to lie where another one does."""
        sealed = Sealed(
            kind=SampleKind.GOLD, inclusion_probability=1.0, split=Split.TRAIN, routed_reason="", gold_id="g1",
            gold_label="approve",
        )  # fmt: skip
        self.opened(request_id, beside, sealed=SEALER.seal(sealed, request_id=request_id, revision=1))

    def known(self, request_id: str, beside: Coordinates, *, agrees: bool = True) -> None:
        """Somebody answered it."""
        self.write(
            AUDITS.message(
                e.GoldAnswered(
                    event_id=f"gold-answered:{request_id}", request_id=request_id, workflow="moderation", gold_id="g1",
                    reviewer_id="ann", label="approve" if agrees else "reject", right_label="approve", agrees=agrees,
                    confidence=1.0, cause=beside, answered_at=self.clock,
                )
            )
        )  # fmt: skip
        self.closed(request_id, beside, reviewer_id="ann")

    def closed(
        self, request_id: str, request: Coordinates, *, took: int = 0, by: ClosedBy = ClosedBy.REVIEWER,
        reviewer_id: str | None = None, workflow: str = "moderation",
    ) -> None:  # fmt: skip
        self.write(
            ASSIGNMENTS.message(
                e.CaseClosed(
                    event_id=f"case:{request_id}:2", request_id=request_id, workflow=workflow, sequence=2, revision=1,
                    cause=request, occurred_at=self.clock + took, closed_by=by, reviewer_id=reviewer_id,
                    label="approve",
                )
            )
        )  # fmt: skip
        self.snapshot(request_id, request, CaseStatus.CLOSED, None, workflow)

    def reopened(
        self, request_id: str, request: Coordinates, workflow: str = "moderation", decided_by: str | None = None
    ) -> None:
        """A decision, of automation or of this reviewer, that an expert judges anew."""
        standing = StandingDecision(
            original=f"outcome:{request_id}", outcome=Outcome.APPROVED, label="approve", reviewer_id=decided_by,
            decided_by=DecidedBy.AUTOMATION if decided_by is None else DecidedBy.REVIEWER,
        )  # fmt: skip
        self.write(
            ASSIGNMENTS.message(
                e.CaseReopened(
                    event_id=f"case:{request_id}:1", request_id=request_id, workflow=workflow, sequence=1, revision=2,
                    cause=request, occurred_at=self.clock, reopened_by=ReopenedBy.APPEAL, standing=standing,
                    appeal=Appeal(appeal_id=f"appeal:{request_id}", filed_at=self.clock),
                )
            )
        )  # fmt: skip
        self.snapshot(request_id, request, CaseStatus.OPEN, None, workflow, reopened_by=ReopenedBy.APPEAL)

    def judged(
        self, request_id: str, request: Coordinates, *, amends: bool, original: str | None = None,
        workflow: str = "moderation", by: ReopenedBy = ReopenedBy.APPEAL,
    ) -> None:  # fmt: skip
        """An expert judged it anew."""
        facts: dict[str, Any] = {
            "request_id": request_id, "workflow": workflow, "request": request, "cause": request,
            "original": original or f"outcome:{request_id}", "cause_of_review": by,
            "appeal_id": f"appeal:{request_id}" if by is ReopenedBy.APPEAL else None,
            "outcome": Outcome.REJECTED, "label": "reject", "decided_by": DecidedBy.EXPERT, "reviewer_id": "eva",
            "confidence": 1.0, "policy_version": 1, "policy_digest": "d", "requested_at": self.clock,
            "decided_at": self.clock,
        }  # fmt: skip
        previous: dict[str, Any] = {"previous_outcome": Outcome.APPROVED, "previous_label": "approve"}
        amended = e.OutcomeAmended(event_id=f"amended:{request_id}", **facts, **previous)
        upheld = e.OutcomeUpheld(event_id=f"upheld:{request_id}", **facts)
        self.write(OUTCOMES.message(amended if amends else upheld))

    def snapshot(
        self, request_id: str, request: Coordinates, status: CaseStatus, review: Coordinates | None,
        workflow: str = "moderation", reopened_by: ReopenedBy | None = None,
    ) -> None:  # fmt: skip
        self.write(
            CASES.message(
                e.CaseSnapshot(
                    request_id=request_id, workflow=workflow, status=status, stage=CaseStage.HUMAN, revision=1,
                    sequence=1 if status is CaseStatus.OPEN else 2, review=review, priority=Priority.NORMAL,
                    opened_at=self.clock, request=request, requested_at=self.clock, reopened_by=reopened_by,
                )
            )
        )  # fmt: skip

    def reviewed(
        self, request_id: str, request: Coordinates, *, took: int = 0, by: DecidedBy = DecidedBy.REVIEWER,
        reviewer_id: str = "ann",
    ) -> None:  # fmt: skip
        """Opened, answered, closed."""
        self.opened(request_id, request)
        self.outcome(request_id, request, by=by, took=took, reviewer_id=reviewer_id)
        closed_by = ClosedBy.EXPERT if by is DecidedBy.EXPERT else ClosedBy.REVIEWER
        self.closed(request_id, request, took=took, by=closed_by, reviewer_id=reviewer_id)

    def drawn(
        self, request_id: str, request: Coordinates, *, kind: SampleKind = SampleKind.AUDIT, share: float = 0.05
    ) -> None:
        self.write(
            AUDITS.message(
                e.AuditDrawn(
                    event_id=f"audit:{request_id}", request_id=request_id, workflow="moderation", request=request,
                    kind=kind, inclusion_probability=share, split=Split.GATE, model_label="approve",
                    policy_version=1, cause=request, drawn_at=self.clock,
                )
            )
        )  # fmt: skip

    def audited(
        self, request_id: str, request: Coordinates, *, agrees: bool = True, kind: SampleKind = SampleKind.AUDIT,
        share: float = 0.05, model_label: str | None = "approve",
    ) -> None:  # fmt: skip
        self.write(
            AUDITS.message(
                e.AuditAnswered(
                    event_id=f"audit-answered:{request_id}", request_id=request_id, workflow="moderation", kind=kind,
                    inclusion_probability=share, split=Split.GATE, label="approve" if agrees else "reject",
                    model_label=model_label, agrees=agrees, answered_by=DecidedBy.REVIEWER, reviewer_id="ann",
                    cause=request, answered_at=self.clock,
                )
            )
        )  # fmt: skip

    def expired(self, request_id: str, request: Coordinates) -> None:
        self.write(
            AUDITS.message(
                e.AuditExpired(
                    event_id=f"audit-expired:{request_id}", request_id=request_id, workflow="moderation",
                    kind=SampleKind.AUDIT, inclusion_probability=0.05, split=Split.GATE, model_label="approve",
                    cause=request, expired_at=self.clock,
                )
            )
        )  # fmt: skip

    def dead_letter(
        self, origin: Coordinates, *, reason: str = "undecodable", value: bytes | None = b"?", key: bytes | None = b"k"
    ) -> Coordinates:
        event = e.DeadLettered(
            event_id=f"dead:{origin.topic}:{origin.partition}:{origin.offset}", stage="inference", reason=reason,
            detail="tested", origin=origin, original_key=key, original_value=value, original_sha256=bytes(32),
            original_size=len(value or b""), original_timestamp=self.clock, dead_lettered_at=self.clock,
        )  # fmt: skip
        return self.append(DEAD_LETTERS.name, key, CODEC.encode(event), event)

    def poison(self, key: bytes = b"k", topic: str = REQUESTS.name) -> Coordinates:
        return self.append(topic, key, b"\x00poison", None)
