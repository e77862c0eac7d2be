"""How cases begin: by an announcement, and now and then, after one, with a question whose answer is known."""

from msgspec.structs import replace

from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.stage import Message
from schemas.codec import Codec
from schemas.events import ReviewRequested
from schemas.ids import derive_id
from schemas.topics import REVIEW
from schemas.values import CaseStage, CaseStatus, Coordinates, Priority, SampleKind, Split
from streams.casework import changes
from streams.casework.case import Announcement, Case, evolve
from streams.casework.gold import GOLD, Question, body_of, disguised, question_after
from streams.casework.recording import Turn
from streams.casework.sealing import SealBroken, Sealed, Sealer
from streams.routing.draws import draw

FIRST: int = 1  # revision
NEAR: int = 50  # offsets before the case that it follows, among which a question seems to have been asked
NEUTRAL_REASON: str = "needs human validation"  # as of blind reviews


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
                self._ask_gold(after, announcement, turn)
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

    def _ask_gold(self, case: Case, announcement: Announcement, turn: Turn) -> None:
        """Chance may announce a question of the same look; it is opened when it is read, as any other case."""
        config, workflow = turn.config, case.workflow
        share = config.review_policy(workflow).gold_share
        question = question_after(self._salt, case.request_id, config.gold.get(workflow, ()), share)
        if question is None or question.label not in case.classes:
            return
        name = disguised(
            self._salt, case.request_id, partition=turn.lane.partition, partitions=self._partitions
        )
        if name is None or turn.lane.state.get(name) is not None:
            return
        body = body_of(question, name, self._codec)
        if body is not None and isinstance(announcement, ReviewRequested):
            asked = self._question(name, body, question, announcement, turn)
            turn.send(REVIEW[asked.priority].message(asked))

    def _question(
        self, name: str, body: tuple[bytes, bytes], question: Question, beside: ReviewRequested, turn: Turn
    ) -> ReviewRequested:
        """As blind reviews look; where the request lies is said so that it could be true."""
        drawn = int(draw(self._salt, f"{GOLD}-place", name) * NEAR)
        near = replace(beside.request, offset=max(0, beside.request.offset - 1 - drawn))
        sealed = Sealed(
            kind=SampleKind.GOLD,
            inclusion_probability=1.0,
            split=Split.TRAIN,
            routed_reason=NEUTRAL_REASON,
            gold_id=question.gold_id,
            gold_label=question.label,
        )
        return replace(
            beside,
            event_id=derive_id("review", name, FIRST),
            request_id=name,
            revision=FIRST,
            request=near,
            request_body=body[0],
            request_fingerprint=body[1],
            priority=Priority.NORMAL,
            reason=NEUTRAL_REASON,
            recommendation=None,
            rule_hits=(),
            risk_flags=(),
            high_risk=False,
            compliance=False,
            cause=_beside(beside.cause, near),
            sealed=self._sealer.seal(sealed, request_id=name, revision=FIRST),
            created_at=turn.stamp.now,
            answers=(),
        )


def _beside(cause: Coordinates, near: Coordinates) -> Coordinates:
    return replace(cause, offset=max(0, min(cause.offset, near.offset)))


def _invalid(announcement: Announcement, detail: str) -> InvalidMessage:
    return InvalidMessage(Reason.INVALID, detail, workflow=announcement.workflow, request_id=announcement.request_id)
