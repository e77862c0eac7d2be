"""People as whoever steers sees them: at work or not, what they have, how they do, how reliable they are. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from infra.redis.reading import ReviewerActivity
from infra.redis.records import Hands, RequestRecord
from producers.desk.pages.lead.queues import HANDS
from producers.desk.pages.present.model import Deadline, Moment
from producers.desk.pages.present.times import deadline_of, moment_of, span_of
from producers.desk.roster import Person
from schemas.events import ReviewerAssessed
from schemas.values import Priority

AT_ONCE: Final = 25  # people on one page
Held = Sequence[tuple[str, RequestRecord]]


class Row(NamedTuple):
    """One person. `limit`: how many cases they may have, where they have a limit of their own."""

    reviewer_id: str
    is_at_work: bool
    is_paused: bool
    is_enrolled: bool
    is_suspect: bool
    seen: Moment | None
    in_hand: int
    on_hold: int
    limit: int | None
    last_hour: int
    today: int
    each_takes: str
    gold: str
    agreed: str
    roles: str
    skills: str


class InHand(NamedTuple):
    """A case that somebody has or has set aside, until then."""

    request_id: str
    workflow: str
    priority: Priority
    due: Deadline | None
    hands: str
    until: Moment


class Assessed(NamedTuple):
    """How reliable somebody is in one workflow, in words."""

    workflow: str
    gold: str
    accuracy: str
    estimated: str
    agreed: str
    consistency: str
    is_suspect: bool
    may_adjudicate: bool
    reason: str
    at: Moment


def order(people: Mapping[str, Person], seen: Mapping[str, int], *, wanted: str) -> list[str]:
    """Everybody who is known or was seen and whose id holds what is `wanted`: who was seen last first, then by id."""
    others = sorted(people.keys() - seen.keys())
    return [name for name in (*seen, *others) if wanted.casefold() in name.casefold()]


def row(person: Person, activity: ReviewerActivity | None, held: Held, *, is_at_work: bool, now: int) -> Row:
    """One person, of whom much may be unknown."""
    enrolment, assessed = person.enrolment, person.assessments.values()
    ways = [_way(record) for _, record in held]
    mean = activity.mean_review_seconds if activity else None
    return Row(
        reviewer_id=person.reviewer_id,
        is_at_work=is_at_work,
        is_paused=enrolment is not None and not enrolment.active,
        is_enrolled=enrolment is not None,
        is_suspect=any(each.suspect for each in assessed),
        seen=moment_of(activity.last_seen, now=now) if activity and activity.last_seen else None,
        in_hand=sum(way is not Hands.HELD for way in ways),
        on_hold=sum(way is Hands.HELD for way in ways),
        limit=enrolment.wip_limit if enrolment else None,
        last_hour=activity.decisions_last_hour if activity else 0,
        today=activity.decisions_today if activity else 0,
        each_takes="–" if mean is None else span_of(round(mean * 1_000)),
        gold=_of(sum(each.gold_right for each in assessed), sum(each.gold_answers for each in assessed)),
        agreed=_of(sum(each.overlap_agreed for each in assessed), sum(each.overlap_answers for each in assessed)),
        roles=", ".join(enrolment.roles) if enrolment else "as they sign in",
        skills=", ".join(enrolment.skills) if enrolment else "",
    )


def in_hand(held: Held, *, now: int) -> list[InHand]:
    """The cases that somebody has, the first to end first."""
    found = [
        InHand(name, q.workflow, q.priority, deadline_of(q.due_at, now=now), HANDS.get(_way(record), ""),
               moment_of(has.expires_at, now=now))
        for name, record in held if (q := record.queued) is not None and (has := record.in_hand) is not None
    ]  # fmt: skip
    return sorted(found, key=lambda each: each.until.at)


def assessments(person: Person, *, now: int) -> list[Assessed]:
    """By workflow."""
    return [_assessed(each, now) for _, each in sorted(person.assessments.items())]


def _assessed(said: ReviewerAssessed, now: int) -> Assessed:
    bounds = ""
    if said.accuracy_lower is not None and said.accuracy_upper is not None:
        bounds = f", 95 % sure: {_share(said.accuracy_lower)} to {_share(said.accuracy_upper)}"
    return Assessed(
        workflow=said.workflow,
        gold=_of(said.gold_right, said.gold_answers),
        accuracy="–" if said.accuracy is None else f"{_share(said.accuracy)}{bounds}",
        estimated=_share(said.estimated_accuracy),
        agreed=_of(said.overlap_agreed, said.overlap_answers),
        consistency=_share(said.consistency),
        is_suspect=said.suspect,
        may_adjudicate=said.may_adjudicate,
        reason=said.reason,
        at=moment_of(said.assessed_at, now=now),
    )


def _way(record: RequestRecord) -> Hands:
    return record.possession.hands if record.possession is not None else Hands.FREE


def _of(right: int, all_: int) -> str:
    """
    >>> _of(18, 20), _of(0, 0)
    ('18 of 20', '–')
    """
    return f"{right:,} of {all_:,}" if all_ else "–"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}".replace("%", " %")
