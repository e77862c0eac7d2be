"""Decisions that are judged anew: appeals are taken on, and a case that ends may be reopened at once."""

from typing import Final, NamedTuple

from infra.kafka.errors import InvalidMessage, NotReady, Reason
from infra.kafka.stage import Handled, Lane, Message, tally
from schemas.codec import Codec, Undecodable
from schemas.events import AppealFiled, DecisionMade, DecisionRequested, Event
from schemas.topics import APPEALS, EXPERT, POLICIES
from schemas.values import CaseStatus, GivenAnswer, PreviousAnswer, ReopenedBy, StandingDecision
from streams.casework import reopening
from streams.casework.appeals import (
    AppealRefusal,
    RefusedAppeal,
    Ruling,
    contested,
    is_contradicted,
    next_cause,
    rule,
    sealed_for_appeal,
)
from streams.casework.case import Case, evolve
from streams.casework.cases import Cases
from streams.casework.changes import Stamp
from streams.casework.consequences import automatic_standing
from streams.casework.recording import count, record
from streams.casework.refusal import ANNOUNCING
from streams.casework.reopening import Cause, Subject
from streams.casework.sealing import Sealed, Sealer
from streams.workflow.policies import Policies, Policy

NO_POLICY: Final = RefusedAppeal(
    AppealRefusal.UNKNOWN_WORKFLOW, "no policy is in force for its workflow: nobody can be asked to judge it"
)


class Ending(NamedTuple):
    """A case that ends: as it was open, as it is closed, what was sealed, and the answer that ended it, if one did."""

    case: Case
    closed: Case
    sealed: Sealed
    answer: GivenAnswer | None = None


