"""The reading side of the read model, for whoever shows it. What is not there may be in the log: `is_rebuilding` tells.

Times in milliseconds since the epoch. Every question may raise `RedisUnavailable`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from infra.redis.browsing import Browsing
from infra.redis.cached_case import CachedCase, decode_case
from infra.redis.connection import Connection
from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from infra.redis.members import AnswerRow, LaneKey, decode_row, flat, lane_of, queue_member
from infra.redis.pace import Pace, pace, spans_of, wait_ms
from infra.redis.records import LAYOUT, RequestRecord, decode_record
from infra.redis.steering import Steering
from infra.settings import Settings
from schemas.values import CaseStage, Priority

HOUR: Final = 3_600_000  # milliseconds
DAY: Final = 24 * HOUR  # days begin at midnight UTC
MEAN_OF: Final = 100  # answers of a reviewer: a page of many people must not read all that they did


class QueuePosition(NamedTuple):
    """A case among the open ones of its workflow and stage: the first of its priority has position 1."""

    position: int
    ahead: int  # of all priorities


class Kept(NamedTuple):
    """What there is of a request; `offsets` by `topic[partition]`: before them everything is known. Nothing of either
    while the model does not know everything that was in the log when it was begun."""

    is_whole: bool
    record: RequestRecord | None
    offsets: Mapping[str, int]


class ReviewerActivity(NamedTuple):
    """What a reviewer did lately; refused answers count as seen, not as decisions.

    The means are those of their last `MEAN_OF` answers, and of the last 24 hours at most.
    """

    reviewer_id: str
    last_seen: int
    decisions_today: int
    decisions_last_hour: int
    mean_wait_seconds: float | None  # from a case's opening at their stage to their answer
    mean_review_seconds: float | None  # from one answer to their next, pauses left out


class ReadModel:
    """Answers from Redis."""

    def __init__(self, redis: Connection, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self.browsing = Browsing(redis, keys)

    @property
    def steering(self) -> Steering:
        """What whoever steers asks."""
        return Steering(self._redis, self._keys)

    def is_rebuilding(self) -> bool:
        """Whether the model does not know everything yet: it is being rebuilt, or nobody has begun."""
        layout, since = self._redis.call("HMGET", self._keys.meta, "layout", "rebuilding_since")
        return not _is_whole(layout, since)

    def status(self, request_id: str) -> RequestRecord | None:
        """Where a request stands; None for one that is unknown here, or was finished too long ago."""
        return _known(self._redis.call("GET", self._keys.request(request_id)))

    def status_and_case(self, request_id: str) -> tuple[RequestRecord | None, CachedCase | None]:
        """The same, and what to show of an open case: where that is missing the log has it at the record's `review`."""
        keys = (self._keys.request(request_id), self._keys.case(request_id))
        status, case = self._redis.call("MGET", *keys)
        return _known(status), None if case is None else decode_case(case)

    def kept(self, request_id: str) -> Kept:
        """All that the model has of a request, were it only where events lie, and how far it has read the log."""
        meta, offsets, value = self._redis.together(
            [
                ("HMGET", self._keys.meta, "layout", "rebuilding_since"),
                ("HGETALL", self._keys.offsets),  # before the record, which may then know more, and never less
                ("GET", self._keys.request(request_id)),
            ]
        )
        if not _is_whole(*meta):
            return Kept(False, None, {})
        record = None if value is None else decode_record(value)
        return Kept(True, record, {name.decode(): int(offset) for name, offset in offsets.items()})

    def workflows(self) -> list[str]:
        """Every workflow that ever had a case."""
        return sorted(name.decode() for name in self._redis.call("SMEMBERS", self._keys.workflows))

    def claimable(self) -> dict[LaneKey, dict[Priority, list[str]]]:
        """Request ids of all cases that nobody has, by lane and priority, the earliest turn first. For looking over."""
        return {lane_of(name): self._claimable(name.decode()) for name in self._lanes()}

    def lanes(self) -> dict[LaneKey, int]:
        """Every lane that ever had a case that could be claimed, and how many wait in it."""
        names = self._lanes()
        sizes = self._redis.together([("ZCARD", self._keys.claimable(n.decode(), p)) for n in names for p in Priority])
        step = len(Priority)
        return {lane_of(name): sum(sizes[at * step : (at + 1) * step]) for at, name in enumerate(names)}

    def in_hand(self, reviewer_id: str) -> dict[str, int]:
        """Request ids of the cases that a reviewer has a lease on, and when each expires."""
        words = flat(self._redis.call("ZRANGE", self._keys.in_hand(reviewer_id), 0, -1, "WITHSCORES"))
        return {name.decode(): round(float(at)) for name, at in zip(words[::2], words[1::2], strict=True)}

    def in_hand_at(self, reviewer_id: str) -> tuple[set[str], Mapping[str, int]]:
        """The same without the times, and the offsets by `topic[partition]` before which everything is known of it."""
        offsets, names = self._redis.together(
            [
                ("HGETALL", self._keys.offsets),  # before the cases, which may then know more, and never less
                ("ZRANGE", self._keys.in_hand(reviewer_id), 0, -1),
            ]
        )
        return {name.decode() for name in names}, {name.decode(): int(offset) for name, offset in offsets.items()}

    def _lanes(self) -> list[bytes]:
        return sorted(self._redis.call("SMEMBERS", self._keys.lanes))

    def _claimable(self, lane: str) -> dict[Priority, list[str]]:
        found = self._redis.together([("ZRANGE", self._keys.claimable(lane, p), 0, -1) for p in Priority])
        names = ([member.decode().partition(":")[2] for member in members] for members in found)
        return {priority: ids for priority, ids in zip(Priority, names, strict=True) if ids}

    def queue(self, workflow: str, stage: CaseStage, *, start: int = 0, count: int = 50) -> list[str]:
        """Request ids of open cases in the order in which to work on them."""
        found: list[str] = []
        for priority, size in self.queue_sizes(workflow, stage).items():
            if start < size and len(found) < count:
                last = start + count - len(found) - 1
                name = self._keys.queue(workflow, stage, priority)
                members = self._redis.call("ZRANGE", name, start, last)
                found += [member.decode().partition(":")[2] for member in members]
            start = max(0, start - size)
        return found

    def queue_position(self, request_id: str) -> QueuePosition | None:
        """How many open cases come before this one; None when it is not open."""
        record = self.status(request_id)
        if record is None or record.queued is None:
            return None
        queued = record.queued
        before = [p for p in Priority if list(Priority).index(p) < list(Priority).index(queued.priority)]
        member = queue_member(queued.opened_at, request_id)
        rank, *sizes = self._redis.together(
            [
                ("ZRANK", self._keys.queue(queued.workflow, queued.stage, queued.priority), member),
                *(("ZCARD", self._keys.queue(queued.workflow, queued.stage, p)) for p in before),
            ]
        )
        return None if rank is None else QueuePosition(position=rank + 1, ahead=rank + sum(sizes))

    def queue_sizes(self, workflow: str, stage: CaseStage | None = None) -> dict[Priority, int]:
        """Open cases by priority, the most urgent first; at both stages unless one is named."""
        stages = tuple(CaseStage) if stage is None else (stage,)
        sizes = self._redis.together(
            [("ZCARD", self._keys.queue(workflow, each, priority)) for priority in Priority for each in stages]
        )
        step = len(stages)
        return {priority: sum(sizes[at * step : (at + 1) * step]) for at, priority in enumerate(Priority)}

    def oldest_age(self, workflow: str, *, now: int) -> int | None:
        """How long the oldest open case has been open, milliseconds; None when none is."""
        found = self._redis.call("ZRANGE", self._keys.opened(workflow), 0, 0, "WITHSCORES")
        return max(0, now - round(float(flat(found)[1]))) if found else None

    def estimated_wait(self, request_id: str, *, now: int) -> int | None:
        """Milliseconds until this case is answered, at the pace of those who answered cases of its stage in the last
        hour; None when it is not open, nobody is at work, or they have answered too little to tell."""
        record, position = self.status(request_id), self.queue_position(request_id)
        if record is None or record.queued is None or position is None:
            return None
        found = self.paces(now=now)[record.queued.stage]
        return None if found is None else wait_ms(position.ahead, found)

    def paces(self, *, now: int) -> dict[CaseStage, Pace | None]:
        """How fast those answer who answered cases of a stage in the last hour; None where nothing is known."""
        answers = self._answers(self.last_seen(now - HOUR), since=now - HOUR)
        return {
            stage: pace({who: [at for at, row in rows if row.stage is stage] for who, rows in answers.items()}, now=now)
            for stage in CaseStage
        }

    def reviewers(self, *, now: int) -> list[ReviewerActivity]:
        """Everybody who was seen in the last 30 days, who was seen last first."""
        return self.activities(self.last_seen(0), now=now)

    def activities(self, seen: Mapping[str, int], *, now: int) -> list[ReviewerActivity]:
        """What these people did lately, who were last seen at these times."""
        names = [self._keys.answers(reviewer) for reviewer in seen]
        newest = ("+inf", now - DAY, "BYSCORE", "REV", "LIMIT", 0, MEAN_OF, "WITHSCORES")
        found = self._redis.together(
            [
                *(("ZCOUNT", name, now - now % DAY, "+inf") for name in names),
                *(("ZCOUNT", name, f"({now - HOUR}", "+inf") for name in names),
                *(("ZRANGE", name, *newest) for name in names),
            ]
        )
        today, lately, rows = (found[at * len(names) : (at + 1) * len(names)] for at in range(3))
        return [
            _activity(reviewer, at, list(_rows(answers))[::-1], today=of_today, last_hour=of_hour)
            for (reviewer, at), of_today, of_hour, answers in zip(seen.items(), today, lately, rows, strict=True)
        ]

    def answers_of(self, reviewer_id: str, *, since: int) -> list[tuple[int, AnswerRow]]:
        """What somebody answered since (milliseconds) and when, the earliest first; kept for two days."""
        return self._answers({reviewer_id: 0}, since=since)[reviewer_id]

    def last_seen(self, since: int) -> dict[str, int]:
        """When everybody was last seen who was seen since, who was seen last first."""
        found = self._redis.call("ZRANGE", self._keys.reviewers, "+inf", since, "BYSCORE", "REV", "WITHSCORES")
        words = flat(found)
        return {name.decode(): round(float(at)) for name, at in zip(words[::2], words[1::2], strict=True)}

    def _answers(self, reviewers: Mapping[str, int], *, since: int) -> dict[str, list[tuple[int, AnswerRow]]]:
        found = self._redis.together(
            [
                ("ZRANGE", self._keys.answers(reviewer), since, "+inf", "BYSCORE", "WITHSCORES")
                for reviewer in reviewers
            ]
        )
        return {reviewer: list(_rows(rows)) for reviewer, rows in zip(reviewers, found, strict=True)}

    def close(self) -> None:
        self._redis.close()


