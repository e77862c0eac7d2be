"""Histories of one request as the stages write them, drawn by Hypothesis."""

from typing import Any, Final, Protocol, TypeVar

from hypothesis import strategies as st

from schemas import events as e
from schemas import values as v
from streams.workflow.story import Record

T = TypeVar("T")
T0: Final = 1_800_000_000_000
HERE: Final = v.Coordinates(topic="predictions", partition=0, offset=3)
GROUNDS: Final = v.Grounds(reason="because", policy_version=1, policy_digest="d", cause=HERE)
STANDING: Final = v.StandingDecision(
    original="outcome:r", outcome=v.Outcome.APPROVED, label="yes", decided_by=v.DecidedBy.AUTOMATION
)
COMMON: Final[dict[str, Any]] = {"request_id": "r", "workflow": "posts"}
ANNOUNCED: Final[dict[str, Any]] = COMMON | {
    "request": HERE, "request_body": b"", "request_fingerprint": b"", "requested_at": T0, "classes": ("no", "yes"),
    "approving_class": "yes", "policy_version": 1, "policy_digest": "d", "cause": HERE, "sealed": b"",
}  # fmt: skip


class Draw(Protocol):
    def __call__(self, strategy: st.SearchStrategy[T], /) -> T: ...


class History:
    """Appends events under a clock that each stage reads a little differently."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.now, self.records, self.sequence, self.revision = draw, T0, list[Record](), 0, 1

    def tick(self) -> int:
        self.now += self.draw(st.integers(0, 50))
        return self.now + self.draw(st.integers(-20, 20))

    def add(self, event: e.Event) -> None:
        self.records.append(Record(event, self.tick()))

    def case(self, kind: type[Any], **fields: Any) -> None:
        self.sequence += 1
        numbers = {"sequence": self.sequence, "revision": self.revision}
        fields = COMMON | numbers | {"cause": HERE, "occurred_at": self.tick()} | fields
        self.add(kind(event_id=f"case:r:{self.sequence}", **fields))

    def dead(self, stage: str, topic: str, reason: str = "invalid") -> None:
        number = len(self.records)
        self.add(
            e.DeadLettered(
                event_id=f"dead:{number}", stage=stage, reason=reason, detail="", original_sha256=b"", original_size=0,
                origin=v.Coordinates(topic=topic, partition=0, offset=number), original_timestamp=T0,
                request_id="r", dead_lettered_at=self.tick(),
            )
        )  # fmt: skip

    def outcome(self, by: v.DecidedBy) -> None:
        self.add(
            e.DecisionMade(
                event_id="outcome:r", **COMMON, request=HERE, outcome=self.draw(st.sampled_from(v.Outcome)),
                label="yes", decided_by=by, confidence=1.0, grounds=GROUNDS, requested_at=T0, decided_at=self.tick(),
            )
        )  # fmt: skip

    def audit(self, kind: v.SampleKind) -> None:
        self.add(
            e.AuditDrawn(
                event_id="audit:r", **COMMON, request=HERE, kind=kind, inclusion_probability=0.5, split=v.Split.GATE,
                policy_version=1, cause=HERE, drawn_at=self.tick(),
            )
        )  # fmt: skip

    def review(self) -> None:
        self.add(
            e.ReviewRequested(
                event_id=f"review:r:{self.revision}", **ANNOUNCED, revision=self.revision, priority=v.Priority.NORMAL,
                reason="why", created_at=self.tick(), due_at=T0 + 1_000,
            )
        )  # fmt: skip

    def expert(self, by: v.EscalatedBy, **more: Any) -> None:
        self.add(
            e.ExpertReviewRequested(
                event_id=f"review:r:{self.revision}", **ANNOUNCED, revision=self.revision, priority=v.Priority.URGENT,
                reason="why", created_at=self.tick(), escalated_by=by, **more,
            )
        )  # fmt: skip

    def next_revision(self, kind: type[Any], **fields: Any) -> None:
        self.revision += 1
        self.case(kind, **fields)

    def appeal(self, appeal_id: str) -> None:
        self.add(
            e.AppealFiled(
                appeal_id=appeal_id, **COMMON, request=HERE, request_body=b"", request_fingerprint=b"",
                requested_at=T0, decision=HERE, decision_body=b"", decision_fingerprint=b"",
            )
        )  # fmt: skip
        if self.draw(st.booleans()):
            number = len(self.records)
            self.add(
                e.AppealRefused(
                    event_id=f"refused:appeals:0:{number}", **COMMON, sequence=1, cause=HERE, occurred_at=self.tick(),
                    appeal_id="a2", reason="already_appealed", detail="",
                )
            )  # fmt: skip

    def judgement(self, by: v.ReopenedBy, appeal_id: str | None) -> None:
        facts: dict[str, Any] = COMMON | {
            "request": HERE, "original": "outcome:r", "cause_of_review": by, "appeal_id": appeal_id, "label": "no",
            "outcome": self.draw(st.sampled_from(v.Outcome)), "decided_by": v.DecidedBy.EXPERT, "reviewer_id": "x",
            "confidence": 1.0, "policy_version": 1, "policy_digest": "d", "cause": HERE, "requested_at": T0,
            "decided_at": self.tick(),
        }  # fmt: skip
        if self.draw(st.booleans()):
            self.add(e.OutcomeUpheld(event_id="upheld:r", **facts))
        else:
            previous = {"previous_outcome": self.draw(st.sampled_from(v.Outcome)), "previous_label": "yes"}
            self.add(e.OutcomeAmended(event_id="amended:r", **facts, **previous))

    def validated(self) -> None:
        self.add(
            e.DecisionValidated(
                event_id="validated:r", **COMMON, label="no", standing_label="yes", agrees=False,
                decided_by=v.DecidedBy.REVIEWER, expert_id="x", inclusion_probability=0.1, cause=HERE,
                validated_at=self.tick(),
            )
        )  # fmt: skip

    def answer(self) -> None:
        number = len(self.records)
        self.add(
            e.ReviewDecided(decision_id=f"d{number}", request_id="r", review=HERE, reviewer_id="p", action="approve")
        )
        if self.draw(st.booleans()):
            self.refused(e.DecisionRefused, decision_id=f"d{number}", reviewer_id="p")

    def refused(self, kind: type[Any], **fields: Any) -> None:
        """A refusal takes no number of its own."""
        fields = COMMON | {"sequence": self.sequence, "cause": HERE, "occurred_at": self.tick()} | fields
        self.add(kind(event_id=f"refused:{len(self.records)}", reason="finished", detail="", **fields))

    def work(self, stage: v.CaseStage, by: v.EscalatedBy = v.EscalatedBy.POLICY) -> None:
        """What people do about a case beside settling it."""
        person: dict[str, Any] = {"reviewer_id": self.draw(st.sampled_from(["ann", "bob"]))}
        answer = person | {"decision_id": f"w{len(self.records)}"}
        lease = person | {"lease": self.sequence, "expires_at": T0 + 600_000}
        match self.draw(st.sampled_from(["lease", "hold", "note", "grace", "overlap", "priority", "command"])):
            case "lease":
                self.case(e.LeaseGranted, handed_over_by=self.draw(st.sampled_from([None, "cyd"])), **lease)
                self.case(e.LeaseExtended, **lease)
                self.case(e.LeaseEnded, **person, lease=1, ended_by=self.draw(st.sampled_from(v.EndedBy)))
            case "hold":
                self.case(e.CaseHeld, **person, resumes_at=T0 + 900_000, note="ask the bank")
                self.case(e.HoldEnded, **person, ended_by=self.draw(st.sampled_from(v.EndedBy)))
            case "note":
                self.case(e.CaseNoted, **person, note="a hard one")
            case "grace":
                self.case(e.AnswerReceived, **answer, leaves_at=T0 + 5_000)
                self.case(e.AnswerWithdrawn, **answer)
                self.case(e.LeaseGranted, **lease)
            case "overlap":
                self.case(e.AnswerCounted, **answer, answers=1)
            case "priority":
                self.next_revision(e.CaseReprioritised, **person, priority=v.Priority.URGENT)
                self.review() if stage is v.CaseStage.HUMAN else self.expert(by)
                self.case(e.CaseAnnounced, review=HERE)
            case _:
                self.add(e.CaseActionRequested(command_id="c", request_id="r", action="claim", **person))
                self.refused(e.CommandRefused, command_id="c", action="claim", **person)


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """A history up to some point, in any order, with repeats of the same records."""
    history = History(draw)
    for _ in range(draw(st.integers(1, 3))):
        history.add(e.DecisionRequested(**COMMON))
    _scored(history)
    happened = history.records[: draw(st.integers(1, len(history.records)))]
    repeated = happened + [record for record in happened if draw(st.booleans())]
    return draw(st.permutations(repeated))


def _scored(history: History) -> None:
    if history.draw(st.integers(0, 4)) == 0:
        history.dead("inference", "requests", "unknown_workflow")
        if history.draw(st.booleans()):
            return  # else it was sent again, after the policy came
    history.add(
        e.PredictionMade(
            event_id="prediction:r", **COMMON, request=HERE, request_body=b"", request_fingerprint=b"",
            requested_at=T0, classes=(), probabilities=(), failure="no_model", predicted_at=history.tick(),
        )
    )  # fmt: skip
    if history.draw(st.integers(0, 4)) == 0:
        history.dead("router", "predictions")
        if history.draw(st.booleans()):
            return
    history.draw(st.sampled_from([_automatic, _reviewed, _expert]))(history)
    if history.draw(st.integers(0, 3)) == 0:
        history.dead("router", "predictions", "id_conflict")


def _automatic(history: History) -> None:
    at = history.tick()
    history.add(
        e.AutoApproved(
            event_id="auto:r", **COMMON, request=HERE, outcome=v.Outcome.APPROVED, label="yes", confidence=0.99,
            grounds=GROUNDS, requested_at=T0, decided_at=at,
        )
    )  # fmt: skip
    history.add(
        e.DecisionMade(
            event_id="outcome:r", **COMMON, request=HERE, outcome=v.Outcome.APPROVED, label="yes", confidence=0.99,
            decided_by=v.DecidedBy.AUTOMATION, grounds=GROUNDS, requested_at=T0, decided_at=at,
        )
    )  # fmt: skip
    if history.draw(st.booleans()):
        history.audit(v.SampleKind.AUDIT)
        history.review()
        _case(history, v.CaseStage.HUMAN, audit=True)


def _reviewed(history: History) -> None:
    history.review()
    if history.draw(st.booleans()):
        history.audit(v.SampleKind.BLIND)
    _case(history, v.CaseStage.HUMAN)


def _expert(history: History) -> None:
    history.expert(v.EscalatedBy.POLICY)
    _case(history, v.CaseStage.EXPERT)


def _case(history: History, stage: v.CaseStage, *, audit: bool = False) -> None:
    if history.draw(st.integers(0, 9)) == 0:
        history.dead("casework", "review.normal")
        return
    history.case(e.CaseOpened, stage=stage, review=HERE, priority=v.Priority.NORMAL, sealed=b"")
    if history.draw(st.integers(0, 3)) == 0:
        history.dead("casework", history.draw(st.sampled_from(["review-decisions", "review.high"])))
    history.answer()
    by = v.EscalatedBy.POLICY
    for _ in range(history.draw(st.integers(0, 3))):
        if history.draw(st.booleans()):
            history.work(stage, by)
        elif stage is v.CaseStage.HUMAN:
            by = history.draw(st.sampled_from([each for each in v.EscalatedBy if each is not v.EscalatedBy.POLICY]))
            history.next_revision(e.CaseEscalated, escalated_by=by)
            history.expert(by)
            stage = v.CaseStage.EXPERT
            history.answer()
        else:
            history.next_revision(e.CaseReturned, reviewer_id="x", note="ask for the invoice first")
            history.review()
            stage = v.CaseStage.HUMAN
    if audit and history.draw(st.integers(0, 3)) == 0:
        history.case(e.CaseClosed, closed_by=v.ClosedBy.EXPIRED)
        return
    by_whom = v.DecidedBy.EXPERT if stage is v.CaseStage.EXPERT else v.DecidedBy.REVIEWER
    if not audit:
        history.outcome(by_whom)
    history.case(e.CaseClosed, closed_by=v.ClosedBy.REVIEWER, label="yes")
    if history.draw(st.booleans()):
        _second_look(history)


def _second_look(history: History) -> None:
    """The decision is appealed, drawn to be validated, or contradicted by an audit; an expert may have judged it."""
    by = history.draw(st.sampled_from(v.ReopenedBy))
    appeal = v.Appeal(appeal_id="a1", filed_at=T0) if by is v.ReopenedBy.APPEAL else None
    if appeal:
        history.appeal("a1")
        if history.draw(st.booleans()):
            history.case(e.AppealNoted, appeal=appeal, standing=STANDING)
    history.next_revision(e.CaseReopened, reopened_by=by, appeal=appeal, standing=STANDING)
    if by is v.ReopenedBy.VALIDATION:
        history.expert(v.EscalatedBy.POLICY)  # it does not say that there is a decision
    else:
        escalated_by = v.EscalatedBy.PERSON if appeal else v.EscalatedBy.POLICY
        history.expert(escalated_by, reopened_by=by, appeal=appeal, standing=STANDING)
    if history.draw(st.booleans()):
        history.judgement(by, "a1" if appeal else None)
        if by is v.ReopenedBy.VALIDATION:
            history.validated()
