"""What Redis is told when the record of a request changes: only what differs, derived values first, the record last."""

from collections.abc import Iterator
from typing import Final

from consumers.index.disagreement import forgotten as disagreements_forgotten
from consumers.index.disagreement import rows as disagreements
from consumers.index.hands import hands
from consumers.index.possession import answered_by
from consumers.index.standing import answer_rows
from infra.redis.connection import Command
from infra.redis.keys import Keys
from infra.redis.members import encode_row, lane_name, queue_member, queue_score
from infra.redis.records import Claimable, Queued, RequestRecord, encode
from streams.workflow.states import State

ANSWERS_KEPT: Final = 48 * 3_600_000  # milliseconds; today and the last hour are asked for
UNKNOWN_KEPT: Final = 24 * 3_600_000  # milliseconds
REVIEWERS_KEPT: Final = 30 * 86_400_000  # milliseconds since they were last seen


def changes(
    keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord, *, now: int
) -> Iterator[Command]:
    """The commands that lead from what follows from the old record to what follows from the new one."""
    before = old.queued if old else None
    if before != new.queued:
        if before:
            yield from _unqueue(keys, request_id, before)
        if new.queued:
            yield from _queue(keys, request_id, new.queued)
    yield from _claimable(keys, request_id, old, new)
    yield from _listed(keys, request_id, old, new)
    yield from hands(keys, request_id, old, new)
    yield from disagreements(keys, request_id, old, new)
    known = dict(answer_rows(request_id, old)) if old else {}
    for answer, row in answer_rows(request_id, new):
        if known.get(answer) != row and answer.at > now - ANSWERS_KEPT:
            name = keys.answers(answer.reviewer_id)
            yield ("ZADD", name, str(answer.at), encode_row(row))
            yield ("ZREMRANGEBYSCORE", name, "-inf", str(now - ANSWERS_KEPT))
            yield ("PEXPIRE", name, str(ANSWERS_KEPT))
    # Events about a request may be read before any that says that there is one; where none ever does, they go again.
    lifetime = () if new.is_known else ("PX", str(UNKNOWN_KEPT))
    yield ("SET", keys.request(request_id), encode(new), *lifetime)


def forgotten(keys: Keys, request_id: str, record: RequestRecord | None) -> Iterator[Command]:
    """The commands that remove a finished request."""
    yield from (("ZREM", name, request_id) for name in (keys.finished, keys.failed, keys.amended))
    yield from disagreements_forgotten(keys, request_id, record)
    yield ("UNLINK", keys.case(request_id), keys.request(request_id))


def seen(keys: Keys, reviewer_id: str, at: int) -> Command:
    """A reviewer did something at this time (milliseconds)."""
    return ("ZADD", keys.reviewers, "GT", str(at), reviewer_id)


def reviewers_pruned(keys: Keys, now: int) -> Command:
    """Reviewers whom nobody has seen for long are left out."""
    return ("ZREMRANGEBYSCORE", keys.reviewers, "-inf", str(now - REVIEWERS_KEPT))


def _claimable(keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord) -> Iterator[Command]:
    """Where a case that nobody has can be claimed, who has one that somebody has, and who must not get it again."""
    before, after = old.claimable if old else None, new.claimable
    if before != after:
        if before:
            yield ("ZREM", _lane(keys, before), queue_member(before.opened_at, request_id))
        if after:
            yield ("ZADD", _lane(keys, after), str(after.turn), queue_member(after.opened_at, request_id))
            yield ("SADD", keys.lanes, lane_name(after.workflow, after.stage, after.skills))
    had, has = old.in_hand if old else None, new.in_hand
    if had and (has is None or has.reviewer_id != had.reviewer_id):
        yield ("ZREM", keys.in_hand(had.reviewer_id), request_id)
    if has and has != had:
        yield ("ZADD", keys.in_hand(has.reviewer_id), str(has.expires_at), request_id)
    said, say = answered_by(old), answered_by(new)
    yield from (("SREM", keys.answered(reviewer), request_id) for reviewer in sorted(said - say))
    yield from (("SADD", keys.answered(reviewer), request_id) for reviewer in sorted(say - said))


def _listed(keys: Keys, request_id: str, old: RequestRecord | None, new: RequestRecord) -> Iterator[Command]:
    """Among the finished, the failed and the amended requests, each by when it became so."""
    for name, when in ((keys.finished, _finished_at), (keys.failed, _failed_at), (keys.amended, _amended_at)):
        before, after = when(old) if old else None, when(new)
        if after is None and before is not None:
            yield ("ZREM", name, request_id)
        elif after is not None and after != before:
            yield ("ZADD", name, str(after), request_id)


def _finished_at(record: RequestRecord) -> int | None:
    return record.finished_at


def _failed_at(record: RequestRecord) -> int | None:
    return record.finished_at if record.state == State.FAILED else None


def _amended_at(record: RequestRecord) -> int | None:
    return record.amended.at if record.amended else None


def _lane(keys: Keys, place: Claimable) -> str:
    return keys.claimable(lane_name(place.workflow, place.stage, place.skills), place.priority)


def _queue(keys: Keys, request_id: str, queued: Queued) -> Iterator[Command]:
    name = keys.queue(queued.workflow, queued.stage, queued.priority)
    yield ("ZADD", name, queue_score(queued.due_at), queue_member(queued.opened_at, request_id))
    yield ("ZADD", keys.opened(queued.workflow), str(queued.opened_at), request_id)
    yield ("SADD", keys.workflows, queued.workflow)


def _unqueue(keys: Keys, request_id: str, queued: Queued) -> Iterator[Command]:
    name = keys.queue(queued.workflow, queued.stage, queued.priority)
    yield ("ZREM", name, queue_member(queued.opened_at, request_id))
    yield ("ZREM", keys.opened(queued.workflow), request_id)