def connect(settings: Settings) -> ReadModel:
    """The read model that the settings name. Connects on first use."""
    return ReadModel(connect_redis(settings), Keys(settings.topic_prefix))


def _known(value: bytes | None) -> RequestRecord | None:
    record = None if value is None else decode_record(value)
    return record if record is not None and record.is_known else None


def _is_whole(layout: bytes | None, since: bytes | None) -> bool:
    return since is None and layout == LAYOUT.encode()


def _activity(
    reviewer: str, seen: int, answers: Sequence[tuple[int, AnswerRow]], *, today: int, last_hour: int
) -> ReviewerActivity:
    waits = [row.waited_ms for _, row in answers]
    spans = list(spans_of([at for at, _ in answers]))
    return ReviewerActivity(
        reviewer_id=reviewer,
        last_seen=seen,
        decisions_today=today,
        decisions_last_hour=last_hour,
        mean_wait_seconds=sum(waits) / len(waits) / 1_000 if waits else None,
        mean_review_seconds=sum(spans) / len(spans) / 1_000 if spans else None,
    )


def _rows(found: Sequence[object]) -> Iterator[tuple[int, AnswerRow]]:
    words = flat(found)
    return ((round(float(at)), decode_row(value)) for value, at in zip(words[::2], words[1::2], strict=True))
