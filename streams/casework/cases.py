"""The open and finished cases of one partition, and a queue of when the clock alone will change one of them."""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Final, NamedTuple

from infra.kafka.stage import Keyed
from schemas.topics import DAY
from schemas.values import CaseStatus
from streams.casework.case import Case
from streams.casework.queue import Waiting

STUB_KEPT: Final = 30 * DAY  # milliseconds that a finished case is remembered
MAX_LOOKS: Final = 20_000  # queue entries looked at in one call; most belong to cases finished long before


def due_times(case: Case) -> frozenset[int]:
    """When the clock alone changes a case (milliseconds): at its deadline, when a lease, a hold or a period of grace
    ends, or when its stub is forgotten."""
    if case.status is CaseStatus.CLOSED:
        return frozenset(() if case.closed_at is None else (case.closed_at + STUB_KEPT,))
    lease, hold, pending = case.lease, case.hold, case.pending
    times = (
        case.due_at,
        lease.expires_at if lease is not None else None,
        hold.resumes_at if hold is not None else None,
        pending.leaves_at if pending is not None else None,
    )
    return frozenset(at for at in times if at is not None)


class Look(NamedTuple):
    """A look at the log: at that time (milliseconds) what people wrote ended before these offsets, by topic."""

    at: int
    ends: Mapping[str, int]


class Cases(Keyed[Case]):
    """Cases by request id. The queue follows committed changes only; what an aborted transaction took comes back."""

    __slots__ = ("_kept_look", "_queue", "_taken", "appeal_looks", "look", "waiting")

    def __init__(self) -> None:
        super().__init__()
        self.waiting = Waiting(self.committed)
        self._queue: list[tuple[int, str]] = []  # a heap of (due time, request id); stale entries are skipped
        self._taken: list[tuple[int, str]] = []
        self.look: Look | None = None  # of a tick that waits for answers to be judged; not state, so never restored
        self._kept_look: Look | None = None
        self.appeal_looks: dict[int, dict[str, int]] = {}  # offset of a held appeal -> ends of topics; no state, either

    def is_any_due(self, now: int) -> bool:
        """Whether there may be a case whose time has come."""
        return bool(self._queue) and self._queue[0][0] <= now

    def take_due(self, now: int, limit: int, run_out: Callable[[Case, int], bool]) -> None:
        """Let `run_out` change up to `limit` cases whose time has come, the earliest first.

        It is given a case and which of its times has come, and says whether that led to anything.

        A case changes once a call, by one of its times, so that a history says what was done without saying when the
        clock was looked at.
        """
        changed: set[str] = set()
        later: list[tuple[int, str]] = []
        for _ in range(MAX_LOOKS):
            if len(changed) == limit or not self._queue or self._queue[0][0] > now:
                break
            at, key = entry = heappop(self._queue)
            if key in changed:
                later.append(entry)
                continue
            self._taken.append(entry)
            case = self.get(key)
            if case is None or at not in due_times(case):
                continue
            if any(run_out(case, time) for time in sorted(due_times(case)) if time <= now):
                changed.add(key)
                after = self.get(key)
                if after is not None and at in due_times(after):
                    later.append(self._taken.pop())  # something else was earlier, and the case is as late as before
        for entry in later:
            heappush(self._queue, entry)

    def commit(self) -> None:
        before = {key: self.committed.get(key) for key in self.pending}
        changed = dict(self.pending)
        super().commit()
        for key, case in changed.items():
            if case is not None:
                known = before[key]
                for at in due_times(case) - (due_times(known) if known is not None else frozenset()):
                    heappush(self._queue, (at, key))
            self.waiting.change(key, before[key], case)
        self._taken.clear()
        self._kept_look = self.look

    def discard(self) -> None:
        for entry in self._taken:
            heappush(self._queue, entry)
        self._taken.clear()
        self.look = self._kept_look  # an abort leaves no trace, in what it looked at neither
        super().discard()
