"""Who has an open case, who must not get it again, and where it waits while nobody has it."""

from infra.redis.records import Claimable, Hands, InHand, Possession, Queued, RequestRecord
from streams.casework.serving import turn_of


def possession(record: RequestRecord) -> Possession | None:
    """Who has the case now; None when it is free. A move to others frees it."""
    said = record.possession
    if said is None or said.hands is Hands.FREE:
        return None
    moves = [moved.sequence for moved in record.moved] + [again.sequence for again in record.reopened]
    return said if said.sequence >= max(moves, default=0) else None


def in_hand(record: RequestRecord, place: Queued | None) -> InHand | None:
    """The lease on an open case, or the hold: were that no work in hand, anybody could park a whole queue."""
    said = possession(record)
    if place is None or said is None or said.hands not in (Hands.LEASED, Hands.HELD) or said.expires_at is None:
        return None
    return InHand(reviewer_id=said.reviewer_id, expires_at=said.expires_at)


def claimable(record: RequestRecord, place: Queued | None, revision: int) -> Claimable | None:
    """The place of a case that anybody who is able to may claim; None unless the announcement of its revision, which
    a claim names, is the last that was read."""
    asked = record.asked
    if place is None or asked is None or asked.revision != revision or record.review is None:
        return None
    if possession(record) is not None:
        return None
    return Claimable(
        workflow=place.workflow,
        stage=place.stage,
        skills=asked.skills,
        priority=place.priority,
        turn=turn_of(place.priority, place.due_at, place.opened_at),
        opened_at=place.opened_at,
    )


def answered_by(record: RequestRecord | None) -> frozenset[str]:
    """Who has answered an open case: nobody is asked about one twice. Whoever passed it on has decided nothing, and
    may be the expert; but not where a decision is judged anew (as streams.casework.rights.took_part)."""
    if record is None or record.queued is None:
        return frozenset()
    anew = bool(record.reopened)
    return frozenset(answer.reviewer_id for answer in record.answers if anew or not answer.passed_on)
