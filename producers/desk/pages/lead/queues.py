"""The queues as whoever steers sees them: how much waits, what is at risk, who is at work. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from infra.redis.pace import Pace, wait_ms
from infra.redis.records import Hands, RequestRecord
from infra.redis.steering import AtRisk, Due, Queue
from producers.desk.pages.present.model import Deadline
from producers.desk.pages.present.times import HOUR, MINUTE, deadline_of, span_of
from schemas.values import CaseStage, Priority
from streams.casework.eligibility import Lane, Reviewer, can_do

SOON: Final = 15 * MINUTE
LATER: Final = HOUR
STAGES: Final = {CaseStage.HUMAN: "Reviewers", CaseStage.EXPERT: "Experts"}
HANDS: Final = {Hands.LEASED: "in hand", Hands.HELD: "on hold", Hands.ANSWERED: "answered, may be taken back"}


class Measured(NamedTuple):
    """What the read model says of all queues at one moment; `oldest` by workflow, times in milliseconds."""

    sizes: Mapping[Queue, Mapping[Priority, int]]
    due: Mapping[Queue, Due]
    hands: Mapping[Queue, Mapping[Hands, int]]
    oldest: Mapping[str, int | None]
    paces: Mapping[CaseStage, Pace | None]
    lanes: Collection[Lane]
    at_work: Sequence[Reviewer]


class Row(NamedTuple):
    """One queue: a workflow and who is asked. `soon` and `later` are due within the quarter and the whole hour."""

    workflow: str
    stage: CaseStage
    whom: str
    sizes: Mapping[Priority, int]
    waiting: int
    overdue: int
    soon: int
    later: int
    in_hand: int
    on_hold: int
    in_grace: int
    able: int
    wait: str


class WorkflowRows(NamedTuple):
    """The queues of a workflow, and the age of its oldest open case."""

    workflow: str
    oldest: str
    rows: Sequence[Row]


class Queues(NamedTuple):
    """All of them, and in one sentence what is at risk."""

    workflows: Sequence[WorkflowRows]
    at_work: int
    sentence: str
    is_at_risk: bool


class Risk(NamedTuple):
    """An open case and its deadline; `whose` somebody's, where somebody has it."""

    request_id: str
    workflow: str
    whom: str
    priority: Priority
    due: Deadline | None
    whose: str | None
    hands: str


def queues_of(workflows: Iterable[str]) -> list[Queue]:
    """Every queue of these workflows."""
    return [(name, stage) for name in workflows for stage in CaseStage]


def queues(measured: Measured) -> Queues:
    """Queues that are or were in use; experts' where anything waits there."""
    names = dict.fromkeys(workflow for workflow, _ in measured.sizes)
    shown = tuple(
        WorkflowRows(
            name,
            "–" if (age := measured.oldest.get(name)) is None else span_of(age),
            tuple(_row((name, stage), measured) for stage in CaseStage),
        )
        for name in names
    )
    rows = [row for each in shown for row in each.rows]
    overdue, soon = sum(row.overdue for row in rows), sum(row.soon for row in rows)
    return Queues(shown, len(measured.at_work), _sentence(overdue, soon), overdue + soon > 0)


def risks(places: Sequence[AtRisk], records: Sequence[RequestRecord | None], *, now: int) -> list[Risk]:
    """The cases at these places that are still open, in their order."""
    return [
        _risk(place, record, now) for place, record in zip(places, records, strict=True)
        if record is not None and record.queued is not None
    ]  # fmt: skip


def cursor_of(place: AtRisk) -> str:
    """A place in the list, for the address of the page behind it."""
    return f"{place.due_at}:{place.member}"


def place_in(cursor: str) -> AtRisk | None:
    """The place that an address names; None when it names none.

    >>> place_in("1700000000000:1690000000000:r1")
    AtRisk(due_at=1700000000000, member='1690000000000:r1')
    """
    due_at, _, member = cursor.partition(":")
    if not due_at.isascii() or not due_at.isdigit() or len(due_at) > 15 or not member:
        return None
    return AtRisk(int(due_at), member)


def _row(queue: Queue, measured: Measured) -> Row:
    sizes, due, hands = measured.sizes[queue], measured.due[queue], measured.hands[queue]
    waiting, pace = sum(sizes.values()), measured.paces.get(queue[1])
    lanes = [lane for lane in measured.lanes if (lane.workflow, lane.stage) == queue] or [Lane(*queue)]
    able = sum(any(can_do(person, lane) for lane in lanes) for person in measured.at_work)
    return Row(
        workflow=queue[0],
        stage=queue[1],
        whom=STAGES[queue[1]],
        sizes=sizes,
        waiting=waiting,
        overdue=due.overdue,
        soon=due.soon - due.overdue,
        later=due.later - due.soon,
        in_hand=hands[Hands.LEASED],
        on_hold=hands[Hands.HELD],
        in_grace=hands[Hands.ANSWERED],
        able=able,
        wait="–" if pace is None or not waiting else span_of(wait_ms(waiting - 1, pace)),
    )


def _risk(place: AtRisk, record: RequestRecord, now: int) -> Risk:
    queued, possession = record.queued, record.possession
    assert queued is not None
    has = record.in_hand
    hands = possession.hands if has is not None and possession is not None else Hands.FREE
    return Risk(
        request_id=place.request_id,
        workflow=queued.workflow,
        whom=STAGES[queued.stage],
        priority=queued.priority,
        due=deadline_of(queued.due_at, now=now),
        whose=has.reviewer_id if has else None,
        hands=HANDS.get(hands, ""),
    )


def _sentence(overdue: int, soon: int) -> str:
    if not overdue and not soon:
        return "Nothing is overdue, and nothing is due within 15 minutes."
    said = [_cases(overdue, "overdue")] if overdue else []
    said += [f"{_cases(soon, 'due')} within 15 minutes"] if soon else []
    return " and ".join(said) + "."


def _cases(number: int, how: str) -> str:
    return f"1 case is {how}" if number == 1 else f"{number:,} cases are {how}"
