"""A review team at work in one process: cases arrive, people come and go, a rule gives each the next case."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from schemas.values import Priority
from streams.casework.eligibility import Lane, can_do, lanes_of
from streams.casework.serving import ServingPolicy, Waiting, longest_queueing, serve, turn_of
from tests.support.shifts import Arrival, Team

Able = Mapping[Lane, int]  # lanes that somebody can do, with the number of people at work who can


class InMemory:
    """Queues of cases, as `serving.Queues` asks them."""

    def __init__(self) -> None:
        self._queues: dict[tuple[Lane, Priority], list[Waiting]] = defaultdict(list)

    def put(self, lane: Lane, priority: Priority, case: Waiting) -> None:
        insort(self._queues[lane, priority], case)

    def take(self, lane: Lane, priority: Priority, case: Waiting) -> None:
        queue = self._queues[lane, priority]
        del queue[bisect_left(queue, case)]

    def first(self, lane: Lane, priority: Priority, *, since: int, before: int) -> Waiting | None:
        queue = self._queues.get((lane, priority), [])
        at = bisect_left(queue, (since,))
        return queue[at] if at < len(queue) and queue[at].turn < before else None

    def how_many(self, *, before: int) -> int:
        """How many wait whose turn is earlier."""
        return sum(bisect_left(queue, (before,)) for queue in self._queues.values())


class Rule(Protocol):
    """Gives a person a case, and forgets it."""

    queues: InMemory

    def put(self, case: Arrival) -> None: ...
    def take(self, lanes: Able, *, given: int, now: int) -> str | None: ...


class Fair:
    """Our rule."""

    def __init__(self, policy: ServingPolicy) -> None:
        self._policy, self.queues = policy, InMemory()

    def put(self, case: Arrival) -> None:
        turn = turn_of(case.priority, case.due_at, case.at)
        self.queues.put(case.lane, case.priority, Waiting(turn, case.at, case.request_id))

    def take(self, lanes: Able, *, given: int, now: int) -> str | None:
        served = serve(self.queues, lanes, given=given, now=now, policy=self._policy)
        if served is None:
            return None
        self.queues.take(served.lane, served.priority, served.case)
        return served.case.request_id


class FirstCome:
    """First come, first served, among those that a person is able to do."""

    def __init__(self) -> None:
        self.queues = InMemory()

    def put(self, case: Arrival) -> None:
        self.queues.put(case.lane, Priority.NORMAL, Waiting(case.at, case.at, case.request_id))

    def take(self, lanes: Able, *, given: int, now: int) -> str | None:
        firsts = ((self.queues.first(lane, Priority.NORMAL, since=0, before=now + 1), lane) for lane in lanes)
        found = [(case, lane) for case, lane in firsts if case is not None]
        if not found:
            return None
        case, lane = min(found)
        self.queues.take(lane, Priority.NORMAL, case)
        return case.request_id


@dataclass(slots=True, kw_only=True)
class Ended:
    """What became of all cases; times in milliseconds."""

    answered: dict[str, int] = field(default_factory=dict)  # request id -> when
    waits: dict[str, int] = field(default_factory=dict)  # from the opening until given, or until now
    given: Counter[str] = field(default_factory=Counter)  # cases by person
    queueing: list[float] = field(default_factory=list)  # of overdue cases: cases given meanwhile, of those allowed


class _Overdue(NamedTuple):
    """What the rule promised a case when it became overdue."""

    passed_by: int  # cases given until then to people who may do it
    allowed: int


class _Kind(IntEnum):
    FINISHED, CAME, ARRIVED, OVERDUE = range(4)


def run(rule: Rule, cases: Sequence[Arrival], team: Team, *, until: int, review_ms: int) -> Ended:
    """Let the team work until then; what comes goes to whoever has been free for longest."""
    shop = _Shop(rule, cases, team)
    shop.expect(cases, review_ms)
    return shop.work(until)


class _Shop:
    def __init__(self, rule: Rule, cases: Iterable[Arrival], team: Team) -> None:
        self._rule, self._cases = rule, {case.request_id: case for case in cases}
        self._lanes = sorted({case.lane for case in self._cases.values()})
        self._team, self._people = team, {person.reviewer_id: person for person in team.people}
        self._able = {lane: sum(can_do(person, lane) for person in team.people) for lane in self._lanes}
        self._events: list[tuple[int, _Kind, int, str, str]] = []  # when, what, leaves at, person, request id
        self._free: dict[str, int] = {}  # person -> since when
        self._present: dict[str, int] = {}  # person -> until when
        self._theirs: dict[str, Able] = {}
        self._passed: Counter[Lane] = Counter()  # cases given to people who can do this lane
        self._overdue: dict[str, _Overdue] = {}
        self.ended = Ended()

    def expect(self, cases: Iterable[Arrival], review_ms: int) -> None:
        for case in cases:
            heappush(self._events, (case.at, _Kind.ARRIVED, 0, "", case.request_id))
            turn = turn_of(case.priority, case.due_at, case.at)
            heappush(self._events, (turn - review_ms, _Kind.OVERDUE, 0, "", case.request_id))
        for who, spans in self._team.spans.items():
            for start, end in spans:
                heappush(self._events, (start, _Kind.CAME, end, who, ""))

    def work(self, until: int) -> Ended:
        while self._events and self._events[0][0] < until:
            now, kind, leaves, who, request_id = heappop(self._events)
            match kind:
                case _Kind.FINISHED:
                    self.ended.answered[request_id] = now
                    self._ask(who, now)
                case _Kind.CAME:
                    self._present[who] = leaves
                    self._look_around(now)
                    self._ask(who, now)
                case _Kind.ARRIVED:
                    self._rule.put(self._cases[request_id])
                    self._offer(self._cases[request_id].lane, now)
                case _Kind.OVERDUE:
                    self._note_overdue(self._cases[request_id])
        for case in self._cases.values():
            self.ended.waits.setdefault(case.request_id, until - case.at)
        return self.ended

    def _look_around(self, now: int) -> None:
        present = [self._people[who] for who, leaves in self._present.items() if leaves > now]
        self._theirs = {person.reviewer_id: lanes_of(person, self._lanes, present) for person in present}

    def _ask(self, who: str, now: int) -> None:
        if self._present[who] <= now:
            self._free.pop(who, None)
            self._look_around(now)
            return
        request_id = self._rule.take(self._theirs[who], given=self.ended.given[who], now=now)
        if request_id is None:
            self._free.setdefault(who, now)
            return
        self._free.pop(who, None)
        self._give(self._cases[request_id], who, now)

    def _give(self, case: Arrival, who: str, now: int) -> None:
        self.ended.given[who] += 1
        self.ended.waits[case.request_id] = now - case.at
        self._passed.update(lane for lane in self._lanes if can_do(self._people[who], lane))
        heappush(self._events, (now + case.review_ms, _Kind.FINISHED, 0, who, case.request_id))
        if (promised := self._overdue.pop(case.request_id, None)) is not None:
            self.ended.queueing.append((self._passed[case.lane] - promised.passed_by) / promised.allowed)

    def _offer(self, lane: Lane, now: int) -> None:
        for who, _ in sorted(self._free.items(), key=lambda free: free[1]):
            if self._present[who] <= now:
                del self._free[who]
            elif can_do(self._people[who], lane):
                self._ask(who, now)
                return

    def _note_overdue(self, case: Arrival) -> None:
        if case.request_id not in self.ended.waits:
            before = self._rule.queues.how_many(before=turn_of(case.priority, case.due_at, case.at))
            allowed = longest_queueing(before, self._able[case.lane])
            self._overdue[case.request_id] = _Overdue(self._passed[case.lane], allowed)
