"""Logs of tallies, cases, audits, labels and dead letters, made of moves: logs that stages could write."""

from dataclasses import dataclass, field
from typing import Any

from infra.kafka.scan import Entry
from schemas import events as e
from schemas.topics import ASSIGNMENTS, AUDITS, FEEDBACK, TALLIES, Outgoing, Topic
from schemas.values import (
    Appeal,
    CaseStage,
    ClosedBy,
    Coordinates,
    DecidedBy,
    EscalatedBy,
    FeedbackKind,
    FeedbackType,
    OffsetRange,
    Outcome,
    PreviousAnswer,
    Priority,
    ReopenedBy,
    SampleKind,
    Split,
    StandingDecision,
    TallyRow,
)
from tests.support.recorded import Recorded

WORKFLOW = "moderation"
PLACE = Coordinates(topic="requests", partition=0, offset=0)
STANDING = StandingDecision(original="o", outcome=Outcome.APPROVED, label="approve", decided_by=DecidedBy.AUTOMATION)
MOVES = (
    "open", "open_expert", "answer", "expire", "pass_on", "time_out", "reopen", "draw", "draw_blind", "audit_answer",
    "audit_expire", "learn", "bury", "tally", "tick",
)  # fmt: skip


@dataclass
class PeopleLog:
    """Appends what a move means for a request, if it can be made; minutes pass between moves."""

    log: Recorded = field(default_factory=Recorded)
    sequences: dict[str, int] = field(default_factory=dict)
    is_open: dict[str, bool] = field(default_factory=dict)
    done: set[tuple[str, str]] = field(default_factory=set)
    processed: int = 0

    @property
    def entries(self) -> list[Entry]:
        return self.log.entries

    def move(self, name: str, request_id: str, number: int) -> None:
        """One move; `number` makes moves differ."""
        self.log.clock += 17_000 * (number % 50)
        at, opened = self.log.clock, self.is_open.get(request_id)
        match name:
            case "open" | "open_expert" if opened is None:
                stage = CaseStage.EXPERT if name == "open_expert" else CaseStage.HUMAN
                due_at = None if stage is CaseStage.EXPERT else at + 60_000 * (number % 7)
                priority = list(Priority)[number % 4]
                self._case(
                    e.CaseOpened, request_id, stage=stage, review=PLACE, priority=priority, due_at=due_at, sealed=b""
                )
                self.is_open[request_id] = True
            case "answer" | "expire" if opened:
                by = ClosedBy.EXPIRED if name == "expire" else ClosedBy.REVIEWER
                person = None if name == "expire" else self._person(number)
                self._case(e.CaseClosed, request_id, closed_by=by, reviewer_id=person)
                self.is_open[request_id] = False
            case "pass_on" | "time_out" if opened:
                answer = PreviousAnswer(reviewer_id=self._person(number), action="escalate", answered_at=at)
                by_person = name == "pass_on"
                why = EscalatedBy.PERSON if by_person else EscalatedBy.TIMEOUT
                self._case(e.CaseEscalated, request_id, escalated_by=why, answer=answer if by_person else None)
            case "reopen" if opened is not True:
                appeal = Appeal(appeal_id="a", filed_at=at)
                self._case(e.CaseReopened, request_id, reopened_by=ReopenedBy.APPEAL, standing=STANDING, appeal=appeal)
                self.is_open[request_id] = True
            case "draw" | "draw_blind" | "audit_answer" | "audit_expire":
                self._audit(name, request_id, number)
            case "learn":
                self._write(FEEDBACK, self._feedback(request_id, number))
            case "bury":
                place = Coordinates(topic="requests", partition=0, offset=number)
                self._once(("bury", str(number)), lambda: self.log.dead_letter(place))
            case "tally" | "tick":
                self._write(TALLIES, self._tally(number, reads=name == "tally"))

    def repeat(self, number: int) -> None:
        """Some record once more, at the end of its partition: what a producer that is not idempotent does."""
        if self.entries:
            again = self.entries[number % len(self.entries)]
            self.log.append(again.topic, again.key, again.value, again.event, again.partition)

    def _case(self, kind: Any, request_id: str, **more: Any) -> None:
        sequence = self.sequences[request_id] = self.sequences.get(request_id, 0) + 1
        event = kind(
            event_id=f"case:{request_id}:{sequence}", request_id=request_id, workflow=WORKFLOW, sequence=sequence,
            revision=1, cause=PLACE, occurred_at=self.log.clock, **more,
        )  # fmt: skip
        self._write(ASSIGNMENTS, event)

    def _audit(self, name: str, request_id: str, number: int) -> None:
        kind = SampleKind.AUDIT if len(request_id) % 2 else SampleKind.BLIND
        facts: dict[str, Any] = {
            "request_id": request_id, "workflow": WORKFLOW, "kind": kind,
            "inclusion_probability": 0.05 + len(request_id) / 50,
            "split": Split.GATE, "model_label": "approve", "model_digest": f"m{number % 2}", "cause": PLACE,
        }  # fmt: skip
        match name:
            case "draw" | "draw_blind":
                event: Any = e.AuditDrawn(
                    event_id=f"audit:{request_id}", request=PLACE, policy_version=1, drawn_at=self.log.clock, **facts
                )
            case "audit_answer":
                event = e.AuditAnswered(
                    event_id=f"audit-answered:{request_id}", label="approve", agrees=number % 3 > 0,
                    answered_by=DecidedBy.REVIEWER, reviewer_id=self._person(number), answered_at=self.log.clock,
                    **facts,
                )  # fmt: skip
            case _:
                event = e.AuditExpired(event_id=f"audit-expired:{request_id}", expired_at=self.log.clock, **facts)
        self._once((type(event).__name__, request_id), lambda: self._write(AUDITS, event))

    def _feedback(self, request_id: str, number: int) -> e.FeedbackRecorded:
        return e.FeedbackRecorded(
            event_id=f"feedback:{request_id}:{number}", request_id=request_id, workflow=WORKFLOW,
            kind=FeedbackKind.REVIEW, type=list(FeedbackType)[hash(number) % 3], split=Split.TRAIN, reviewer_id="ann",
            reviewer_confidence=1.0, weight=1.0, request_body=b"", request_fingerprint=bytes(8),
            decided_at=1_700_000_000_000 + 1_000 * number,
        )  # fmt: skip

    def _tally(self, number: int, *, reads: bool) -> e.StageTallied:
        """The next records of an input, or in part ones that were counted before."""
        first = max(0, self.processed - (number % 4 if number % 3 == 0 else 0))
        last = first + number % 9
        if reads:
            self.processed = max(self.processed, last + 1)
        ranges = (OffsetRange(topic="predictions", partition=0, first=first, last=last),) if reads else ()
        minute = self.log.clock - self.log.clock % 60_000
        row = TallyRow(
            workflow=WORKFLOW, minute=minute, action="auto_approve", count=1 + number % 9, milliseconds=number
        )
        return e.StageTallied(
            event_id=f"tally:{number}", stage="router" if reads else "casework", slot="0", ranges=ranges, rows=(row,),
            occurred_at=self.log.clock,
        )  # fmt: skip

    def _once(self, what: tuple[str, str], act: Any) -> None:
        if what not in self.done:
            self.done.add(what)
            act()

    def _write(self, topic: Topic[Any], event: Any) -> None:
        self.log.write(Outgoing(topic.name, topic.key_of(event).encode(), event))

    def _person(self, number: int) -> str:
        return ("ann", "bob", "simulated-1")[number % 3]
