"""The story of one request, folded from its events: state, status, transitions and what happened when.

Records may come from many topics, in any order and more than once: they are told in the order of cause and effect.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, assert_never

from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    AppealFiled,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    AutoApproved,
    CaseActionRequested,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    DecisionValidated,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
    GoldAnswered,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    OutcomeAmended,
    OutcomeUpheld,
    OverlapAnswered,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import EXPERT, PREDICTIONS, REQUESTS, REVIEW
from schemas.values import CaseStage, ClosedBy, DecidedBy, EscalatedBy, Outcome, ReopenedBy
from streams.workflow.sentences import sentence
from streams.workflow.states import PROGRESS, State, Trigger, transition
from streams.workflow.story import Moment, Record, RequestStory, Status, Transition
from streams.workflow.tracks import appeal_of, audit_of, gold_of

ID_CONFLICT: Final = "id_conflict"  # reason of a dead letter about a second content under the id, not about the first
FIRST: Final = 1  # revision of the announcement that opens a case
SCORED: Final = (Trigger.START_AI_PROCESSING, Trigger.ROUTING_REQUIRED)
ANNOUNCEMENTS: Final = frozenset({EXPERT.name, *(topic.name for topic in REVIEW.values())})
TOLD: Final[tuple[type[Event], ...]] = (
    DecisionRequested, PredictionMade, AutoApproved, DecisionMade, ReviewRequested, ExpertReviewRequested, AuditDrawn,
    CaseOpened, CaseAnnounced, ReviewDecided, DecisionRefused, CaseEscalated, CaseReturned, AuditAnswered, AuditExpired,
    FeedbackRecorded, CaseClosed, AppealFiled, AppealNoted, AppealRefused, CaseReopened, OutcomeAmended, OutcomeUpheld,
    GoldAnswered, OverlapAnswered, DecisionValidated, DeadLettered,
    # What people do beside answering, and answers that settle nothing alone: they lead to no other state.
    CaseActionRequested, CommandRefused, CaseReprioritised, LeaseEnded, HoldEnded, AnswerWithdrawn, LeaseGranted,
    LeaseExtended, CaseNoted, CaseHeld, AnswerReceived, AnswerCounted,
)  # fmt: skip
NUMBERED: Final = (  # changes of a case, by `sequence`
    CaseOpened, CaseAnnounced, CaseEscalated, CaseReturned, CaseReprioritised, CaseClosed, CaseReopened, LeaseGranted,
    LeaseExtended, LeaseEnded, CaseHeld, HoldEnded, CaseNoted, AnswerReceived, AnswerWithdrawn, AnswerCounted,
)  # fmt: skip
BESIDE: Final = (AppealNoted, AppealRefused, DecisionRefused, CommandRefused)  # said by casework under no number


def story_of(records: Iterable[Record]) -> RequestStory | None:
    """The story that the records of one request tell; None without any. Repeats and order make no difference."""
    told = without_repeats(records)
    if not told:
        return None
    transitions = _transitions(told)
    state = transitions[-1].to_state if transitions else State.STARTED
    decided = _decided(told) if state is State.COMPLETED else None
    amended = _amended(told) if decided else None
    standing, gold = amended or decided, gold_of(told)
    status = None if gold else _status(told, state, transitions, standing)
    return RequestStory(
        request_id=next((name for event, _ in told if (name := _named(event, "request_id"))), ""),
        workflow=next((name for event, _ in told if (name := _named(event, "workflow"))), None),
        state=state,
        status=status,
        progress=PROGRESS[state],
        created_at=_created_at(told),
        updated_at=max(happened_at(record) for record in told),
        expected_by=_expected_by(told) if status is Status.PENDING_HUMAN else None,
        outcome=standing.outcome if standing else None,
        label=standing.label if standing else None,
        amended_from=decided.outcome if decided and amended else None,
        transitions=transitions,
        audit=audit_of(told),
        appeal=appeal_of(told),
        gold=gold,
        timeline=tuple(
            Moment(at=happened_at(record), event=type(record.event).__name__, text=sentence(record.event))
            for record in told
        ),
    )


def happened_at(record: Record) -> int:
    """When it happened by the clock of the stage that wrote it; for what outsiders write, by the log's."""
    match record.event:
        case PredictionMade(predicted_at=at) | ReviewRequested(created_at=at) | ExpertReviewRequested(created_at=at):
            return at
        case AutoApproved(decided_at=at) | DecisionMade(decided_at=at) | FeedbackRecorded(decided_at=at):
            return at
        case AuditDrawn(drawn_at=at) | AuditAnswered(answered_at=at) | AuditExpired(expired_at=at):
            return at
        case DeadLettered(dead_lettered_at=at):
            return at
        case OutcomeAmended(decided_at=at) | OutcomeUpheld(decided_at=at):
            return at
        case GoldAnswered(answered_at=at) | OverlapAnswered(answered_at=at) | DecisionValidated(validated_at=at):
            return at
        case event if isinstance(event, (*NUMBERED, *BESIDE)):
            return event.occurred_at
    return record.timestamp


