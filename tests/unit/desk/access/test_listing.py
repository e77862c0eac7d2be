"""`hitl desk access` in words and for machines."""

import pytest

from infra.kafka.scan import Entry
from producers.desk.access.listing import KINDS, TITLES, Told, for_machines, for_people, told_in
from producers.desk.access.recording import AccessEvent
from schemas.events import PersonSignedOut, SessionsEnded
from schemas.publishing import EXAMPLES, example_event
from schemas.topics import ACCESS

FULL = [example_event(EXAMPLES / kind.__name__ / "v1.full.json") for kind in KINDS]


def entry(event: AccessEvent, at: int) -> Entry:
    return Entry(ACCESS.name, 0, at, at, event.reviewer_id.encode(), b"", event)


def left(number: int, who: str = "ann") -> PersonSignedOut:
    return PersonSignedOut(event_id=f"access:{number}", reviewer_id=who, happened_at=0)


def test_every_kind_of_the_topic_is_told() -> None:
    assert set(KINDS) == set(ACCESS.events)


@pytest.mark.parametrize("event", FULL, ids=lambda event: type(event).__name__)
def test_every_event_is_told_with_all_that_it_says(event: AccessEvent) -> None:
    told = Told(1_790_000_500_123, event)
    row, machine = for_people(told), for_machines(told)
    assert len(row) == len(TITLES) and row[1] == event.reviewer_id and row[2]
    said = " ".join(row)
    for name in ("how", "ended_by", "reason", "path", "address", "request_id", "what", "about"):
        assert str(getattr(event, name, "")) in said
    assert machine["event"] == type(event).__name__ and machine["written_at"] == "2026-09-21T14:21:40.123+00:00"
    assert {name: machine[name] for name in event.__struct_fields__}


def test_only_what_concerns_a_person_and_is_new_enough_once_each() -> None:
    ended = SessionsEnded(event_id="access:9", reviewer_id="ben", ended_by="ann", happened_at=0)
    entries = [entry(left(1), 10), entry(left(1), 11), entry(left(2, "ben"), 20), entry(ended, 30), entry(left(3), 40)]
    assert [told.event.event_id for told in told_in(entries, person=None, since=None)] == [
        "access:1", "access:2", "access:9", "access:3",
    ]  # fmt: skip
    assert [told.at for told in told_in(entries, person="ann", since=20)] == [30, 40]
