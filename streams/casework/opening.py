"""How cases begin: by an announcement, and now and then, after one, with a question whose answer is known."""

from msgspec.structs import replace

from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.stage import Message
from schemas.codec import Codec
from schemas.events import DecisionRequested, ReviewRequested
from schemas.ids import derive_id
from schemas.topics import REVIEW
from schemas.values import CaseStage, CaseStatus, Coordinates, SampleKind, Split
from streams.casework import changes
from streams.casework.announcing import BLIND_KINDS
from streams.casework.case import Announcement, Case, evolve
from streams.casework.gold import GOLD, Question, disguised, question_after, request_of
from streams.casework.recording import Turn
from streams.casework.sealing import SealBroken, Sealed, Sealer
from streams.routing.consequences import BLIND_REASON, blind_priority, skills_for, tags_of
from streams.routing.draws import draw
from streams.routing.risk import assess
from streams.workflow.types import WorkflowType

FIRST: int = 1  # revision
NEAR: int = 50  # offsets before the case that it follows, among which a question seems to have been asked
EARLIER: int = 20  # milliseconds for each of these


class Opening:
    """Takes announcements on; pure but for the sealer's key and the salt of the draws."""

    def __init__(self, sealer: Sealer, codec: Codec, *, salt: bytes, partitions: int) -> None:
        self._sealer, self._codec, self._salt, self._partitions = sealer, codec, salt, partitions

    def take_on(self, message: Message, announcement: Announcement, turn: Turn) -> None:
        """Open a case, or learn where its next revision can be answered; a repeat changes nothing."""
        case = turn.lane.state.get(announcement.request_id)
        if case is None:
            sealed = self._checked(announcement)
            opened = changes.case_opened(announcement, message.coordinates, turn.stamp)
            after = turn.record(evolve(None, opened, announcement), opened)
            if sealed.kind is not SampleKind.GOLD and after.stage is CaseStage.HUMAN:
                self._ask_gold(after, announcement, sealed, turn)
        elif announcement.revision > case.revision:
            raise _invalid(announcement, f"revision {announcement.revision} follows none; casework announces revisions")
        elif announcement.revision == case.revision and case.review is None and case.status is CaseStatus.OPEN:
            announced = changes.case_announced(case, message.coordinates, turn.stamp)
            turn.record(evolve(case, announced), announced)

    def _checked(self, announcement: Announcement) -> Sealed:
        if announcement.revision != FIRST:
            raise _invalid(announcement, f"revision {announcement.revision} of a case that was never opened")
        try:
            return self._sealer.open(announcement.sealed, request_id=announcement.request_id, revision=FIRST)
        except SealBroken as error:
            raise _invalid(announcement, str(error)) from error

    def _ask_gold(self, case: Case, announcement: Announcement, sealed: Sealed, turn: Turn) -> None:
        """Chance may announce a question of the same look; it is opened when it is read, as any other case."""
        policy = turn.config.policies.get(case.workflow)
        if policy is None or policy.version != announcement.policy_version:
            return  # it would show one policy and keep the deadlines of another
        workflow, questions = policy.workflow_type, turn.config.gold.get(case.workflow, ())
        question = question_after(self._salt, case.request_id, questions, workflow.review.gold_share)
        if question is None or question.label not in case.classes:
            return
        name = disguised(
            self._salt, case.request_id, partition=turn.lane.partition, partitions=self._partitions
        )
        if name is None or turn.lane.state.get(name) is not None or not isinstance(announcement, ReviewRequested):
            return
        if announcement.recommendation is None and sealed.kind not in BLIND_KINDS:
            return  # while no model answers nobody is asked blind, and a question would look like nothing else
        request = request_of(question, name, announcement, self._codec)
        if request is not None:
            asked = self._question(request, workflow, question, announcement, turn)
            turn.send(REVIEW[asked.priority].message(asked))

    def _question(
        self, request: DecisionRequested, workflow: WorkflowType, question: Question, beside: ReviewRequested,
        turn: Turn,
    ) -> ReviewRequested:  # fmt: skip
        """As the router would ask for a blind review of it; where the request lies is said so that it could be true."""
        name, now, risk = request.request_id, turn.stamp.now, assess(request, workflow)
        drawn = int(draw(self._salt, f"{GOLD}-place", name) * NEAR)
        near = replace(beside.request, offset=max(0, beside.request.offset - 1 - drawn))
        earlier = 1 + int(draw(self._salt, f"{GOLD}-time", name) * (drawn + 1) * EARLIER)
        body, fingerprint = self._codec.body(self._codec.encode(request))
        priority = blind_priority(risk)
        return replace(
            beside,
            event_id=derive_id("review", name, FIRST),
            request_id=name,
            request=near,
            requested_at=beside.requested_at - earlier,
            request_body=body,
            request_fingerprint=fingerprint,
            priority=priority,
            reason=BLIND_REASON,
            recommendation=None,
            rule_hits=risk.rule_hits,
            risk_flags=risk.flags,
            high_risk=risk.high_risk,
            compliance=risk.compliance,
            cause=_beside(beside.cause, near),
            sealed=self._sealed(name, question),
            created_at=now,
            due_at=now + workflow.deadline_ms(priority),
            skills=skills_for(risk, workflow),
            tags=tags_of(request, workflow),
        )

    def _sealed(self, name: str, question: Question) -> bytes:
        sealed = Sealed(
            kind=SampleKind.GOLD,
            inclusion_probability=1.0,
            split=Split.TRAIN,
            routed_reason=BLIND_REASON,
            gold_id=question.gold_id,
            gold_label=question.label,
        )
        return self._sealer.seal(sealed, request_id=name, revision=FIRST)


def _beside(cause: Coordinates, near: Coordinates) -> Coordinates:
    return replace(cause, offset=max(0, min(cause.offset, near.offset)))


def _invalid(announcement: Announcement, detail: str) -> InvalidMessage:
    return InvalidMessage(Reason.INVALID, detail, workflow=announcement.workflow, request_id=announcement.request_id)
