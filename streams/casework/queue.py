"""What waits for people, and how long: figures over the open cases, looked at now and then."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infra.kafka.observing import Standing
from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from schemas.values import CaseStage, Priority
from streams.casework.case import Case
from streams.casework.cases import Cases


@dataclass(slots=True, kw_only=True)
class QueueFigures:
    """By case stage; ages in milliseconds."""

    open: Counter[tuple[CaseStage, Priority]] = field(default_factory=Counter)
    overdue: Counter[CaseStage] = field(default_factory=Counter)
    oldest: dict[CaseStage, int] = field(default_factory=dict)
    most_overdue: dict[CaseStage, int] = field(default_factory=dict)


def figures_of(cases: Iterable[Case], *, now: int) -> QueueFigures:
    """Figures over open cases as of `now` (milliseconds since the epoch)."""
    found = QueueFigures()
    for case in cases:
        stage = case.stage
        found.open[stage, case.priority] += 1
        found.oldest[stage] = max(found.oldest.get(stage, 0), now - case.opened_at)
        if case.due_at is not None and case.due_at < now:
            found.overdue[stage] += 1
            found.most_overdue[stage] = max(found.most_overdue.get(stage, 0), now - case.due_at)
    return found


def open_cases(lanes: Mapping[int, object]) -> Iterable[Case]:
    """Every open case of these lanes, as of the last commit."""
    for lane in lanes.values():
        state = getattr(lane, "state", None)
        if isinstance(state, Cases):
            yield from state.open.values()


def show_queue(show: Instruments, standing: Standing) -> None:
    """What waits in the partitions of this replica; sums over the replicas are the whole."""
    found = figures_of(open_cases(standing.lanes), now=standing.now)
    for stage in CaseStage:
        for priority in Priority:
            show.set(m.OPEN_CASES, stage, priority, value=found.open[stage, priority])
        show.set(m.OVERDUE_CASES, stage, value=found.overdue[stage])
        show.set(m.OLDEST_CASE, stage, value=found.oldest.get(stage, 0) / 1_000)
        show.set(m.MOST_OVERDUE, stage, value=found.most_overdue.get(stage, 0) / 1_000)