def without_repeats(records: Iterable[Record]) -> list[Record]:
    """What is told, the earliest record of each event, in the order in which it happened."""
    first: dict[tuple[str, str | int], Record] = {}
    told = (Record(*record) for record in records if isinstance(record[0], TOLD))
    for record in sorted(told, key=lambda r: (happened_at(r), _rank(r.event), _identity(r), r.timestamp)):
        first.setdefault(_identity(record), record)
    return [record for _, group in groupby(first.values(), key=happened_at) for record in _in_sequence(list(group))]


def _in_sequence(records: Sequence[Record]) -> Iterator[Record]:
    """What happened in the same millisecond, with the changes of the case by their numbers in the places they take."""
    numbered = iter(sorted((r for r in records if _number(r.event) is not None), key=lambda r: _number(r.event) or 0))
    return (record if _number(record.event) is None else next(numbered) for record in records)


def _number(event: Event) -> int | None:
    return event.sequence if isinstance(event, NUMBERED) else None


def _identity(record: Record) -> tuple[str, str]:
    event = record.event
    names = (_named(event, field) for field in ("event_id", "decision_id", "appeal_id", "command_id"))
    name = next(filter(None, names), str(record.timestamp))
    return type(event).__name__, name


def _named(event: Event, field: str) -> str | None:
    value = getattr(event, field, None)
    return value if isinstance(value, str) else None


def _rank(event: Event) -> int:
    """The place of an event in the order of cause and effect, whatever the clocks say."""
    match event:
        case DecisionMade(decided_by=DecidedBy.REVIEWER | DecidedBy.EXPERT):
            return TOLD.index(CaseClosed) - 1
        case ExpertReviewRequested(reopened_by=ReopenedBy()):
            return TOLD.index(CaseReopened) + 1  # its announcement
        case ExpertReviewRequested(escalated_by=by) if by is not EscalatedBy.POLICY:
            return TOLD.index(CaseEscalated) + 1  # its announcement
        case ReviewRequested(revision=revision) if revision > FIRST:
            return TOLD.index(CaseReturned) + 1  # the case is returned or has another priority
    return TOLD.index(type(event))


def _transitions(told: Sequence[Record]) -> tuple[Transition, ...]:
    """The triggers of all events put to the state machine in causal order; what it refuses changes nothing."""
    state, found = State.STARTED, []
    opened = any(isinstance(event, CaseOpened) for event, _ in told)
    approving = next((event.approving_class for event, _ in told if isinstance(event, ReviewRequested)), None)
    for record in sorted(told, key=lambda record: _rank(record.event)):
        for trigger in _triggers(record.event, state, opened, approving):
            step = transition(state, trigger)
            if step.refused is None:
                found.append(Transition(from_state=state, to_state=step.state, trigger=trigger, at=happened_at(record)))
                state = step.state
    return tuple(found)


def _triggers(event: Event, state: State, opened: bool, approving: str | None) -> tuple[Trigger, ...]:
    """What an event says has happened; it implies what went before, for readers who cannot see every topic."""
    match event:
        case PredictionMade():
            return SCORED
        case AutoApproved() | DecisionMade(decided_by=DecidedBy.AUTOMATION):
            return (*SCORED, Trigger.AUTO_APPROVE)
        case ExpertReviewRequested(reopened_by=ReopenedBy()):
            return ()  # a decided request is judged anew beside the states
        case ReviewRequested() | CaseOpened(stage=CaseStage.HUMAN):
            return (*SCORED, Trigger.HUMAN_REVIEW)
        case ExpertReviewRequested(escalated_by=EscalatedBy.POLICY) | CaseOpened(stage=CaseStage.EXPERT):
            return (*SCORED, Trigger.EXPERT_ESCALATION)
        case ExpertReviewRequested() | CaseEscalated():
            return (Trigger.ESCALATE_TO_EXPERT,)
        case DecisionMade(decided_by=by, outcome=outcome):
            return (_settled(state, by, approves=outcome is Outcome.APPROVED),)
        case CaseClosed(closed_by=ClosedBy.EXPIRED):
            return (Trigger.FAIL,)  # of a decided request the audit; else nobody will answer what nobody upstream asked
        case CaseClosed(label=str(label), standing=None):
            return (_settled(state, DecidedBy.REVIEWER, approves=label == approving),)  # as above, and answered
        case DeadLettered() if _fails(event, state, opened):
            return (Trigger.FAIL,)
    return ()