class SecondLook:
    """Takes appeals on and reopens cases; pure but for the sealer's key."""

    def __init__(self, sealer: Sealer, codec: Codec) -> None:
        self._sealer, self._codec = sealer, codec

    def take_on(
        self, message: Message, filed: AppealFiled, lane: Lane[Cases], policies: Policies, handled: Handled
    ) -> None:
        """Reopen, let wait, or refuse. Raises `InvalidMessage`, and `NotReady` while what came before is unread."""
        made = self._decision(filed)
        if made.grounds.config_offsets.get(POLICIES.name, 0) > lane.config_offsets.get(POLICIES.name, 0):
            raise NotReady
        case, policy = lane.state.get(filed.request_id), policies.get(filed.workflow)
        if case is None:
            _await_announcements(message, lane)
        stamp = Stamp(message.coordinates, lane.now, lane.config_offsets)
        kind = self._seal_of(case).kind if case is not None and case.status is CaseStatus.OPEN else None
        ruling = rule(case, kind, filed)
        if policy is None and ruling is Ruling.REOPENS:
            ruling = NO_POLICY
        match ruling:
            case RefusedAppeal():
                handled.outgoing.append(APPEALS.message(reopening.appeal_refused(case, filed, ruling, stamp)))
                handled.tallies.append(tally(filed.workflow, stamp.now, "appeal_refused", None, message.timestamp))
            case Ruling.WAITS if case is not None:
                appeal = reopening.appeal_of(filed, message.timestamp)
                noted = reopening.appeal_noted(case, appeal, contested(case, made), stamp)
                record(evolve(case, noted), noted, lane, handled)
                count(case, "appealed", stamp, handled)
            case Ruling.REOPENS if policy is not None:
                self._open_by_appeal(case, message, filed, made, policy, stamp, lane, handled)

    def after(self, ending: Ending, stamp: Stamp, policies: Policies, lane: Lane[Cases], handled: Handled) -> None:
        """Reopen a case that has just ended when an appeal waits for it, or when its audit contradicts automation."""
        case, closed, policy = ending.case, ending.closed, policies.get(ending.case.workflow)
        amendable = policy is not None and policy.workflow_type.amend_on_audit
        by = next_cause(case, contradicted=amendable and _contradicts(ending), drawn=_is_drawn(ending))
        standing = closed.standing or _automatic(case, ending.sealed)
        if by is None or standing is None:
            return
        answers = case.answers if ending.answer is None else (*case.answers, _previous(ending.answer, stamp))
        subject = reopening.subject_of_case(case, closed.sequence, ending.sealed, answers)
        timeout = policy.workflow_type.review_timeout_ms if policy is not None else 0
        appeal = case.appeal if by is ReopenedBy.APPEAL else None
        self._reopen(closed, subject, Cause(by, standing, appeal, stamp.now + timeout), stamp, lane, handled)

    def _open_by_appeal(
        self, case: Case | None, message: Message, filed: AppealFiled, made: DecisionMade, policy: Policy,
        stamp: Stamp, lane: Lane[Cases], handled: Handled,
    ) -> None:  # fmt: skip
        subject = reopening.subject_of_appeal(case, filed, made, policy, sealed_for_appeal(made), now=stamp.now)
        appeal = reopening.appeal_of(filed, message.timestamp)
        due_at = stamp.now + policy.workflow_type.review_timeout_ms
        cause = Cause(ReopenedBy.APPEAL, contested(case, made), appeal, due_at)
        self._reopen(case, subject, cause, stamp, lane, handled)

    def _reopen(
        self, case: Case | None, subject: Subject, cause: Cause, stamp: Stamp, lane: Lane[Cases], handled: Handled
    ) -> None:
        reopened = reopening.case_reopened(subject, cause, stamp)
        asked = reopening.expert_asked_again(subject, cause, reopened, self._sealer)
        handled.outgoing.append(EXPERT.message(asked))
        after = evolve(case, reopened, asked)
        record(after, reopened, lane, handled)
        count(after, "reopened", stamp, handled)

    def _decision(self, filed: AppealFiled) -> DecisionMade:
        """The contested original. Raises `InvalidMessage` when the appeal carries no such request or decision."""
        request = self._inside(filed, filed.request_body, filed.request_fingerprint, "request")
        made = self._inside(filed, filed.decision_body, filed.decision_fingerprint, "decision")
        if not isinstance(request, DecisionRequested) or request.request_id != filed.request_id:
            raise _invalid(filed, Reason.INVALID, "the request inside is not the one that it names")
        if not isinstance(made, DecisionMade) or made.request_id != filed.request_id:
            raise _invalid(filed, Reason.INVALID, "the decision inside is not about the request that it names")
        if not filed.workflow == request.workflow == made.workflow:
            raise _invalid(filed, Reason.INVALID, "the workflow is not that of the request and the decision inside")
        return made

    def _inside(self, filed: AppealFiled, body: bytes, fingerprint: bytes, what: str) -> Event:
        try:
            return self._codec.decode_body(body, fingerprint)
        except Undecodable as error:
            raise _invalid(filed, Reason.UNDECODABLE, f"the {what} inside: {error.detail}") from error

    def _seal_of(self, case: Case) -> Sealed:
        return self._sealer.open(case.sealed or b"", request_id=case.request_id, revision=case.revision)


def _await_announcements(message: Message, lane: Lane[Cases]) -> None:
    """Raises `NotReady` until everything announced before the appeal could be read is read.

    The router announces an audit together with the decision, but on another topic: an appeal must not overtake it.
    """
    looks = lane.state.appeal_looks
    if message.offset not in looks:
        looks[message.offset] = {topic: lane.watermark(topic) for topic in ANNOUNCING}
    if any(lane.reached(topic) < end for topic, end in looks[message.offset].items()):
        raise NotReady
    del looks[message.offset]


def _contradicts(ending: Ending) -> bool:
    label = ending.closed.label
    return ending.answer is not None and label is not None and is_contradicted(ending.case, ending.sealed, label)


def _is_drawn(ending: Ending) -> bool:
    """Whether chance wants an expert to judge a decision anew that people took."""
    return ending.sealed.validation is not None and ending.closed.standing is not None


def _automatic(case: Case, sealed: Sealed) -> StandingDecision | None:
    return None if sealed.model_label is None else automatic_standing(case, sealed.model_label)


def _previous(answer: GivenAnswer, stamp: Stamp) -> PreviousAnswer:
    return PreviousAnswer(
        reviewer_id=answer.reviewer_id, action=answer.action, note=answer.feedback, answered_at=stamp.now
    )


def _invalid(filed: AppealFiled, reason: Reason, detail: str) -> InvalidMessage:
    return InvalidMessage(reason, detail, workflow=filed.workflow, request_id=filed.request_id)
