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
    EndedBy,
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
    "open", "open_expert", "answer", "expire", "pass_on", "time_out", "disagree", "return", "reopen", "prioritise",
    "claim", "renew", "release", "run_out", "hold", "resume", "note", "receive", "undo", "count", "gold",
    "draw", "draw_blind", "audit_answer", "audit_expire", "overlap", "validate", "learn", "bury", "tally", "tick",
)  # fmt: skip

WHY = {"pass_on": EscalatedBy.PERSON, "time_out": EscalatedBy.TIMEOUT, "disagree": EscalatedBy.DISAGREEMENT}


@dataclass
class PeopleLog:
    """Appends what a move means for a request, if it can be made; minutes pass between moves."""

    log: Recorded = field(default_factory=Recorded)
    sequences: dict[str, int] = field(default_factory=dict)
    is_open: dict[str, bool] = field(default_factory=dict)
    holder: dict[str, str | None] = field(default_factory=dict)  # who has a case for themselves
    pending: dict[str, str | None] = field(default_factory=dict)  # whose answer can still be taken back
    with_expert: set[str] = field(default_factory=set)
    done: set[tuple[str, str]] = field(default_factory=set)
    processed: int = 0

    @property
    def entries(self) -> list[Entry]:
        return self.log.entries

    def move(self, name: str, request_id: str, number: int) -> None:
        """One move; `number` makes moves differ."""
        self.log.clock += 17_000 * (number % 50)
        match name:
            case "draw" | "draw_blind" | "audit_answer" | "audit_expire":
                self._audit(name, request_id, number)
            case "gold":
                self._once(("gold", request_id), lambda: self._write(AUDITS, self._gold(request_id, number)))
            case "overlap":
                self._once(("overlap", request_id), lambda: self._overlap(request_id, number))
            case "validate":
                self._once(("validate", request_id), lambda: self._write(AUDITS, self._validated(request_id, number)))
            case "learn":
                self._write(FEEDBACK, self._feedback(request_id, number))
            case "bury":
                place = Coordinates(topic="requests", partition=0, offset=number)
                self._once(("bury", str(number)), lambda: self.log.dead_letter(place))
            case "tally" | "tick":
                self._write(TALLIES, self._tally(number, reads=name == "tally"))
            case _:
                self._change(name, request_id, number)

    def repeat(self, number: int) -> None:
        """Some record once more, at the end of its partition: what a producer that is not idempotent does."""
        if self.entries:
            again = self.entries[number % len(self.entries)]
            self.log.append(again.topic, again.key, again.value, again.event, again.partition)

    def _change(self, name: str, request_id: str, number: int) -> None:
        """A change of the request's case."""
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
                self._goes_to_expert(request_id, name == "open_expert")
            case "answer" | "expire" if opened:
                by = ClosedBy.EXPIRED if name == "expire" else ClosedBy.REVIEWER
                person = None if name == "expire" else self._answering(request_id, number)
                self._case(e.CaseClosed, request_id, closed_by=by, reviewer_id=person)
                self.is_open[request_id] = False
            case "pass_on" | "time_out" | "disagree" if opened:
                person = self._answering(request_id, number)
                answer = PreviousAnswer(reviewer_id=person, action="escalate", answered_at=at)
                self._case(
                    e.CaseEscalated, request_id, escalated_by=WHY[name], answer=answer if name == "pass_on" else None
                )
                self._goes_to_expert(request_id, True)
            case "return" if opened and request_id in self.with_expert:
                self._case(e.CaseReturned, request_id, reviewer_id=self._person(number))
                self._goes_to_expert(request_id, False)
            case "prioritise" if opened:
                self._case(e.CaseReprioritised, request_id, reviewer_id="lea", priority=list(Priority)[number % 4])
            case "reopen" if opened is not True:
                appeal = Appeal(appeal_id="a", filed_at=at)
                self._case(e.CaseReopened, request_id, reopened_by=ReopenedBy.APPEAL, standing=STANDING, appeal=appeal)
                self.is_open[request_id] = True
                self._goes_to_expert(request_id, False)  # one that is judged anew is not returned
            case _ if opened:
                self._work(name, request_id, number)

    def _case(self, kind: Any, request_id: str, **more: Any) -> None:
        sequence = self.sequences[request_id] = self.sequences.get(request_id, 0) + 1
        event = kind(
            event_id=f"case:{request_id}:{sequence}", request_id=request_id, workflow=WORKFLOW, sequence=sequence,
            revision=1, cause=PLACE, occurred_at=self.log.clock, **more,
        )  # fmt: skip
        self._write(ASSIGNMENTS, event)

    def _goes_to_expert(self, request_id: str, with_expert: bool) -> None:
        self.holder[request_id] = self.pending[request_id] = None
        (self.with_expert.add if with_expert else self.with_expert.discard)(request_id)

    def _answering(self, request_id: str, number: int) -> str:
        """Whoever has the case or has given an answer that waits; else anybody, without a claim."""
        return self.holder.get(request_id) or self.pending.get(request_id) or self._person(number)

    def _work(self, name: str, request_id: str, number: int) -> None:
        """What people do about an open case beside settling it."""
        holder, pending, until = self.holder.get(request_id), self.pending.get(request_id), self.log.clock + 600_000
        match name:
            case "claim" if pending is None:
                person = self._person(number)
                self._case(
                    e.LeaseGranted, request_id, reviewer_id=person, lease=1, expires_at=until, handed_over_by=holder
                )
                self.holder[request_id] = person
            case "renew" if holder:
                self._case(e.LeaseExtended, request_id, reviewer_id=holder, lease=1, expires_at=until)
            case "release" | "run_out" if holder:
                by = EndedBy.RELEASED if name == "release" else EndedBy.EXPIRED
                self._case(e.LeaseEnded, request_id, reviewer_id=holder, lease=1, ended_by=by)
                self.holder[request_id] = None
            case "hold" if holder:
                self._case(e.CaseHeld, request_id, reviewer_id=holder, resumes_at=until)
                self.holder[request_id] = None
            case "resume":
                self._case(e.HoldEnded, request_id, reviewer_id="ann", ended_by=EndedBy.RELEASED)
            case "note":
                self._case(e.CaseNoted, request_id, reviewer_id="ann", note="a hard one")
            case "receive" if holder:
                self._case(
                    e.AnswerReceived, request_id, reviewer_id=holder, decision_id=str(number), leaves_at=until
                )
                self.holder[request_id], self.pending[request_id] = None, holder
            case "undo" if pending:
                self._case(e.AnswerWithdrawn, request_id, reviewer_id=pending, decision_id="d")
                self.pending[request_id] = None
                self._case(e.LeaseGranted, request_id, reviewer_id=pending, lease=1, expires_at=until)
                self.holder[request_id] = pending
            case "count":
                person = self._answering(request_id, number)
                self._case(e.AnswerCounted, request_id, reviewer_id=person, decision_id="d", answers=1)
                self.holder[request_id] = self.pending[request_id] = None

    def _gold(self, request_id: str, number: int) -> e.GoldAnswered:
        return e.GoldAnswered(
            event_id=f"gold:{request_id}", request_id=request_id, workflow=WORKFLOW, gold_id="g", reviewer_id="ann",
            label="approve", right_label="approve" if number % 2 else "reject", agrees=number % 2 > 0, confidence=1.0,
            cause=PLACE, answered_at=self.log.clock,
        )  # fmt: skip

    def _overlap(self, request_id: str, number: int) -> None:
        """One to three people's answers, written when the case is settled."""
        labels = [("approve", "reject", "a/b")[(number // 3**n) % 3] for n in range(1 + number % 3)]
        for position, label in enumerate(labels, start=1):
            event = e.OverlapAnswered(
                event_id=f"overlap:{request_id}:{position}", request_id=request_id, workflow=WORKFLOW, label=label,
                reviewer_id=f"person-{position}", position=position, resolved_label=None, blind=number % 5 > position,
                cause=PLACE, answered_at=self.log.clock + 45_000 * position,
            )  # fmt: skip
            self._write(AUDITS, event)

    def _validated(self, request_id: str, number: int) -> e.DecisionValidated:
        return e.DecisionValidated(
            event_id=f"validated:{request_id}", request_id=request_id, workflow=WORKFLOW, label="approve",
            standing_label="approve" if number % 2 else "reject", agrees=number % 2 > 0, decided_by=DecidedBy.REVIEWER,
            reviewer_id="ann", expert_id="eva", inclusion_probability=(0.1, 0.25, 1.5)[number % 3], cause=PLACE,
            validated_at=self.log.clock,
        )  # fmt: skip

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