def _settled(state: State, by: DecidedBy, *, approves: bool) -> Trigger:
    """What a person's decision is to the state machine.

    Its table knows no way back from an expert. A case that the expert returned stays there, beside its status, which
    says that reviewers are asked; a reviewer's answer then takes the one way on that there is, the expert's decision:
    it is given on the expert's word that a reviewer is enough.
    """
    if by is DecidedBy.EXPERT or state is State.EXPERT_REVIEW:
        return Trigger.EXPERT_DECISION
    return Trigger.HUMAN_APPROVED if approves else Trigger.HUMAN_REJECTED


def _fails(letter: DeadLettered, state: State, opened: bool) -> bool:
    """Whether a dead letter stopped the request where it stands; one that was sent again and got on did not."""
    if letter.reason == ID_CONFLICT:
        return False
    if letter.origin.topic == REQUESTS.name:
        return state is State.STARTED
    if letter.origin.topic == PREDICTIONS.name:
        return state in (State.STARTED, State.ROUTING_DECISION)
    return letter.origin.topic in ANNOUNCEMENTS and not opened


def _decided(told: Sequence[Record]) -> DecisionMade | AutoApproved | None:
    """The outcome; what the router says of its own is as good for who cannot read outcomes."""
    made = next((event for event, _ in told if isinstance(event, DecisionMade)), None)
    return made or next((event for event, _ in told if isinstance(event, AutoApproved)), None)


def _amended(told: Sequence[Record]) -> OutcomeAmended | None:
    """The last change of the outcome; `told` is in the order in which things happened."""
    return next((event for event, _ in reversed(told) if isinstance(event, OutcomeAmended)), None)


def _status(
    told: Sequence[Record], state: State, transitions: Sequence[Transition],
    standing: DecisionMade | AutoApproved | OutcomeAmended | None,
) -> Status | None:  # fmt: skip
    match state:
        case State.STARTED | State.AI_PROCESSING | State.ROUTING_DECISION:
            return Status.PENDING_AI
        case State.HUMAN_REVIEW:
            return Status.PENDING_HUMAN
        case State.EXPERT_REVIEW if _is_returned(told):
            return Status.PENDING_HUMAN
        case State.EXPERT_REVIEW:
            escalated = any(isinstance(event, CaseEscalated) for event, _ in told)  # it may have been returned before
            by_policy = transitions[-1].trigger is Trigger.EXPERT_ESCALATION and not escalated
            return Status.PENDING_EXPERT if by_policy else Status.ESCALATED
        case State.COMPLETED:
            return Status(standing.outcome.value) if standing else None
        case State.FAILED:
            return None
        case _:
            assert_never(state)


def _is_returned(told: Sequence[Record]) -> bool:
    """Whether an expert gave the case back to reviewers, and it did not come again since: the last revision tells."""
    to_reviewers = max((e.revision for e, _ in told if isinstance(e, ReviewRequested | CaseReturned)), default=0)
    to_experts = max((e.revision for e, _ in told if isinstance(e, ExpertReviewRequested | CaseEscalated)), default=0)
    return to_reviewers > max(to_experts, FIRST)


def _created_at(told: Sequence[Record]) -> int:
    """When the request was appended to the log, as its own record or any later event says."""
    asked = [at for event, at in told if isinstance(event, DecisionRequested)]
    said = [at for event, _ in told if isinstance(at := getattr(event, "requested_at", None), int)]
    return min(asked + said, default=min(happened_at(record) for record in told))


def _expected_by(told: Sequence[Record]) -> int | None:
    """When the newest announcement is due."""
    announced = [event for event, _ in told if isinstance(event, ReviewRequested)]
    opened = [event for event, _ in told if isinstance(event, CaseOpened)]
    newest = max(announced, key=lambda event: event.revision, default=None) or next(iter(opened), None)
    return newest.due_at if newest else None
