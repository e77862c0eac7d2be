"""Enrolment: what a person may be and knows, said anew by a lead; whatever is not said stays as it was. Pure."""

from collections.abc import Iterable

from infra.kafka.scan import Entry
from schemas.events import ReviewerEnrolled
from schemas.ids import derive_id
from streams.casework.identity import Role


def newest_enrolments(entries: Iterable[Entry]) -> dict[str, ReviewerEnrolled]:
    """The enrolment of each person that is in force, by reviewer id."""
    return {entry.event.reviewer_id: entry.event for entry in entries if isinstance(entry.event, ReviewerEnrolled)}


def enrolment(
    reviewer_id: str,
    before: ReviewerEnrolled | None,
    *,
    roles: tuple[str, ...] = (),
    skills: tuple[str, ...] | None = None,
    wip_limit: int | None = None,
    active: bool | None = None,
    by: str,
    now: int,
) -> ReviewerEnrolled:
    """The next enrolment of a person; `now` in milliseconds. Without any a person is an active reviewer, no more."""
    known = before or ReviewerEnrolled(
        event_id="", reviewer_id=reviewer_id, roles=(Role.REVIEWER.value,), enrolled_by=by, enrolled_at=now
    )
    return ReviewerEnrolled(
        event_id=derive_id("enrolled", reviewer_id, now),
        reviewer_id=reviewer_id,
        roles=tuple(dict.fromkeys(roles)) or known.roles,
        skills=known.skills if skills is None else tuple(sorted(set(skills))),
        wip_limit=known.wip_limit if wip_limit is None else wip_limit,
        active=known.active if active is None else active,
        enrolled_by=by,
        enrolled_at=now,
    )
