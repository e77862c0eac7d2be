"""What follows from the facts about a request: its state, its place in the queues, and whether it is finished."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from consumers.index.possession import claimable, in_hand
from infra.redis.members import AnswerRow
from infra.redis.records import Answer, Moved, Opened, Queued, Reopened, Reprioritised, RequestRecord
from schemas.values import CaseStage, ClosedBy, EscalatedBy, Priority
from streams.workflow.states import PROGRESS, State
from streams.workflow.story import Status

ANNOUNCED: Final = 3  # the step of a dead letter about an announcement
STEP_PASSED: Final = {  # a dead letter of this step or an earlier one stops no request that stands here
    State.STARTED: 0, State.ROUTING_DECISION: 1, State.HUMAN_REVIEW: 2, State.EXPERT_REVIEW: ANNOUNCED,
}  # fmt: skip


def settled(record: RequestRecord) -> RequestRecord:
    """The record with everything that follows from its facts."""
    state, place = state_of(record), queued(record)
    return replace(
        record,
        state=state.value,
        status=_status(record, state),
        progress=PROGRESS[state],
        queued=place,
        claimable=claimable(record, place, last_change(record).revision) if place else None,
        in_hand=in_hand(record, place),
        finished_at=finished_at(record),
    )


def state_of(record: RequestRecord) -> State:
    """Where the request stands, as `streams.workflow` tells its story; a dead letter counts unless it got on since.

    There is no way back from an expert: that a case was returned shows in the status.
    """
    if record.decided or _is_known_to_be_over(record):
        return State.COMPLETED
    if record.closed and _ends_undecided(record):
        return State.FAILED if record.closed.by is ClosedBy.EXPIRED else State.COMPLETED
    announced, opened, failed = record.announced, record.opened, record.failed
    if record.moved or CaseStage.EXPERT in (stage.stage for stage in (announced, opened) if stage):
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
    began = record.reopened[-1] if record.reopened else record.opened
    if record.is_closed or began is None:
        return None
    last, announced, priority, due_at = last_change(record), record.announced, began.priority, began.due_at
    if isinstance(last, Moved) and last.sequence and last.stage is CaseStage.EXPERT and priority is not Priority.URGENT:
        priority = Priority.HIGH  # as casework announces it; of a case that was restored the priority is known
    elif isinstance(last, Reprioritised):
        priority = last.priority
    if announced is not None and not isinstance(last, Opened) and announced.revision >= last.revision:
        priority, due_at = announced.priority, announced.due_at
    stage = _stage_of(record)
    return Queued(workflow=began.workflow, stage=stage, priority=priority, due_at=due_at, opened_at=began.at)


def last_change(record: RequestRecord) -> Opened | Reopened | Moved | Reprioritised:
    """What the revision in force came with, of a case that was opened or reopened."""
    changes = (record.opened, *record.reopened, *record.moved, record.reprioritised)
    return max((change for change in changes if change is not None), key=lambda change: change.revision)


def finished_at(record: RequestRecord) -> int | None:
    """When nothing more was to come; None while a decision is due or a case is open, or about to be."""
    failed = state_of(record) is State.FAILED
    if not (record.decided or failed or _is_known_to_be_over(record) or _ends_undecided(record)):
        return None
    given_up = record.failed is not None and record.failed.step == ANNOUNCED
    is_open, taken_on = queued(record) is not None, record.opened or record.reopened
    if is_open or (record.announced and not taken_on and not given_up):
        return None
    ends = [each.at for each in (record.decided, record.closed, record.amended) if each]
    return max(*ends, record.failed.at if failed and record.failed else 0, 0)


def answer_rows(request_id: str, record: RequestRecord) -> Iterator[tuple[Answer, AnswerRow]]:
    """Each answer that changed the case, with what it is in the account of its reviewer."""
    began = list(_beginnings(record))
    for answer in record.answers:
        last = max((each for each in began if each.sequence < answer.sequence), default=None)
        if last is not None:
            yield answer, AnswerRow(
                stage=last.stage,
                workflow=last.workflow,
                sequence=answer.sequence,
                waited_ms=max(0, answer.at - last.at),
                request_id=request_id,
            )


def _stage_of(record: RequestRecord) -> CaseStage:
    """With whom the case is."""
    stages = [(again.revision, CaseStage.EXPERT) for again in record.reopened]
    stages += [(moved.revision, moved.stage) for moved in record.moved]
    return max(stages)[1] if stages else record.opened.stage if record.opened else CaseStage.HUMAN


class _Beginning(NamedTuple):
    """Since when people of a stage could answer."""

    sequence: int
    stage: CaseStage
    workflow: str
    at: int


def _beginnings(record: RequestRecord) -> Iterator[_Beginning]:
    opened = record.opened
    if opened:
        yield _Beginning(1, opened.stage, opened.workflow, opened.at)
    for again in record.reopened:
        yield _Beginning(again.sequence, CaseStage.EXPERT, again.workflow, again.at)
    if known := [each.workflow for each in (opened, *record.reopened) if each]:
        yield from (_Beginning(moved.sequence, moved.stage, known[0], moved.at) for moved in record.moved)


def _is_known_to_be_over(record: RequestRecord) -> bool:
    """Whether a case is closed of which the log has lost the beginning, and may be the outcome."""
    return bool(record.closed and record.opened and record.opened.restored)


def _ends_undecided(record: RequestRecord) -> bool:
    """Whether a case is over that was no request's: a question whose answer is known. An audit's decision is on
    record, or about to be read."""
    return record.closed is not None and not record.closed.decides and record.decided is None


def _status(record: RequestRecord, state: State) -> str | None:
    if record.opened and record.opened.restored and not record.decided:
        return None  # it may be decided and be audited: the log no longer tells
    match state:
        case State.COMPLETED:
            return Status(record.standing.outcome.value).value if record.standing else None
        case State.FAILED:
            return None
        case State.HUMAN_REVIEW:
            return Status.PENDING_HUMAN.value
        case State.EXPERT_REVIEW if record.moved and record.moved[-1].stage is CaseStage.HUMAN:
            return Status.PENDING_HUMAN.value
        case State.EXPERT_REVIEW:
            return (Status.PENDING_EXPERT if _sent_by_policy(record) else Status.ESCALATED).value
        case _:
            return Status.PENDING_AI.value


def _sent_by_policy(record: RequestRecord) -> bool:
    """Whether the router sent it to experts at once, and no person or deadline did."""
    if record.opened:
        sent_again = any(moved.stage is CaseStage.EXPERT for moved in record.moved)
        return record.opened.stage is CaseStage.EXPERT and not sent_again
    return bool(record.announced and record.announced.escalated_by is EscalatedBy.POLICY)
