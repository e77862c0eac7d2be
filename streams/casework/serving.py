"""Which of the waiting cases a person is given next. Pure: the same queues, person and time give the same case.

The rule. Every case has a *turn*, fixed by its announcement: its deadline, or where it has none, its opening and the
patience of its priority. Out of every `CYCLE` cases that a person is given

- one is, among all that the person may do, the one overdue longest (its turn is past, or nearer than a review takes);
- one is on last call: the one due first among those that can still be in time and soon no longer can;
- the others, and these two where there is no such case, go by priority. Within a priority cases that can still be in
  time come first: those that the fewest people at work are able to do (the least flexible job first: Pinedo,
  Scheduling, chapter 5), of these the one due first. When no case can be in time, the one overdue longest is given.

What it holds. Earliest deadline first is optimal until there is too much to do, and then finishes everything a little
too late; passing over what is too late anyway keeps the rest in time (Locke, Best-Effort Decision Making for Real-Time
Scheduling, 1986). The first share keeps the passed over from starving: nothing that becomes overdue later goes before
a case there (only what comes back from somebody's hands with an earlier turn), so once overdue it waits while at most
`longest_queueing` cases are given to people who may do it, at any load. The second share keeps a low priority from
missing its deadline behind an endless flow of higher ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final, NamedTuple, Protocol

from schemas.values import Priority
from streams.casework.eligibility import Lane

HOUR: Final = 3_600_000  # milliseconds
CYCLE: Final = 4  # cases given to a person: the second is on last call, the fourth is the longest overdue
EVER: Final = 1 << 53  # milliseconds since the epoch: later than any turn
PATIENCE: Final[Mapping[Priority, int]] = {  # milliseconds until the turn of a case that has no deadline
    Priority.URGENT: HOUR,
    Priority.HIGH: 4 * HOUR,
    Priority.NORMAL: 24 * HOUR,
    Priority.LOW: 7 * 24 * HOUR,
}


class Because(StrEnum):
    """Why this case was given and no other."""

    OVERDUE = "overdue"  # the share of those that are late
    LAST_CALL = "last_call"  # the share of those that soon will be
    PRIORITY = "priority"  # the most urgent and due first
    SCARCE_SKILL = "scarce_skill"  # fewer people are able to do it than what is due before it
    NOTHING_IN_TIME = "nothing_in_time"  # all that wait are late


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPolicy:
    """The numbers of the rule, in milliseconds."""

    review_ms: int = 60_000  # how long one review takes: what is due before can no longer be in time
    last_call_ms: int = 12 * HOUR  # before its turn; a night in which few are at work fits in


class Waiting(NamedTuple):
    """A case that nobody holds; earlier turns go first, then older cases."""

    turn: int
    opened_at: int
    request_id: str


class Queues(Protocol):
    """What waits in each lane, as one person sees it: without what they answered before or others have reserved."""

    def first(self, lane: Lane, priority: Priority, *, since: int, before: int) -> Waiting | None:
        """The least of those whose turn is not before `since` and is before `before`."""
        ...


class Served(NamedTuple):
    """The case that a person is given, and why."""

    case: Waiting
    lane: Lane
    priority: Priority
    because: Because


def turn_of(priority: Priority, due_at: int | None, opened_at: int) -> int:
    """When a case's turn has come at the latest (milliseconds since the epoch)."""
    return opened_at + PATIENCE[priority] if due_at is None else due_at


def serve(queues: Queues, lanes: Mapping[Lane, int], *, given: int, now: int, policy: ServingPolicy) -> Served | None:
    """The next case for a person who was given so many before; `lanes` as `lanes_of` has them. None when none waits."""
    hopeless = now + policy.review_ms
    offers: dict[int, Iterable[Served]] = {
        CYCLE // 2 - 1: _on_last_call(queues, lanes, hopeless, now + policy.last_call_ms),
        CYCLE - 1: _overdue(queues, lanes, hopeless, Because.OVERDUE),
    }
    for offered in (
        offers.get(given % CYCLE, ()),
        _by_priority(queues, lanes, hopeless),
        _overdue(queues, lanes, hopeless, Because.NOTHING_IN_TIME),
    ):
        if (first := min(offered, key=lambda each: each.case, default=None)) is not None:
            return first
    return None


def longest_queueing(overdue_before: int, people: int) -> int:
    """The most cases that people who may do a case are given from when it is overdue until it is given itself.

    `overdue_before`: those overdue at that time whose turn was earlier. Each of the `people` gives every `CYCLE`th
    place to the longest overdue that they may do; up to `CYCLE` - 1 pass before the first of each.
    """
    return CYCLE * (overdue_before + 1) + people * (CYCLE - 1)


def _overdue(queues: Queues, lanes: Mapping[Lane, int], hopeless: int, because: Because) -> Iterator[Served]:
    for lane, priority in product(lanes, Priority):
        if (case := queues.first(lane, priority, since=-EVER, before=hopeless)) is not None:
            yield Served(case, lane, priority, because)


def _on_last_call(queues: Queues, lanes: Mapping[Lane, int], hopeless: int, soon: int) -> Iterator[Served]:
    for lane, priority in product(lanes, Priority):
        if (case := queues.first(lane, priority, since=hopeless, before=soon)) is not None:
            yield Served(case, lane, priority, Because.LAST_CALL)


def _by_priority(queues: Queues, lanes: Mapping[Lane, int], hopeless: int) -> Iterator[Served]:
    """The first of the scarcest lane in the highest priority that has any."""
    for priority in Priority:
        found = [
            (able, case, lane)
            for lane, able in lanes.items()
            if (case := queues.first(lane, priority, since=hopeless, before=EVER)) is not None
        ]
        if found:
            _, case, lane = min(found, key=lambda each: each[:2])
            because = Because.PRIORITY if case == min(each[1] for each in found) else Because.SCARCE_SKILL
            yield Served(case, lane, priority, because)
            return
