"""What waits is counted as it changes; a recount over all open cases must say the same."""

from collections import Counter
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.values import CaseStage, CaseStatus, Priority
from streams.casework.case import Case
from streams.casework.cases import Cases
from streams.casework.queue import QueueFigures, figures_of
from tests.unit.casework.driver import START, Table, review

TIMES = st.integers(START, START + 60)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, Case | None]]:
    """Cases that open, move, close, reopen and are forgotten."""
    table = Table(0)
    table.announce(review())
    case = table.cases()["r"]
    made: list[tuple[str, Case | None]] = []
    for _ in range(draw(st.integers(1, 40))):
        name = draw(st.sampled_from("abcd"))
        another = replace(
            case, request_id=name, stage=draw(st.sampled_from(CaseStage)), priority=draw(st.sampled_from(Priority)),
            status=draw(st.sampled_from(CaseStatus)), opened_at=draw(TIMES), due_at=draw(st.none() | TIMES),
        )  # fmt: skip
        made.append((name, draw(st.none() | st.just(another) | st.just(another))))
    return made


def recounted(cases: Cases, now: int) -> QueueFigures:
    found = QueueFigures()
    for case in cases.committed.values():
        if case.status is not CaseStatus.OPEN:
            continue
        found.open[case.stage, case.priority] += 1
        found.oldest[case.stage] = max(found.oldest.get(case.stage, 0), now - case.opened_at)
        if case.due_at is not None and case.due_at < now:
            found.overdue[case.stage] += 1
            found.most_overdue[case.stage] = max(found.most_overdue.get(case.stage, 0), now - case.due_at)
    return found


@settings(deadline=None)
@given(changes=changes(), steps=st.lists(st.integers(0, 9), min_size=40, max_size=40))
def test_figures_are_those_of_a_recount_at_any_time(changes: list[tuple[str, Case | None]], steps: list[int]) -> None:
    cases, now = Cases(), START
    for (name, case), step in zip(changes, steps, strict=False):
        cases.put(name, case)
        cases.commit()
        now += step
        if step % 2:
            assert figures_of({0: SimpleNamespace(state=cases)}, now=now) == recounted(cases, now)


def test_the_whole_is_the_sum_of_the_partitions() -> None:
    one, other = Table(0), Table(1)
    one.announce(review("a"))
    other.announce(review("b", priority=Priority.HIGH))
    found = figures_of({0: one.lane, 1: other.lane}, now=START + 5)
    assert found.open == Counter({(CaseStage.HUMAN, Priority.NORMAL): 1, (CaseStage.HUMAN, Priority.HIGH): 1})
    assert found.oldest == {CaseStage.HUMAN: 5}
