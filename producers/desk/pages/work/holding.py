"""The cases that a person has and has set aside, as their own list shows them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from infra.redis.records import Hands
from producers.desk.pages.present.model import Moment
from producers.desk.pages.present.times import moment_of
from producers.desk.presenting import CaseShown


class Row(NamedTuple):
    """One case, and until when it is so."""

    request_id: str
    workflow: str
    priority: str
    is_on_hold: bool
    until: Moment


def rows_of(cases: Iterable[CaseShown], *, now: int) -> list[Row]:
    """What one has first, then what is set aside; of each the first to end first. `now` in milliseconds."""
    ordered = sorted(cases, key=lambda case: (case.hands is Hands.HELD, case.until or 0, case.request_id))
    return [
        Row(
            case.request_id, case.workflow, case.priority.value, case.hands is Hands.HELD,
            moment_of(case.until, now=now),
        )
        for case in ordered
        if case.until is not None and case.hands in (Hands.LEASED, Hands.HELD)
    ]  # fmt: skip
