"""What waits for people, and how long: figures over the open cases, kept as these change, so that a look is cheap."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from infra.kafka.observing import Standing
from infra.observe import metrics as m
from infra.observe.instruments import Instruments
from schemas.values import CaseStage, CaseStatus, Priority
from streams.casework.case import Case

Entry = tuple[int, str]  # a time in milliseconds, and a request id


@dataclass(slots=True, kw_only=True)
class QueueFigures:
    """By case stage; ages in milliseconds."""

    open: Counter[tuple[CaseStage, Priority]] = field(default_factory=Counter)
    overdue: Counter[CaseStage] = field(default_factory=Counter)
    oldest: dict[CaseStage, int] = field(default_factory=dict)
    most_overdue: dict[CaseStage, int] = field(default_factory=dict)

    def add(self, other: "QueueFigures") -> None:
        """Count another partition's cases, too."""
        self.open += other.open
        self.overdue += other.overdue
        for ours, theirs in ((self.oldest, other.oldest), (self.most_overdue, other.most_overdue)):
            for stage, age in theirs.items():
                ours[stage] = max(age, ours.get(stage, 0))


class Waiting:
    """The open cases of a partition. Every change costs O(log n), a look next to nothing.

    `cases` are the committed ones. The heaps hold (time, request id); what has changed since is dropped when it is met.
    """

    __slots__ = ("_cases", "_coming", "_late", "_latest", "_open", "_opened")

    def __init__(self, cases: Mapping[str, Case]) -> None:
        self._cases = cases
        self._open: Counter[tuple[CaseStage, Priority]] = Counter()
        self._opened: dict[CaseStage, list[Entry]] = {stage: [] for stage in CaseStage}
        self._coming: list[Entry] = []  # deadlines that were ahead when it was last looked
        self._late: dict[CaseStage, dict[str, int]] = {stage: {} for stage in CaseStage}
        self._latest: dict[CaseStage, list[Entry]] = {stage: [] for stage in CaseStage}  # of the late ones

    def change(self, key: str, before: Case | None, after: Case | None) -> None:
        """A committed case is another one from now on; None: it is not known."""
        was, now = _if_open(before), _if_open(after)
        if was is not None:
            self._open[was.stage, was.priority] -= 1
            if now is None or (was.stage, was.due_at) != (now.stage, now.due_at):
                self._late[was.stage].pop(key, None)
        if now is None:
            return
        self._open[now.stage, now.priority] += 1
        if was is None or (was.stage, was.opened_at) != (now.stage, now.opened_at):
            heappush(self._opened[now.stage], (now.opened_at, key))
        if now.due_at is not None and (was is None or (was.stage, was.due_at) != (now.stage, now.due_at)):
            heappush(self._coming, (now.due_at, key))

    def figures(self, now: int) -> QueueFigures:
        """As of `now` (milliseconds since the epoch), which never goes back."""
        self._note_late(now)
        found = QueueFigures(open=+self._open)
        for stage in CaseStage:
            if (oldest := _first(self._opened[stage], partial(self._is_opened, stage))) is not None:
                found.oldest[stage] = max(0, now - oldest)
            if (due_at := _first(self._latest[stage], partial(self._is_late, stage))) is not None:
                found.overdue[stage], found.most_overdue[stage] = len(self._late[stage]), now - due_at
        return found

    def _note_late(self, now: int) -> None:
        while self._coming and self._coming[0][0] < now:
            due_at, key = heappop(self._coming)
            case = _if_open(self._cases.get(key))
            if case is not None and case.due_at == due_at and key not in self._late[case.stage]:
                self._late[case.stage][key] = due_at
                heappush(self._latest[case.stage], (due_at, key))

    def _is_late(self, stage: CaseStage, entry: Entry) -> bool:
        return self._late[stage].get(entry[1]) == entry[0]

    def _is_opened(self, stage: CaseStage, entry: Entry) -> bool:
        case = _if_open(self._cases.get(entry[1]))
        return case is not None and case.stage is stage and case.opened_at == entry[0]


def _if_open(case: Case | None) -> Case | None:
    return case if case is not None and case.status is CaseStatus.OPEN else None


def _first(heap: list[Entry], still: Callable[[Entry], bool]) -> int | None:
    """The earliest time of an entry that still holds."""
    while heap and not still(heap[0]):
        heappop(heap)
    return heap[0][0] if heap else None


def figures_of(lanes: Mapping[int, object], *, now: int) -> QueueFigures:
    """Figures over the partitions of this replica, as of the last commit."""
    found = QueueFigures()
    for waiting in _waiting(lanes):
        found.add(waiting.figures(now))
    return found


def _waiting(lanes: Mapping[int, object]) -> Iterable[Waiting]:
    states = (getattr(lane, "state", None) for lane in lanes.values())
    return (waiting for state in states if isinstance(waiting := getattr(state, "waiting", None), Waiting))


def show_queue(show: Instruments, standing: Standing) -> None:
    """What waits in the partitions of this replica; sums over the replicas are the whole."""
    found = figures_of(standing.lanes, now=standing.now)
    for stage in CaseStage:
        for priority in Priority:
            show.set(m.OPEN_CASES, stage, priority, value=found.open[stage, priority])
        show.set(m.OVERDUE_CASES, stage, value=found.overdue[stage])
        show.set(m.OLDEST_CASE, stage, value=found.oldest.get(stage, 0) / 1_000)
        show.set(m.MOST_OVERDUE, stage, value=found.most_overdue.get(stage, 0) / 1_000)
