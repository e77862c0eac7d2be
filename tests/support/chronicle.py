"""The events of one case, written down one after the other as casework would: what people do with it, in any order."""

from typing import Any

from msgspec.structs import replace

from infra.kafka.stage import Message
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseOpened,
    CaseReprioritised,
    CaseReturned,
    Event,
    ExpertReviewRequested,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewRequested,
)
from schemas.ids import derive_id
from schemas.topics import ASSIGNMENTS, EXPERT, REVIEW
from schemas.values import CaseStage, ClosedBy, Coordinates, EndedBy, EscalatedBy, PreviousAnswer, Priority
from tests.unit.casework.driver import HOUR, START, expert_review, review

LEASE = 600_000  # milliseconds
STEP = 1_000  # milliseconds between two changes


class Chronicle:
    """Its records in the order written; `now` moves on with each."""

    def __init__(
        self, request_id: str, *, priority: Priority = Priority.NORMAL, skills: tuple[str, ...] = (),
        due_at: int | None = START + 24 * HOUR, opened_at: int = START,
    ) -> None:  # fmt: skip
        self.request_id, self.skills, self.priority, self.due_at = request_id, skills, priority, due_at
        self.messages: list[Message] = []
        self.now, self.sequence, self.revision, self._lease = opened_at, 0, 1, 0
        asked = review(request_id, priority=priority)
        self.workflow = asked.workflow
        self.review = self._announce(REVIEW[priority].name, asked)
        asks = {"stage": CaseStage.HUMAN, "priority": priority, "due_at": due_at}
        self._change(CaseOpened, review=self.review, sealed=b"", **asks)

    def granted(self, who: str, *, by: str | None = None) -> "Chronicle":
        self._lease = self.sequence + 1
        return self._by(LeaseGranted, who, lease=self._lease, expires_at=self.now + LEASE, handed_over_by=by)

    def extended(self, who: str) -> "Chronicle":
        return self._by(LeaseExtended, who, lease=self._lease, expires_at=self.now + LEASE)

    def ended(self, who: str, by: EndedBy = EndedBy.RELEASED) -> "Chronicle":
        return self._by(LeaseEnded, who, lease=self._lease, ended_by=by)

    def held(self, who: str) -> "Chronicle":
        return self._by(CaseHeld, who, resumes_at=self.now + 24 * HOUR)

    def hold_ended(self, who: str, by: EndedBy = EndedBy.EXPIRED) -> "Chronicle":
        return self._by(HoldEnded, who, ended_by=by)

    def received(self, who: str) -> "Chronicle":
        return self._by(AnswerReceived, who, decision_id="d", leaves_at=self.now + 5_000)

    def withdrawn(self, who: str) -> "Chronicle":
        return self._by(AnswerWithdrawn, who, decision_id="d")

    def counted(self, who: str) -> "Chronicle":
        return self._by(AnswerCounted, who, decision_id="d", answers=1)

    def escalated(self, who: str) -> "Chronicle":
        answer = PreviousAnswer(reviewer_id=who, action="escalate", note="", answered_at=self.now)
        self.revision += 1
        self._change(CaseEscalated, escalated_by=EscalatedBy.PERSON, answer=answer)
        self.priority, self.due_at = Priority.HIGH, None
        asked = replace(expert_review(self.request_id), escalated_by=EscalatedBy.PERSON)
        self.review = self._announce(EXPERT.name, asked)
        return self

    def returned(self, who: str) -> "Chronicle":
        self.revision += 1
        self._by(CaseReturned, who)
        self.due_at = self.now + HOUR
        self.review = self._announce(REVIEW[self.priority].name, review(self.request_id, priority=self.priority))
        return self

    def reprioritised(self, who: str, priority: Priority) -> "Chronicle":
        self.revision, self.priority = self.revision + 1, priority
        self._by(CaseReprioritised, who, priority=priority)
        self.review = self._announce(REVIEW[priority].name, review(self.request_id, priority=priority))
        return self

    def closed(self, who: str) -> "Chronicle":
        self._change(CaseClosed, closed_by=ClosedBy.REVIEWER, reviewer_id=who, label="hate")
        return self

    def _by(self, event: type[Any], who: str, **fields: object) -> "Chronicle":
        self._change(event, reviewer_id=who, **fields)
        return self

    def _change(self, event: type[Any], **fields: object) -> None:
        self.sequence += 1
        self.now += STEP
        self._write(
            ASSIGNMENTS.name,
            event(
                event_id=derive_id("case", self.request_id, self.sequence), request_id=self.request_id,
                workflow=self.workflow, sequence=self.sequence, revision=self.revision, cause=self.review,
                occurred_at=self.now, **fields,
            ),
        )  # fmt: skip

    def _announce(self, topic: str, asked: ReviewRequested | ExpertReviewRequested) -> Coordinates:
        said = replace(
            asked, revision=self.revision, priority=self.priority, skills=self.skills, due_at=self.due_at,
            created_at=self.now,
        )  # fmt: skip
        return self._write(topic, said)

    def _write(self, topic: str, event: Event) -> Coordinates:
        message = Message(event, topic, 0, len(self.messages), self.now, self.request_id.encode(), b"")
        self.messages.append(message)
        return message.coordinates
