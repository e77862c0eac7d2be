"""The cases that a person has and has set aside, as their own list shows them. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from infra.redis.records import Hands
from producers.desk.presenting import CaseShown


class Row(NamedTuple):
    """One case; `until` as machines read it, in UTC."""

    request_id: str
    workflow: str
    priority: str
    is_on_hold: bool
    until: str


def rows_of(cases: Iterable[CaseShown]) -> list[Row]:
    """What one has first, then what is set aside; of each the first to end first."""
    ordered = sorted(cases, key=lambda case: (case.hands is Hands.HELD, case.until or 0, case.request_id))
    return [
        Row(case.request_id, case.workflow, case.priority.value, case.hands is Hands.HELD, _moment(case.until or 0))
        for case in ordered
        if case.hands in (Hands.LEASED, Hands.HELD)
    ]


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
