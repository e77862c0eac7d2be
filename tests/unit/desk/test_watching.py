"""Which changes concern a person who watches only their own, and how a change is printed."""

from infra.kafka.scan import Entry
from producers.desk.watching import InHand, for_machines, for_people, held_by
from schemas.events import (
    CaseClosed,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseSnapshot,
    CommandRefused,
    Event,
    LeaseEnded,
    LeaseGranted,
)
from schemas.topics import ASSIGNMENTS, CASES
from schemas.values import (
    CaseStage,
    ClosedBy,
    Coordinates,
    DecidedBy,
    EndedBy,
    Lease,
    Outcome,
    Priority,
    ReopenedBy,
    StandingDecision,
)
from tests.support.recorded import START, Recorded

AT = Coordinates(topic=ASSIGNMENTS.name, partition=0, offset=0)
FRAME = {"event_id": "e", "workflow": "w", "sequence": 2, "revision": 1, "cause": AT, "occurred_at": START}


def granted(request_id: str, who: str, by: str | None = None) -> LeaseGranted:
    return LeaseGranted(
        **FRAME, request_id=request_id, reviewer_id=who, lease=2, expires_at=0, handed_over_by=by  # type: ignore[arg-type]
    )  # fmt: skip


def ended(request_id: str, who: str) -> LeaseEnded:
    return LeaseEnded(**FRAME, request_id=request_id, reviewer_id=who, lease=2, ended_by=EndedBy.EXPIRED)  # type: ignore[arg-type]


def closed(request_id: str, who: str) -> CaseClosed:
    return CaseClosed(**FRAME, request_id=request_id, closed_by=ClosedBy.REVIEWER, reviewer_id=who)  # type: ignore[arg-type]


def urgent(request_id: str, by: str) -> CaseReprioritised:
    return CaseReprioritised(**FRAME, request_id=request_id, reviewer_id=by, priority=Priority.URGENT)  # type: ignore[arg-type]


def refused(request_id: str, who: str) -> CommandRefused:
    return CommandRefused(
        event_id="e", request_id=request_id, sequence=0, cause=AT, occurred_at=0, command_id="c", reviewer_id=who,
        action="claim", reason="already_leased", detail="d",
    )  # fmt: skip


def test_a_person_hears_of_what_they_do_and_of_what_happens_to_cases_that_they_have() -> None:
    hand = InHand("ann")
    told: list[tuple[Event, bool]] = [
        (granted("a", "bea"), False), (refused("a", "ann"), True), (urgent("a", "lea"), False),
        (granted("b", "ann"), True), (urgent("b", "lea"), True), (refused("b", "bea"), True),
        (granted("b", "bea", by="ann"), True), (closed("b", "bea"), False),
        (granted("a", "ann", by="bea"), True), (ended("a", "ann"), True), (granted("a", "bea"), False),
    ]  # fmt: skip
    assert [hand.concerns(event) for event, _ in told] == [right for _, right in told]


def test_what_a_person_has_when_they_begin_to_watch_is_theirs() -> None:
    log = Recorded()
    log.opened("a", log.request("a"))
    snapshot = next(entry.event for entry in log.entries if entry.topic == CASES.name)
    assert isinstance(snapshot, CaseSnapshot)
    lease = Lease(token=2, reviewer_id="ann", granted_at=0, expires_at=START)
    fields = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    mine = CaseSnapshot(**{**fields, "lease": lease})
    assert InHand("ann", held_by("ann", [mine])).concerns(urgent("a", "lea"))
    assert not InHand("bea", held_by("bea", [mine])).concerns(urgent("a", "lea"))


def test_a_change_is_a_sentence_for_people_and_an_object_for_machines_without_what_is_sealed() -> None:
    opened = CaseOpened(
        **FRAME, request_id="a", stage=CaseStage.HUMAN, review=AT, priority=Priority.NORMAL, sealed=b"s"  # type: ignore[arg-type]
    )  # fmt: skip
    entry = Entry(ASSIGNMENTS.name, 1, 7, START, b"a", b"", opened)
    assert for_people(entry) == "22:13:20.000  a  The case was opened for a reviewer."
    shown = for_machines(entry)
    assert (shown["event"], shown["text"], shown["at"]) == (
        "CaseOpened", "The case was opened for a reviewer.", START,
    )  # fmt: skip
    assert shown["request_id"] == "a" and "sealed" not in shown


def test_a_validation_is_told_without_what_stands() -> None:
    standing = StandingDecision(original="o", outcome=Outcome.REJECTED, label="hate", decided_by=DecidedBy.REVIEWER)
    for by, shown in ((ReopenedBy.VALIDATION, False), (ReopenedBy.APPEAL, True)):
        reopened = CaseReopened(**FRAME, request_id="r", reopened_by=by, standing=standing)  # type: ignore[arg-type]
        told = for_machines(Entry(ASSIGNMENTS.name, 0, 0, START, b"r", b"", reopened))
        assert ("standing" in told, "reopened_by" in told, "hate" in str(told)) == (shown, shown, shown)

