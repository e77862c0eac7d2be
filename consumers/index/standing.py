"""What follows from the facts about a request: its state, its place in the queues, and whether it is finished."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from infra.redis.records import Answer, AnswerRow, Queued, RequestRecord
from schemas.values import CaseStage, EscalatedBy, Priority
from streams.workflow.states import PROGRESS, State
from streams.workflow.story import Status

ANNOUNCED: Final = 3  # the step of a dead letter about an announcement
STEP_PASSED: Final = {  # a dead letter of this step or an earlier one stops no request that stands here
    State.STARTED: 0, State.ROUTING_DECISION: 1, State.HUMAN_REVIEW: 2, State.EXPERT_REVIEW: ANNOUNCED,
}  # fmt: skip


def settled(record: RequestRecord) -> RequestRecord:
    """The record with everything that follows from its facts."""
    state = state_of(record)
    return replace(
        record,
        state=state.value,
        status=_status(record, state),
        progress=PROGRESS[state],
        queued=queued(record),
        finished_at=finished_at(record),
    )


def state_of(record: RequestRecord) -> State:
    """Where the request stands; a dead letter counts unless the request got on since."""
    if record.decided:
        return State.COMPLETED
    announced, opened, failed = record.announced, record.opened, record.failed
    if record.escalated or CaseStage.EXPERT in (stage.stage for stage in (announced, opened) if stage):
        state = State.EXPERT_REVIEW
    elif announced or opened:
        state = State.HUMAN_REVIEW
    elif record.predicted_at is not None:
        state = State.ROUTING_DECISION
    else:
        state = State.STARTED
    if failed and failed.step > STEP_PASSED[state] and not opened:
        return State.FAILED
    return state


def queued(record: RequestRecord) -> Queued | None:
    """The place of the case among the others; None unless casework holds it open."""
    opened, escalated, announced = record.opened, record.escalated, record.announced
    if opened is None or record.closed is not None:
        return None
    stage, priority, due_at = opened.stage, opened.priority, opened.due_at
    if escalated is not None:
        stage = CaseStage.EXPERT
        priority = Priority.URGENT if priority is Priority.URGENT else Priority.HIGH  # as casework announces it
        if announced is not None and announced.revision >= escalated.revision:
            priority, due_at = announced.priority, announced.due_at
    return Queued(workflow=opened.workflow, stage=stage, priority=priority, due_at=due_at, opened_at=opened.at)


def finished_at(record: RequestRecord) -> int | None:
    """When nothing more was to come; None while a decision is due or a case is open, or about to be."""
    failed = state_of(record) is State.FAILED
    if not record.decided and not failed:
        return None
    given_up = record.failed is not None and record.failed.step == ANNOUNCED
    if (record.opened and not record.closed) or (record.announced and not record.opened and not given_up):
        return None
    ends = (record.decided.at if record.decided else 0, record.closed.at if record.closed else 0)
    return max(*ends, record.failed.at if failed and record.failed else 0)


def answer_rows(request_id: str, record: RequestRecord) -> Iterator[tuple[Answer, AnswerRow]]:
    """Each answer that changed the case, with what it is in the account of its reviewer."""
    opened, escalated = record.opened, record.escalated
    if opened is None:
        return
    for answer in record.answers:
        by_expert = escalated is not None and escalated.sequence < answer.sequence
        since = escalated.at if escalated and by_expert else opened.at
        yield answer, AnswerRow(
            stage=CaseStage.EXPERT if by_expert else opened.stage,
            workflow=opened.workflow,
            sequence=answer.sequence,
            waited_ms=max(0, answer.at - since),
            request_id=request_id,
        )


def _status(record: RequestRecord, state: State) -> str | None:
    match state:
        case State.COMPLETED:
            return Status(record.decided.outcome.value).value if record.decided else None
        case State.FAILED:
            return None
        case State.HUMAN_REVIEW:
            return Status.PENDING_HUMAN.value
        case State.EXPERT_REVIEW:
            return (Status.PENDING_EXPERT if _sent_by_policy(record) else Status.ESCALATED).value
        case _:
            return Status.PENDING_AI.value


def _sent_by_policy(record: RequestRecord) -> bool:
    """Whether the router sent it to experts at once, and no person or deadline did."""
    if record.opened:
        return record.opened.stage is CaseStage.EXPERT
    return bool(record.announced and record.announced.escalated_by is EscalatedBy.POLICY)
