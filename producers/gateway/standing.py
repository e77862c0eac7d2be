"""What an upstream system is told of a request. Nothing that is sealed: no draw, no blind answer, no probability.

Nor is told how people work on a case, nor anything of a decision that is judged anew but what became of it. An id under
which people were asked without a request is that of a question whose answer is known: upstream never asked it.

Chance has some automatic decisions reviewed as well. Whoever learned which would know what is watched, so of a request
that was decided automatically nothing is told that only such a review can have brought about. An appeal waits while one
is open; so whether it waits is not told either, only that it was filed and how it ended. Times in milliseconds.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from infra.kafka.scan import Entry
from infra.redis.records import RequestRecord
from schemas.events import (
    AppealFiled,
    AppealRefused,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
    CaseReturned,
    DeadLettered,
    DecisionMade,
    DecisionRequested,
    Event,
    ExpertReviewRequested,
    OutcomeAmended,
    OutcomeUpheld,
    ReviewRequested,
)
from schemas.topics import (
    APPEALS,
    ASSIGNMENTS,
    DEAD_LETTERS,
    EXPERT,
    OUTCOMES,
    PREDICTIONS,
    REQUESTS,
    REVIEW,
)
from schemas.values import DecidedBy, Outcome
from streams.workflow.states import PROGRESS, State
from streams.workflow.story import AppealTrack, Moment, Record, RequestStory, Status, Transition
from streams.workflow.timeline import story_of

# Read in two passes. An announcement is committed together with the outcome that it is an audit of: who reads the
# outcomes last has them all, and never takes an audit for a request that people decide.
FIRST_TOPICS: Final = (
    REQUESTS.name, *(topic.name for topic in REVIEW.values()), EXPERT.name, ASSIGNMENTS.name, APPEALS.name,
    DEAD_LETTERS.name,
)  # fmt: skip
LAST_TOPICS: Final = (OUTCOMES.name,)
TOLD_OF_ALL: Final = (
    DecisionRequested, DecisionMade, AppealFiled, AppealRefused, OutcomeAmended, OutcomeUpheld,
)  # fmt: skip
TOLD_OF_REVIEWED: Final = (ReviewRequested, ExpertReviewRequested, CaseOpened, CaseEscalated, CaseReturned, CaseClosed)
NEVER: Final = float("inf")  # revision
STOPPING: Final = frozenset({REQUESTS.name, PREDICTIONS.name})  # dead letters of these topics concern the request


class QueueFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The place of an open case: `position` within its priority, `ahead` of all, and the wait at today's pace."""

    position: int
    ahead: int
    estimated_review_ms: int | None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request stands. `why_not` says what is missing and why."""

    request_id: str
    workflow: str | None
    state: State
    status: Status | None
    progress: float
    created_at: int | None = None
    decided_at: int | None = None
    outcome: Outcome | None = None
    label: str | None = None
    decided_by: DecidedBy | None = None
    amended_from: Outcome | None = None
    queue: QueueFacts | None = None
    why_not: str | None = None
    appeal: AppealTrack | None = None
    transitions: tuple[Transition, ...] | None = None
    timeline: tuple[Moment, ...] | None = None


def accepted(request_id: str, workflow: str) -> Standing:
    """Of a request that the brokers have acknowledged, and of which nothing more is known."""
    return Standing(
        request_id=request_id,
        workflow=workflow,
        state=State.STARTED,
        status=Status.PENDING_AI,
        progress=PROGRESS[State.STARTED],
    )


def of_outcome(made: DecisionMade) -> Standing:
    """Of a request that was just decided."""
    return Standing(
        request_id=made.request_id,
        workflow=made.workflow,
        state=State.COMPLETED,
        status=Status(made.outcome.value),
        progress=PROGRESS[State.COMPLETED],
        created_at=made.requested_at,
        decided_at=made.decided_at,
        outcome=made.outcome,
        label=made.label,
        decided_by=made.decided_by,
    )


def of_record(request_id: str, record: RequestRecord) -> Standing:
    """Of a request as the read model knows it."""
    decided, standing, origin, state = record.decided, record.standing, record.origin, State(record.state)
    return Standing(
        request_id=request_id,
        workflow=origin.workflow if origin else None,
        state=state,
        status=Status(record.status) if record.status else None,
        progress=record.progress,
        created_at=origin.requested_at if origin else None,
        decided_at=decided.at if decided else None,
        outcome=standing.outcome if standing else None,
        label=standing.label if standing else None,
        decided_by=standing.by if standing else None,
        amended_from=decided.outcome if decided and record.amended else None,
    )


def is_asked_upstream(record: RequestRecord) -> bool:
    """Whether the read model knows that there is a request, and not only that people were asked something."""
    if record.announced is None and record.opened is None:
        return True
    return record.predicted_at is not None or record.decided is not None


def of_entries(entries: Sequence[Entry]) -> Standing | None:
    """Of a request as its records tell it, with what happened when; None when they tell nothing, or there is none."""
    events = [entry.event for entry in entries if entry.event is not None]
    made = next((event for event in events if isinstance(event, DecisionMade)), None)
    reopened = min((event.revision for event in events if isinstance(event, CaseReopened)), default=NEVER)
    before = 0 if made is not None and made.decided_by is DecidedBy.AUTOMATION else reopened
    shown = [
        Record(_without_note(entry.event), entry.timestamp)
        for entry in entries
        if entry.event is not None and is_told(entry.event, before=before)
    ]
    story = story_of(shown) if any(not isinstance(record.event, TOLD_OF_REVIEWED) for record in shown) else None
    return None if story is None else _of_story(story, made)


def is_told(event: Event, *, before: float) -> bool:
    """Whether upstream may see an event of a request; of its case only revisions `before` this one."""
    match event:
        case DeadLettered():
            return event.origin.topic in STOPPING
        case event if isinstance(event, TOLD_OF_REVIEWED):
            return event.revision < before
    return isinstance(event, TOLD_OF_ALL)


def _without_note(event: Event) -> Event:
    """What experts write to reviewers is theirs."""
    return msgspec.structs.replace(event, note="") if isinstance(event, CaseReturned) else event


def _of_story(story: RequestStory, made: DecisionMade | None) -> Standing:
    return Standing(
        request_id=story.request_id,
        workflow=story.workflow,
        state=story.state,
        status=story.status,
        progress=story.progress,
        created_at=story.created_at,
        decided_at=made.decided_at if made else None,
        outcome=story.outcome,
        label=story.label,
        decided_by=made.decided_by if made else None,
        amended_from=story.amended_from,
        appeal=story.appeal,
        transitions=story.transitions,
        timeline=story.timeline,
    )
