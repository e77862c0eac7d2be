"""What one more event adds to the facts about a request.

Each kind of fact has a rule for which of two to keep, by the event's own sequence, revision or time and never by when
it was read. So the facts are the same whatever the order in which topics are read, and however often.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from infra.kafka.stage import Message
from infra.redis.records import (
    Amended,
    Announced,
    Answer,
    Answerable,
    Asked,
    Closed,
    Decided,
    Failed,
    Hands,
    Moved,
    Opened,
    Origin,
    Place,
    Possession,
    Reopened,
    Reprioritised,
    RequestRecord,
)
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    AutoApproved,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    CaseSnapshot,
    DeadLettered,
    DecisionMade,
    DecisionRequested,
    ExpertReviewRequested,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    OutcomeAmended,
    PredictionMade,
    ReviewRequested,
)
from schemas.topics import EXPERT, PREDICTIONS, REQUESTS, REVIEW
from schemas.values import CaseStage, Coordinates, DecidedBy

T = TypeVar("T")
Possessing = (
    LeaseGranted | LeaseExtended | LeaseEnded | CaseHeld | HoldEnded | AnswerReceived | AnswerWithdrawn | AnswerCounted
)
UNKNOWN: Final = RequestRecord()
ID_CONFLICT: Final = "id_conflict"  # a dead letter about a second content under the id, not about the first
STEPS: Final = {REQUESTS.name: 1, PREDICTIONS.name: 2, EXPERT.name: 3} | {topic.name: 3 for topic in REVIEW.values()}


def with_event(record: RequestRecord, message: Message) -> RequestRecord:
    """The facts after one more event; the very same value when it adds nothing."""
    rule = RULES.get(type(message.event))
    return record if rule is None else rule(record, message.event, message)


def tells_of(message: Message) -> str | None:
    """The request whose facts an event adds to; None for those that add to none."""
    event = message.event
    if type(event) not in RULES or (isinstance(event, DeadLettered) and _step(event) is None):
        return None
    return getattr(event, "request_id", None)


def asked_in(event: ReviewRequested | ExpertReviewRequested | CaseSnapshot) -> Asked:
    """What is asked of people; skills in alphabetical order, each once."""
    return Asked(revision=event.revision, skills=tuple(sorted(set(event.skills))))


def place_of(coordinates: Coordinates) -> Place:
    """Coordinates as the model keeps them."""
    return Place(topic=coordinates.topic, partition=coordinates.partition, offset=coordinates.offset)


def _requested(record: RequestRecord, event: DecisionRequested, message: Message) -> RequestRecord:
    return _change(
        record,
        origin=_origin(record, event.workflow, message.coordinates, message.timestamp, confirmed=False),
        updated_at=message.timestamp,
    )


def _predicted(record: RequestRecord, event: PredictionMade, _: Message) -> RequestRecord:
    at = event.predicted_at
    return _change(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=False),
        predicted_at=at if record.predicted_at is None else min(at, record.predicted_at),
        updated_at=at,
    )


def _announced(
    record: RequestRecord, event: ReviewRequested | ExpertReviewRequested, message: Message
) -> RequestRecord:
    expert = isinstance(event, ExpertReviewRequested)
    announced = Announced(
        revision=event.revision,
        stage=CaseStage.EXPERT if expert else CaseStage.HUMAN,
        priority=event.priority,
        escalated_by=event.escalated_by if isinstance(event, ExpertReviewRequested) else None,
        created_at=event.created_at,
        due_at=event.due_at,
        review=place_of(message.coordinates),
    )
    return _change(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        announced=_greatest(record.announced, announced, lambda a: (a.revision, -a.created_at, _earlier(a.review))),
        asked=_greatest(record.asked, asked_in(event), lambda a: (a.revision, a.skills)),
        updated_at=event.created_at,
    )


def _decided(record: RequestRecord, event: DecisionMade | AutoApproved, _: Message) -> RequestRecord:
    made = Decided(
        at=event.decided_at,
        request_offset=event.request.offset,
        outcome=event.outcome,
        label=event.label,
        by=event.decided_by if isinstance(event, DecisionMade) else DecidedBy.AUTOMATION,
        reviewer_id=event.reviewer_id if isinstance(event, DecisionMade) else None,
    )
    return _change(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        decided=_greatest(record.decided, made, lambda d: (not d.restored, -d.at, -d.request_offset)),
        updated_at=event.decided_at,
    )


def _opened(record: RequestRecord, event: CaseOpened, _: Message) -> RequestRecord:
    opened = Opened(
        workflow=event.workflow,
        revision=event.revision,
        stage=event.stage,
        priority=event.priority,
        due_at=event.due_at,
        at=event.occurred_at,
    )
    return _change(
        record,
        opened=_greatest(record.opened, opened, lambda o: (not o.restored, -o.at)),
        answerable=_answerable(record, event),
        updated_at=event.occurred_at,
    )


def _announced_again(record: RequestRecord, event: CaseAnnounced, _: Message) -> RequestRecord:
    return _change(record, answerable=_answerable(record, event), updated_at=event.occurred_at)


def _escalated(record: RequestRecord, event: CaseEscalated, _: Message) -> RequestRecord:
    said = event.answer
    return _change(
        record,
        moved=_moved(record, event, CaseStage.EXPERT),
        answers=_answers(record, event, said.reviewer_id if said else None),
        updated_at=event.occurred_at,
    )


def _reopened(record: RequestRecord, event: CaseReopened, _: Message) -> RequestRecord:
    known = tuple(each for each in record.reopened if each.sequence or each.revision != event.revision)
    if all(each.sequence != event.sequence for each in known):  # what was only restored gives way to its event
        found = Reopened(
            sequence=event.sequence, revision=event.revision, workflow=event.workflow, at=event.occurred_at
        )
        known = tuple(sorted((*known, found), key=lambda each: each.sequence))
    return _change(record, reopened=known, updated_at=event.occurred_at)


def _returned(record: RequestRecord, event: CaseReturned, _: Message) -> RequestRecord:
    return _change(record, moved=_moved(record, event, CaseStage.HUMAN), updated_at=event.occurred_at)


def _reprioritised(record: RequestRecord, event: CaseReprioritised, _: Message) -> RequestRecord:
    said = Reprioritised(sequence=event.sequence, revision=event.revision, priority=event.priority)
    return _change(
        record,
        reprioritised=_greatest(record.reprioritised, said, lambda r: r.sequence),
        updated_at=event.occurred_at,
    )


def _leased(record: RequestRecord, event: LeaseGranted | LeaseExtended, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.LEASED, expires_at=event.expires_at)


def _held(record: RequestRecord, event: CaseHeld, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.HELD)


def _answered(record: RequestRecord, event: AnswerReceived, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.ANSWERED)


def _freed(record: RequestRecord, event: LeaseEnded | HoldEnded | AnswerWithdrawn, _: Message) -> RequestRecord:
    return _possessed(record, event, Hands.FREE)


def _counted(record: RequestRecord, event: AnswerCounted, _: Message) -> RequestRecord:
    """Free again, for another person."""
    freed = _possessed(record, event, Hands.FREE)
    return _change(freed, answers=_answers(record, event, event.reviewer_id), updated_at=event.occurred_at)


def _amended(record: RequestRecord, event: OutcomeAmended, _: Message) -> RequestRecord:
    made = Amended(
        at=event.decided_at,
        event_id=event.event_id,
        outcome=event.outcome,
        label=event.label,
        by=event.decided_by,
        reviewer_id=event.reviewer_id,
    )
    return _change(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        amended=_greatest(record.amended, made, lambda a: (a.at, a.event_id)),
        updated_at=event.decided_at,
    )


def _closed(record: RequestRecord, event: CaseClosed, _: Message) -> RequestRecord:
    closed = Closed(
        sequence=event.sequence, revision=event.revision, at=event.occurred_at, by=event.closed_by,
        decides=event.standing is not None,
    )  # fmt: skip
    return _change(
        record,
        closed=_greatest(record.closed, closed, lambda c: c.sequence),
        answers=_answers(record, event, event.reviewer_id),
        updated_at=event.occurred_at,
    )


def _dead(record: RequestRecord, event: DeadLettered, _: Message) -> RequestRecord:
    step = _step(event)
    if step is None:
        return record
    failed = Failed(step=step, at=event.dead_lettered_at, reason=event.reason)
    return _change(
        record,
        failed=_greatest(record.failed, failed, lambda f: (f.step, f.at)),
        updated_at=event.dead_lettered_at,
    )


RULES: Final[dict[type[Any], Callable[[RequestRecord, Any, Message], RequestRecord]]] = {
    DecisionRequested: _requested,
    PredictionMade: _predicted,
    ReviewRequested: _announced,
    ExpertReviewRequested: _announced,
    AutoApproved: _decided,
    DecisionMade: _decided,
    CaseOpened: _opened,
    CaseAnnounced: _announced_again,
    CaseEscalated: _escalated,
    CaseReopened: _reopened,
    CaseReturned: _returned,
    CaseReprioritised: _reprioritised,
    LeaseGranted: _leased,
    LeaseExtended: _leased,
    LeaseEnded: _freed,
    CaseHeld: _held,
    HoldEnded: _freed,
    AnswerReceived: _answered,
    AnswerWithdrawn: _freed,
    AnswerCounted: _counted,
    CaseClosed: _closed,
    OutcomeAmended: _amended,
    DeadLettered: _dead,
}


def _change(record: RequestRecord, *, updated_at: int, **facts: object) -> RequestRecord:
    """The record with these facts; the very same when they say nothing new."""
    if updated_at <= record.updated_at and all(getattr(record, name) == value for name, value in facts.items()):
        return record
    return replace(record, updated_at=max(updated_at, record.updated_at), **facts)


def _greatest(there: T | None, new: T, key: Callable[[T], Any]) -> T:
    return new if there is None or key(new) > key(there) else there


def _origin(
    record: RequestRecord, workflow: str, request: Coordinates, requested_at: int, *, confirmed: bool
) -> Origin:
    """The first request under this id, unless a decision or an announcement says that another one was taken."""
    found = Origin(confirmed=confirmed, workflow=workflow, request=place_of(request), requested_at=requested_at)
    return _greatest(record.origin, found, lambda o: (o.confirmed, -o.request.offset, -o.requested_at))


def _moved(record: RequestRecord, event: CaseEscalated | CaseReturned, stage: CaseStage) -> tuple[Moved, ...]:
    """With this move; what was only restored gives way to any: the log that has one has all that came after it."""
    known = tuple(each for each in record.moved if each.sequence)
    if any(each.sequence == event.sequence for each in known):
        return known
    made = Moved(sequence=event.sequence, revision=event.revision, stage=stage, at=event.occurred_at)
    return tuple(sorted((*known, made), key=lambda each: each.sequence))


def _possessed(
    record: RequestRecord, event: Possessing, hands: Hands, *, expires_at: int | None = None
) -> RequestRecord:
    said = Possession(sequence=event.sequence, hands=hands, reviewer_id=event.reviewer_id, expires_at=expires_at)
    return _change(
        record, possession=_greatest(record.possession, said, lambda p: p.sequence), updated_at=event.occurred_at
    )


def _answerable(record: RequestRecord, event: CaseOpened | CaseAnnounced) -> Answerable:
    said = Answerable(sequence=event.sequence, revision=event.revision, review=place_of(event.review))
    return _greatest(record.answerable, said, lambda a: a.sequence)


def _answers(
    record: RequestRecord, event: CaseClosed | CaseEscalated | AnswerCounted, reviewer_id: str | None
) -> tuple[Answer, ...]:
    known = record.answers
    if reviewer_id is None or any(answer.sequence == event.sequence for answer in known):
        return known
    passed_on = isinstance(event, CaseEscalated)
    answer = Answer(sequence=event.sequence, at=event.occurred_at, reviewer_id=reviewer_id, passed_on=passed_on)
    return tuple(sorted((*known, answer), key=lambda a: a.sequence))


def _earlier(review: Place) -> tuple[Any, ...]:
    return (review.topic, review.partition, -review.offset)


def _step(letter: DeadLettered) -> int | None:
    """How far the request had come that a dead letter stopped; None when it stopped none that is known."""
    if letter.request_id is None or letter.reason == ID_CONFLICT:
        return None
    return STEPS.get(letter.origin.topic)
