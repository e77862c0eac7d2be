"""The story of one request, folded from its events: state, status, transitions and what happened when.

Records may come from many topics, in any order and more than once: they are told in the order of cause and effect.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    AutoApproved,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
    OutcomeAmended,
    OutcomeUpheld,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import EXPERT, PREDICTIONS, REQUESTS, REVIEW
from schemas.values import Appeal, CaseStage, DecidedBy, EscalatedBy, Outcome, ReopenedBy
from streams.workflow.sentences import sentence
from streams.workflow.states import PROGRESS, State, Trigger, transition
from streams.workflow.story import (
    AppealStatus,
    AppealTrack,
    AuditStatus,
    AuditTrack,
    Moment,
    Record,
    RequestStory,
    Status,
    Transition,
)

ID_CONFLICT: Final = "id_conflict"  # reason of a dead letter about a second content under the id, not about the first
APPEAL_ORDER: Final = (
    AppealStatus.AMENDED, AppealStatus.UPHELD, AppealStatus.UNDER_REVIEW, AppealStatus.WAITING, AppealStatus.FILED,
    AppealStatus.REFUSED,
)  # fmt: skip
SCORED: Final = (Trigger.START_AI_PROCESSING, Trigger.ROUTING_REQUIRED)
ANNOUNCEMENTS: Final = frozenset({EXPERT.name, *(topic.name for topic in REVIEW.values())})
TOLD: Final[tuple[type[Event], ...]] = (
    DecisionRequested, PredictionMade, AutoApproved, DecisionMade, ReviewRequested, ExpertReviewRequested, AuditDrawn,
    CaseOpened, CaseAnnounced, ReviewDecided, DecisionRefused, CaseEscalated, AuditAnswered, AuditExpired,
    FeedbackRecorded, CaseClosed, AppealFiled, AppealNoted, AppealRefused, CaseReopened, OutcomeAmended, OutcomeUpheld,
    DeadLettered,
)  # fmt: skip


def story_of(records: Iterable[Record]) -> RequestStory | None:
    """The story that the records of one request tell; None without any. Repeats and order make no difference."""
    told = _without_repeats(records)
    if not told:
        return None
    transitions = _transitions(told)
    state = transitions[-1].to_state if transitions else State.STARTED
    decided = _decided(told) if state is State.COMPLETED else None
    amended = _amended(told) if decided else None
    standing = amended or decided
    return RequestStory(
        request_id=next((name for event, _ in told if (name := _named(event, "request_id"))), ""),
        workflow=next((name for event, _ in told if (name := _named(event, "workflow"))), None),
        state=state,
        status=_status(state, transitions, standing),
        progress=PROGRESS[state],
        created_at=_created_at(told),
        updated_at=max(happened_at(record) for record in told),
        expected_by=_expected_by(told) if state is State.HUMAN_REVIEW else None,
        outcome=standing.outcome if standing else None,
        label=standing.label if standing else None,
        amended_from=decided.outcome if decided and amended else None,
        transitions=transitions,
        audit=_audit(told),
        appeal=_appeal(told),
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
        case CaseOpened() | CaseAnnounced() | CaseEscalated() | CaseClosed() | DecisionRefused():
            return record.event.occurred_at
        case CaseReopened() | AppealNoted() | AppealRefused():
            return record.event.occurred_at
    return record.timestamp


def _without_repeats(records: Iterable[Record]) -> list[Record]:
    """What is told, the earliest record of each event, in the order in which it happened."""
    first: dict[tuple[str, str | int], Record] = {}
    told = (Record(*record) for record in records if isinstance(record[0], TOLD))
    for record in sorted(told, key=lambda r: (happened_at(r), _rank(r.event), _identity(r), r.timestamp)):
        first.setdefault(_identity(record), record)
    return list(first.values())


def _identity(record: Record) -> tuple[str, str]:
    event = record.event
    names = (_named(event, field) for field in ("event_id", "decision_id", "appeal_id"))
    name = next(filter(None, names), str(record.timestamp))
    return type(event).__name__, name


def _named(event: Event, field: str) -> str | None:
    value = getattr(event, field, None)
    return value if isinstance(value, str) else None


def _rank(event: Event) -> int:
    """The place of an event in the order of cause and effect, whatever the clocks say."""
    match event:
        case DecisionMade(decided_by=DecidedBy.REVIEWER | DecidedBy.EXPERT):
            return TOLD.index(CaseClosed)
        case ExpertReviewRequested(reopened_by=ReopenedBy()):
            return TOLD.index(CaseReopened) + 1  # its announcement
        case ExpertReviewRequested(escalated_by=EscalatedBy.PERSON | EscalatedBy.TIMEOUT):
            return TOLD.index(CaseEscalated) + 1  # its announcement
    return TOLD.index(type(event))


def _transitions(told: Sequence[Record]) -> tuple[Transition, ...]:
    """The triggers of all events put to the state machine in causal order; what it refuses changes nothing."""
    state, found = State.STARTED, []
    opened = any(isinstance(event, CaseOpened) for event, _ in told)
    for record in sorted(told, key=lambda record: _rank(record.event)):
        for trigger in _triggers(record.event, state, opened):
            step = transition(state, trigger)
            if step.refused is None:
                found.append(Transition(from_state=state, to_state=step.state, trigger=trigger, at=happened_at(record)))
                state = step.state
    return tuple(found)


def _triggers(event: Event, state: State, opened: bool) -> tuple[Trigger, ...]:
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
        case DecisionMade(decided_by=DecidedBy.EXPERT):
            return (Trigger.EXPERT_DECISION,)
        case DecisionMade(outcome=Outcome.APPROVED):
            return (Trigger.HUMAN_APPROVED,)
        case DecisionMade():
            return (Trigger.HUMAN_REJECTED,)
        case DeadLettered() if _fails(event, state, opened):
            return (Trigger.FAIL,)
    return ()


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


def _appeal(told: Sequence[Record]) -> AppealTrack | None:
    """The appeal that was taken on, else the first that casework has yet to read, else the last that was refused."""
    found: dict[AppealStatus, AppealTrack] = {}
    for event, _ in told:
        if (track := _of_appeal(event)) is not None:
            found[track.status] = track
    refused = {event.appeal_id for event, _ in told if isinstance(event, AppealRefused)}
    unread = (e.appeal_id for e, _ in told if isinstance(e, AppealFiled) and e.appeal_id not in refused)
    if (name := next(unread, None)) is not None:
        found[AppealStatus.FILED] = AppealTrack(appeal_id=name, status=AppealStatus.FILED)
    return next((found[status] for status in APPEAL_ORDER if status in found), None)


def _of_appeal(event: Event) -> AppealTrack | None:
    """What an event of casework says of an appeal."""
    match event:
        case OutcomeAmended(appeal_id=str(name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.AMENDED)
        case OutcomeUpheld(appeal_id=str(name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.UPHELD)
        case CaseReopened(appeal=Appeal(appeal_id=name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.UNDER_REVIEW)
        case AppealNoted(appeal=Appeal(appeal_id=name)):
            return AppealTrack(appeal_id=name, status=AppealStatus.WAITING)
        case AppealRefused(appeal_id=name, reason=reason):
            return AppealTrack(appeal_id=name, status=AppealStatus.REFUSED, reason=reason)
    return None


def _status(
    state: State, transitions: Sequence[Transition], standing: DecisionMade | AutoApproved | OutcomeAmended | None
) -> Status | None:
    match state:
        case State.STARTED | State.AI_PROCESSING | State.ROUTING_DECISION:
            return Status.PENDING_AI
        case State.HUMAN_REVIEW:
            return Status.PENDING_HUMAN
        case State.EXPERT_REVIEW:
            by_policy = transitions[-1].trigger is Trigger.EXPERT_ESCALATION
            return Status.PENDING_EXPERT if by_policy else Status.ESCALATED
        case State.COMPLETED:
            return Status(standing.outcome.value) if standing else None
        case State.FAILED:
            return None
        case _:
            assert_never(state)


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


def _audit(told: Sequence[Record]) -> AuditTrack | None:
    drawn = next((event for event, _ in told if isinstance(event, AuditDrawn)), None)
    if drawn is None:
        return None
    for event, _ in told:
        if isinstance(event, AuditAnswered):
            return AuditTrack(
                kind=drawn.kind,
                status=AuditStatus.ANSWERED,
                drawn_at=drawn.drawn_at,
                label=event.label,
                agrees=event.agrees,
            )
    expired = any(isinstance(event, AuditExpired) for event, _ in told)
    status = AuditStatus.EXPIRED if expired else AuditStatus.OPEN
    return AuditTrack(kind=drawn.kind, status=status, drawn_at=drawn.drawn_at)
