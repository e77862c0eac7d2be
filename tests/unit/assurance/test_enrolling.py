"""Enrolment: what is said holds, what is not said stays."""

from infra.kafka.scan import Entry
from schemas.events import ReviewerAssessed, ReviewerEnrolled
from schemas.topics import REVIEWERS
from streams.assurance.account import account_of
from streams.assurance.enrolling import enrolment, newest_enrolments
from streams.assurance.enrolling_command import enrolled_text


def entry(event: ReviewerEnrolled | ReviewerAssessed, offset: int) -> Entry:
    return Entry(REVIEWERS.name, 0, offset, 0, event.reviewer_id.encode(), b"", event)


def test_a_new_person_is_an_active_reviewer_and_no_more() -> None:
    made = enrolment("ann", None, by="lea", now=7)
    assert (made.roles, made.skills, made.wip_limit, made.active) == (("reviewer",), (), None, True)
    assert (made.enrolled_by, made.enrolled_at) == ("lea", 7)


def test_what_is_said_replaces_and_what_is_not_said_stays() -> None:
    first = enrolment(
        "ann", None, roles=("expert", "lead", "expert"), skills=("law", "art"), wip_limit=3, by="lea", now=1
    )
    assert (first.roles, first.skills) == (("expert", "lead"), ("art", "law"))
    idle = enrolment("ann", first, active=False, by="lea", now=2)
    assert (idle.roles, idle.skills, idle.wip_limit, idle.active) == (("expert", "lead"), ("art", "law"), 3, False)
    assert not enrolment("ann", idle, wip_limit=4, by="lea", now=3).active
    back = enrolment("ann", idle, roles=("reviewer",), skills=(), wip_limit=5, active=True, by="lea", now=3)
    assert (back.roles, back.skills, back.wip_limit, back.active) == (("reviewer",), (), 5, True)
    assert len({first.event_id, idle.event_id, back.event_id}) == 3


def test_the_newest_enrolment_is_in_force_and_the_account_knows_it() -> None:
    first = enrolment("ann", None, by="lea", now=1)
    second = enrolment("ann", first, skills=("law",), active=False, by="lea", now=2)
    said = ReviewerAssessed(event_id="e", reviewer_id="bea", workflow="w", assessed_at=0)
    entries = [entry(first, 0), entry(second, 1), entry(said, 2)]
    assert newest_enrolments(entries) == {"ann": second}
    account = account_of(entries)
    assert account.person("ann").enrolment == second
    assert account.person("bea").enrolment is None
    text = enrolled_text([second])
    assert "law" in text and "inactive" in text
