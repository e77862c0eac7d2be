"""What one more event adds to the facts about a request.

Each kind of fact has a rule for which of two to keep, by the event's own sequence, revision or time and never by when
it was read. So the facts are the same whatever the order in which topics are read, and however often.
"""

from collections.abc import Mapping
from typing import Any, Final

from consumers.index.case_facts import CASE_RULES
from consumers.index.disagreement import audited, overlapped, predicted, upheld, validated
from consumers.index.keeping import Rule, changed, greatest, place_of
from infra.kafka.stage import Message
from infra.redis.records import (
    Amended,
    Announced,
    Asked,
    Decided,
    Failed,
    Origin,
    Place,
    RequestRecord,
)
from schemas.events import (
    AuditAnswered,
    AutoApproved,
    CaseSnapshot,
    DeadLettered,
    DecisionMade,
    DecisionRequested,
    DecisionValidated,
    ExpertReviewRequested,
    OutcomeAmended,
    OutcomeUpheld,
    OverlapAnswered,
    PredictionMade,
    ReviewRequested,
)
from schemas.topics import EXPERT, PREDICTIONS, REQUESTS, REVIEW
from schemas.values import CaseStage, Coordinates, DecidedBy

UNKNOWN: Final = RequestRecord()
ID_CONFLICT: Final = "id_conflict"  # a dead letter about a second content under the id, not about the first
STEPS: Final = {REQUESTS.name: 1, PREDICTIONS.name: 2, EXPERT.name: 3} | {topic.name: 3 for topic in REVIEW.values()}


def with_event(record: RequestRecord, message: Message) -> RequestRecord:
    """The facts after one more event; the very same value when it adds nothing."""
    rule = RULES.get(type(message.event))
    return record if rule is None else rule(record, message.event, message)


def asked_in(event: ReviewRequested | ExpertReviewRequested | CaseSnapshot) -> Asked:
    """What is asked of people; skills in alphabetical order, each once."""
    return Asked(revision=event.revision, skills=tuple(sorted(set(event.skills))))


def _requested(record: RequestRecord, event: DecisionRequested, message: Message) -> RequestRecord:
    return changed(
        record,
        origin=_origin(record, event.workflow, message.coordinates, message.timestamp, confirmed=False),
        updated_at=message.timestamp,
    )


def _predicted(record: RequestRecord, event: PredictionMade, _: Message) -> RequestRecord:
    at = event.predicted_at
    return changed(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=False),
        predicted_at=at if record.predicted_at is None else min(at, record.predicted_at),
        said=predicted(record, event),
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
    return changed(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        announced=greatest(record.announced, announced, lambda a: (a.revision, -a.created_at, _earlier(a.review))),
        asked=greatest(record.asked, asked_in(event), lambda a: (a.revision, a.skills)),
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
    return changed(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        decided=greatest(record.decided, made, lambda d: (not d.restored, -d.at, -d.request_offset)),
        updated_at=event.decided_at,
    )


def _amended(record: RequestRecord, event: OutcomeAmended, _: Message) -> RequestRecord:
    made = Amended(
        at=event.decided_at,
        event_id=event.event_id,
        outcome=event.outcome,
        label=event.label,
        by=event.decided_by,
        reviewer_id=event.reviewer_id,
    )
    return changed(
        record,
        origin=_origin(record, event.workflow, event.request, event.requested_at, confirmed=True),
        amended=greatest(record.amended, made, lambda a: (a.at, a.event_id)),
        updated_at=event.decided_at,
    )


def _dead(record: RequestRecord, event: DeadLettered, _: Message) -> RequestRecord:
    step = _step(event)
    if step is None:
        return record
    failed = Failed(step=step, at=event.dead_lettered_at, reason=event.reason)
    return changed(
        record,
        failed=greatest(record.failed, failed, lambda f: (f.step, f.at)),
        updated_at=event.dead_lettered_at,
    )


RULES: Final[Mapping[type[Any], Rule]] = {
    DecisionRequested: _requested,
    PredictionMade: _predicted,
    ReviewRequested: _announced,
    ExpertReviewRequested: _announced,
    AutoApproved: _decided,
    DecisionMade: _decided,
    OutcomeAmended: _amended,
    DeadLettered: _dead,
    OverlapAnswered: overlapped,
    AuditAnswered: audited,
    DecisionValidated: validated,
    OutcomeUpheld: upheld,
    **CASE_RULES,
}


def _origin(
    record: RequestRecord, workflow: str, request: Coordinates, requested_at: int, *, confirmed: bool
) -> Origin:
    """The first request under this id, unless a decision or an announcement says that another one was taken."""
    found = Origin(confirmed=confirmed, workflow=workflow, request=place_of(request), requested_at=requested_at)
    return greatest(record.origin, found, lambda o: (o.confirmed, -o.request.offset, -o.requested_at))


def _earlier(review: Place) -> tuple[Any, ...]:
    return (review.topic, review.partition, -review.offset)


def _step(letter: DeadLettered) -> int | None:
    """How far the request had come that a dead letter stopped; None when it stopped none that is known."""
    if letter.request_id is None or letter.reason == ID_CONFLICT:
        return None
    return STEPS.get(letter.origin.topic)
