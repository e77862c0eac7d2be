"""Casework arbitrates: one case a request, one accepted answer a case; refusals, escalations and deadlines on record.

Announcements open cases, answers close them or send them on, the clock escalates and expires. Everything that one
message or one deadline leads to is in one transaction. Appeals, and audits that contradict automation, bring a case
back for a second look.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from infra.kafka.errors import InvalidMessage, NotReady, Reason
from infra.kafka.stage import Batch, Handled, Lane, Message, Source, one_by_one, tally
from schemas.codec import Codec
from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    CaseSnapshot,
    ExpertReviewRequested,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import (
    APPEALS,
    ASSIGNMENTS,
    AUDITS,
    CASES,
    EXPERT,
    FEEDBACK,
    OUTCOMES,
    POLICIES,
    REVIEW,
    REVIEW_DECISIONS,
    Topic,
)
from schemas.values import CaseStatus, ClosedBy, EscalatedBy, PreviousAnswer, SampleKind
from streams.casework import changes, consequences, refusal
from streams.casework.answer import Answered, PassedOn, read_answer
from streams.casework.case import Announcement, Case, evolve
from streams.casework.cases import Cases, Look
from streams.casework.changes import Stamp
from streams.casework.recording import count, record
from streams.casework.refusal import Refused
from streams.casework.sealing import SealBroken, Sealed, Sealer
from streams.casework.second_look import Ending, SecondLook
from streams.casework.timeouts import Timeout, timeout_of
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

MAX_TIMEOUTS: Final = 500  # cases that one tick changes, so that answers never wait long behind the clock
UNKNOWN_WORKFLOW: Final = "_unknown"  # in counts, where an answer names no case of ours


class CaseworkStage:
    """The stage of cases. `topic_prefix` may stand before topic names in answers: reviewer apps see it there."""

    name: str = "casework"
    inputs: Sequence[Topic[Any]] = (*REVIEW.values(), EXPERT, REVIEW_DECISIONS, APPEALS)
    config_topics: Sequence[Topic[Any]] = (POLICIES,)

    def __init__(self, sealer: Sealer, codec: Codec, *, partitions: int, topic_prefix: str = "") -> None:
        self._sealer, self._partitions, self._prefix = sealer, partitions, topic_prefix
        self._second_look = SecondLook(sealer, codec)

    def initial_config(self) -> Policies:
        """What an announcement carries decides its case; only a second look asks the policy in force."""
        return NO_POLICIES

    def fold_config(self, config: Policies, message: Message) -> Policies:
        """The policies after one more record."""
        return fold_policies(config, message.event)

    def initial_state(self, partition: int) -> Cases:
        """No case is known before the first announcement."""
        return Cases()

    def restore(self, state: Cases, source: Source) -> None:
        """The last snapshot of each case, up to the high watermark of now."""
        for message in source.latest(CASES.name):
            if isinstance(message.event, CaseSnapshot):
                state.put(message.event.request_id, message.event)
        state.commit()

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Cases]], config: Policies) -> Batch:
        """Take announcements on and judge answers, one after the other."""
        return one_by_one(
            messages, lambda message, handled: self._decide(message, lanes[message.partition], config, handled)
        )

    def tick(self, lane: Lane[Cases], config: Policies) -> Handled:
        """Escalate, expire and forget what is due, at most `MAX_TIMEOUTS` cases, the earliest first.

        An answer that was given in time but waits to be read, as after a standstill, comes before the clock.
        """
        handled, cases = Handled(), lane.state
        if not cases.is_any_due(lane.now):
            return handled
        cases.look = look = cases.look or Look(lane.now, lane.watermark(REVIEW_DECISIONS.name))
        if lane.reached(REVIEW_DECISIONS.name) < look.end:
            return handled
        cases.look = None
        for case in cases.take_due(look.at, MAX_TIMEOUTS):
            self._time_out(case, lane, config, handled)
        return handled

    def _decide(self, message: Message, lane: Lane[Cases], config: Policies, handled: Handled) -> None:
        match message.event:
            case ReviewDecided() as decision:
                self._judge(message, self._without_prefix(decision), lane, config, handled)
            case AppealFiled() as filed:
                self._second_look.take_on(message, filed, lane, config, handled)
            case ReviewRequested() | ExpertReviewRequested() as announcement:
                self._take_on(message, announcement, lane, handled)
            case AppealNoted() | AppealRefused():
                pass  # what casework itself said to an appeal, beside it
            case other:
                raise InvalidMessage(Reason.WRONG_EVENT, f"{type(other).__name__} is nothing that casework reads")

    # ---- announcements ----

    def _take_on(self, message: Message, announcement: Announcement, lane: Lane[Cases], handled: Handled) -> None:
        """Open a case, or learn where its next revision can be answered; a repeat changes nothing."""
        case = lane.state.get(announcement.request_id)
        stamp = Stamp(message.coordinates, lane.now, lane.config_offsets)
        if case is None:
            self._check_new(announcement)
            opened = changes.case_opened(announcement, message.coordinates, stamp)
            record(evolve(None, opened, announcement), opened, lane, handled)
        elif announcement.revision > case.revision:
            raise _invalid(announcement, f"revision {announcement.revision} follows none; casework announces revisions")
        elif announcement.revision == case.revision and case.review is None and case.status is CaseStatus.OPEN:
            announced = changes.case_announced(case, message.coordinates, stamp)
            record(evolve(case, announced), announced, lane, handled)

    def _check_new(self, announcement: Announcement) -> None:
        if announcement.revision != 1:
            raise _invalid(announcement, f"revision {announcement.revision} of a case that was never opened")
        try:
            self._sealer.open(announcement.sealed, request_id=announcement.request_id, revision=1)
        except SealBroken as error:
            raise _invalid(announcement, str(error)) from error

    # ---- answers ----

    def _judge(
        self, message: Message, decision: ReviewDecided, lane: Lane[Cases], config: Policies, handled: Handled
    ) -> None:
        """Accept an answer or refuse it. Raises `NotReady` while the announcement it names has not been read."""
        case = lane.state.get(decision.request_id) if message.key == decision.request_id.encode() else None
        stamp = Stamp(message.coordinates, lane.now, lane.config_offsets)
        said = self._misplaced(message, decision, case, lane) or refusal.unanswerable(case, decision.review)
        if case is not None and said is None:
            match read_answer(case, decision):
                case Answered(label):
                    self._finish(case, decision, label, stamp, lane, config, handled)
                case PassedOn(model_is_wrong):
                    self._pass_on(case, decision, model_is_wrong, stamp, lane, handled)
                case Refused() as refused:
                    said = refused
        if said is not None:
            handled.outgoing.append(ASSIGNMENTS.message(changes.decision_refused(case, decision, said, stamp)))
            workflow, priority = (case.workflow, case.priority) if case is not None else (UNKNOWN_WORKFLOW, None)
            handled.tallies.append(tally(workflow, stamp.now, "refused", priority, message.timestamp))

    def _misplaced(
        self, message: Message, decision: ReviewDecided, case: Case | None, lane: Lane[Cases]
    ) -> Refused | None:
        """Refuse a wrong key, partition or place; hold what names an announcement that is still to be read."""
        review = decision.review
        if case is not None and review == case.review:
            return None  # where the case was announced to us, everything is in its place
        refused = refusal.wrong_key(message, decision)
        if refused is None and case is None:
            refused = refusal.wrong_partition(message, self._partitions)
        refused = refused or refusal.impossible_review(review, message.partition)
        if refused is not None or review.offset < lane.reached(review.topic):
            return refused
        watermark = lane.watermark(review.topic)
        if review.offset < watermark:
            raise NotReady
        return refusal.beyond_the_log(review, watermark)

    def _without_prefix(self, decision: ReviewDecided) -> ReviewDecided:
        review = decision.review
        if not self._prefix or not review.topic.startswith(self._prefix):
            return decision
        return replace(decision, review=replace(review, topic=review.topic.removeprefix(self._prefix)))

    def _finish(
        self, case: Case, decision: ReviewDecided, label: str, stamp: Stamp, lane: Lane[Cases], config: Policies,
        handled: Handled,
    ) -> None:  # fmt: skip
        """The answer is the outcome, the audit's, or what becomes of a decision judged anew; either way it teaches."""
        sealed = self._opened_seal(case)
        send, is_audit = handled.outgoing.append, sealed.kind is SampleKind.AUDIT
        if case.standing is not None and case.reopened_by is not None:
            send(OUTCOMES.message(consequences.judged_anew(case, decision, label, case.standing, stamp)))
        elif not is_audit:
            send(OUTCOMES.message(consequences.decision_made(case, decision, label, sealed, stamp)))
        if sealed.kind in consequences.BLIND_KINDS:
            send(AUDITS.message(consequences.audit_answered(case, decision, label, sealed, stamp)))
        send(FEEDBACK.message(consequences.feedback_recorded(case, decision, label, sealed, stamp)))
        standing = None if is_audit else consequences.standing_after(case, decision, label, stamp)
        closed = changes.case_closed(
            case, consequences.closed_by(case), stamp, reviewer_id=decision.reviewer_id, label=label, standing=standing
        )
        after = evolve(case, closed)
        record(after, closed, lane, handled)
        count(case, consequences.action_of(case, sealed, label), stamp, handled)
        self._second_look.after(Ending(case, after, sealed, decision), stamp, config, lane, handled)

    def _pass_on(
        self, case: Case, decision: ReviewDecided, model_is_wrong: bool, stamp: Stamp, lane: Lane[Cases],
        handled: Handled,
    ) -> None:  # fmt: skip
        """The case goes to an expert; that the model is wrong is learnt at once, the right answer later."""
        if model_is_wrong:
            recorded = consequences.feedback_recorded(case, decision, None, self._opened_seal(case), stamp)
            handled.outgoing.append(FEEDBACK.message(recorded))
        answer = PreviousAnswer(
            reviewer_id=decision.reviewer_id, action=decision.action, note=decision.feedback, answered_at=stamp.now
        )
        self._escalate(case, EscalatedBy.PERSON, answer, stamp, lane, handled)

    # ---- deadlines ----

    def _time_out(self, case: Case, lane: Lane[Cases], config: Policies, handled: Handled) -> None:
        stamp = Stamp(case.review or case.request, lane.now, lane.config_offsets)
        sealed = self._opened_seal(case) if case.status is CaseStatus.OPEN else None
        match timeout_of(case, sealed.kind if sealed is not None else None):
            case Timeout.ESCALATE:
                self._escalate(case, EscalatedBy.TIMEOUT, None, stamp, lane, handled)
            case Timeout.EXPIRE if sealed is not None:
                handled.outgoing.append(AUDITS.message(consequences.audit_expired(case, sealed, stamp)))
                closed = changes.case_closed(case, ClosedBy.EXPIRED, stamp)
                after = evolve(case, closed)
                record(after, closed, lane, handled)
                count(case, "audit_expired", stamp, handled)
                self._second_look.after(Ending(case, after, sealed), stamp, config, lane, handled)
            case Timeout.FORGET:
                handled.outgoing.append(CASES.tombstone(case.request_id))
                lane.state.put(case.request_id, None)

    # ---- changes ----

    def _escalate(
        self, case: Case, by: EscalatedBy, answer: PreviousAnswer | None, stamp: Stamp, lane: Lane[Cases],
        handled: Handled,
    ) -> None:  # fmt: skip
        escalated = changes.case_escalated(case, by, answer, stamp)
        asked = changes.expert_asked(case, escalated, self._opened_seal(case), self._sealer)
        handled.outgoing.append(EXPERT.message(asked))
        record(evolve(case, escalated, asked), escalated, lane, handled)
        count(case, "escalated", stamp, handled)

    def _opened_seal(self, case: Case) -> Sealed:
        """What was sealed when the case was opened. Raises `SealBroken` when the key was changed since."""
        return self._sealer.open(case.sealed or b"", request_id=case.request_id, revision=case.revision)


def _invalid(announcement: Announcement, detail: str) -> InvalidMessage:
    return InvalidMessage(Reason.INVALID, detail, workflow=announcement.workflow, request_id=announcement.request_id)
