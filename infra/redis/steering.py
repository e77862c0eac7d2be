"""What whoever steers asks of the read model: what is at risk, where people disagreed, how questions were answered.

Nothing is scanned: each answer is a count or a page of a sorted set. Times in milliseconds since the epoch. Every
question may raise `RedisUnavailable`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.members import DisagreementRow, decode_disagreement, encode_row
from infra.redis.records import Hands, RequestRecord, decode_record
from infra.redis.reserving import Reservations
from schemas.values import CaseStage, Priority

STEP: Final = 1_000  # rows of one question to Redis


class Due(NamedTuple):
    """Open cases of a workflow and stage by when they are due; each includes those before."""

    overdue: int
    soon: int  # within the first span that was asked for
    later: int  # within the second


class AtRisk(NamedTuple):
    """A place in the order of deadlines: of two with the same deadline the one that was opened first, then by id."""

    due_at: int
    member: str

    @property
    def request_id(self) -> str:
        return self.member.partition(":")[2]


class Counted(NamedTuple):
    """How often a question whose answer is known was asked, and answered right."""

    asked: int
    right: int


Queue = tuple[str, CaseStage]


class Steering:
    """Answers from Redis."""

    def __init__(self, redis: Connection, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    def sizes(self, queues: Sequence[Queue]) -> dict[Queue, dict[Priority, int]]:
        """Open cases of each queue by priority, the most urgent first."""
        found = self._redis.together([("ZCARD", self._keys.queue(*queue, p)) for queue in queues for p in Priority])
        step = len(Priority)
        return {
            queue: dict(zip(Priority, found[at * step : (at + 1) * step], strict=True))
            for at, queue in enumerate(queues)
        }

    def due(self, queues: Sequence[Queue], *, now: int, soon: int, later: int) -> dict[Queue, Due]:
        """How many are due when, by queue."""
        ends = (f"({now}", str(now + soon), str(now + later))
        asked = [
            ("ZCOUNT", self._keys.queue(*queue, priority), "-inf", end)
            for queue in queues for end in ends for priority in Priority
        ]  # fmt: skip
        found, step = self._redis.together(asked), len(Priority)
        sums = [sum(found[at : at + step]) for at in range(0, len(found), step)]
        return {queue: Due(*sums[at * len(ends) : (at + 1) * len(ends)]) for at, queue in enumerate(queues)}

    def at_risk(
        self, queues: Sequence[Queue], *, until: int, count: int, after: AtRisk | None = None
    ) -> list[AtRisk]:
        """The next cases that are due before `until`, the earliest deadline first, behind the place `after`."""
        names = [self._keys.queue(*queue, priority) for queue in queues for priority in Priority]
        starts = [0] * len(names) if after is None else self._behind(names, after)
        pages = self._redis.together(
            [("ZRANGE", name, at, at + count - 1, "WITHSCORES") for name, at in zip(names, starts, strict=True)]
        )
        found = [AtRisk(round(at), member.decode()) for page in pages for member, at in _scored(page) if at < until]
        return sorted(found)[:count]

    def _behind(self, names: Sequence[str], after: AtRisk) -> list[int]:
        """The rank in each queue of the first case behind this place."""
        score = str(after.due_at)
        counted = self._redis.together(
            [("ZCOUNT", name, "-inf", end) for name in names for end in (f"({score}", score)]
        )
        return self._first_behind(names, counted[::2], counted[1::2], after.member.encode())

    def _first_behind(
        self, names: Sequence[str], starts: Sequence[int], ends: Sequence[int], member: bytes
    ) -> list[int]:
        """Among cases of one deadline, which are in the order of members at the ranks from `starts` to before `ends`.

        Halved in all queues at once, so that it takes as many round trips as the longest of them needs.
        """
        low, high = list(starts), list(ends)
        while halved := [at for at in range(len(names)) if low[at] < high[at]]:
            middles = {at: (low[at] + high[at]) // 2 for at in halved}
            found = self._redis.together([("ZRANGE", names[at], middle, middle) for at, middle in middles.items()])
            for (at, middle), members in zip(middles.items(), found, strict=True):
                if members and members[0] <= member:
                    low[at] = middle + 1
                else:
                    high[at] = middle
        return low

    def records(self, request_ids: Sequence[str]) -> list[RequestRecord | None]:
        """What is known of these requests."""
        if not request_ids:
            return []
        found = self._redis.call("MGET", *(self._keys.request(name) for name in request_ids))
        return [None if value is None else decode_record(value) for value in found]

    def disagreements(
        self, workflow: str, after: tuple[int, DisagreementRow] | None = None
    ) -> Iterator[tuple[int, DisagreementRow]]:
        """The newest finished requests on which people disagreed, with when they were finished, behind that one.

        Asked for as they are taken, a thousand at a time, and never more than the index keeps.
        """
        name, offset = self._keys.disagreements(workflow), 0
        newest = "+inf" if after is None else str(after[0])
        passed = None if after is None else (after[0], encode_row(after[1]))
        while True:
            page = ("ZRANGE", name, newest, "-inf", "BYSCORE", "REV", "LIMIT", offset, STEP, "WITHSCORES")
            rows = [(round(at), member) for member, at in _scored(self._redis.call(*page))]
            yield from ((at, decode_disagreement(row)) for at, row in rows if passed is None or (at, row) < passed)
            if len(rows) < STEP:
                return
            offset += STEP

    def gold_answers(self, workflow: str, gold_ids: Sequence[str]) -> dict[str, Counted]:
        """How often each of these questions was asked in the last 90 days, and answered right."""
        keys = [(self._keys.gold_asked(workflow, each), self._keys.gold_right(workflow, each)) for each in gold_ids]
        counts = self._redis.together([("ZCARD", name) for name in chain.from_iterable(keys)])
        return {each: Counted(*counts[at * 2 : at * 2 + 2]) for at, each in enumerate(gold_ids)}

    def in_hands(self, queues: Sequence[Queue]) -> dict[Queue, dict[Hands, int]]:
        """How many open cases of each queue somebody has, by the way in which they have it."""
        ways = [way for way in Hands if way is not Hands.FREE]
        found = self._redis.together([("SCARD", self._keys.in_hands(*queue, way)) for queue in queues for way in ways])
        sizes = [found[at : at + len(ways)] for at in range(0, len(found), len(ways))]
        return {queue: dict(zip(ways, each, strict=True)) for queue, each in zip(queues, sizes, strict=True)}

    def at_work(self, *, since: int) -> list[str]:
        """Everybody who has asked for a case since, as the desk has noted them."""
        return Reservations(self._redis, self._keys).at_work(since=since)

    def in_hand_of(self, reviewers: Iterable[str]) -> Mapping[str, list[str]]:
        """The request ids of the cases that these people have or have set aside."""
        names = list(reviewers)
        found = self._redis.together([("ZRANGE", self._keys.in_hand(name), 0, STEP) for name in names])
        return {name: [each.decode() for each in ids] for name, ids in zip(names, found, strict=True)}


def _scored(found: Sequence[object]) -> Iterator[tuple[bytes, float]]:
    """Members with their scores: redis-py hands them out flat or in pairs, as the protocol has it."""
    words: list[bytes] = []
    for each in found:
        words += each if isinstance(each, tuple | list) else (each,)
    return ((member, float(at)) for member, at in zip(words[::2], words[1::2], strict=True))
