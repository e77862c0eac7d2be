"""What people say about a case, and what casework says to it: matched by the record that caused it, waited for."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.kafka.log import Record
from infra.kafka.scan import Entry
from producers.desk import asking
from producers.desk.asking import FURTHER, Door, NotJudged
from producers.desk.commanding import Carried, carried, carry_out
from producers.desk.deciding import decide, judged
from producers.desk.rulings import Rulings
from producers.desk.shown import carried_text, judgement_text
from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseActionRequested,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DecisionRefused,
    Event,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    ReviewDecided,
)
from schemas.topics import ASSIGNMENTS, REVIEW_DECISIONS, Outgoing
from schemas.values import ClosedBy, Coordinates, EndedBy, EscalatedBy, Priority
from tests.support.recorded import CODEC, START, Recorded

REVIEW = Coordinates(topic="review.normal", partition=0, offset=7)
MINE = ReviewDecided(decision_id="d1", request_id="a", review=REVIEW, reviewer_id="ann", action="approve")
AT = Coordinates(topic=REVIEW_DECISIONS.name, partition=1, offset=0)
CHANGE: Mapping[str, object] = {
    "event_id": "e", "request_id": "a", "workflow": "w", "sequence": 2, "revision": 1, "occurred_at": 0,
}  # fmt: skip


def refused(decision_id: str = "d1") -> DecisionRefused:
    return DecisionRefused(
        event_id="e", request_id="a", sequence=0, cause=AT, occurred_at=0, decision_id=decision_id,
        reviewer_id="ann", reason="finished", detail="take the next one",
    )  # fmt: skip


def closed(cause: Coordinates = AT) -> CaseClosed:
    return CaseClosed(**CHANGE, cause=cause, closed_by=ClosedBy.REVIEWER, label="approve")  # type: ignore[arg-type]


def escalated() -> CaseEscalated:
    return CaseEscalated(**CHANGE, cause=AT, escalated_by=EscalatedBy.PERSON)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "became"),
    [
        (refused(), "refused"), (closed(), "closed"), (escalated(), "escalated"),
        (refused("another's"), None), (closed(REVIEW), None), (MINE, None),
    ],
)  # fmt: skip
def test_a_change_says_what_became_of_the_answer_that_caused_it(event: Event, became: str | None) -> None:
    log = Recorded()
    log.append(ASSIGNMENTS.name, b"a", b"", event)
    found = judged(log.entries[0], MINE, AT)
    assert (found.became if found else None) == became
    if found is not None:
        assert judgement_text(found).startswith("refused" if became == "refused" else "accepted")



WANTED = CaseActionRequested(command_id="c1", request_id="a", reviewer_id="ann", action="claim")


def change(kind: Callable[..., Event], cause: Coordinates = AT, **fields: Any) -> Event:
    return kind(**{**CHANGE, "cause": cause, **fields})


def refused_command(cause: Coordinates = AT) -> Event:
    return CommandRefused(
        event_id="e", request_id="a", sequence=0, cause=cause, occurred_at=0, command_id="c1", reviewer_id="ann",
        action="claim", reason="already_leased", detail="'bea' has the case",
    )  # fmt: skip


GRANTED = change(LeaseGranted, reviewer_id="ann", lease=7, expires_at=START)
TOLD: list[tuple[Event, str, str]] = [
    (GRANTED, "granted", "ann has a until 2023-11-14 22:13:20Z (lease 7)"),
    (change(LeaseGranted, reviewer_id="bea", lease=7, expires_at=START, handed_over_by="ann"), "handed_over",
     "bea has a now, until 2023-11-14 22:13:20Z (lease 7)"),
    (change(LeaseExtended, reviewer_id="ann", lease=7, expires_at=START), "extended", "ann has a until 2023"),
    (change(LeaseEnded, reviewer_id="ann", lease=7, ended_by=EndedBy.RELEASED), "released", "a is free again"),
    (change(HoldEnded, reviewer_id="ann", ended_by=EndedBy.RELEASED), "released", "a is free again"),
    (change(CaseHeld, reviewer_id="ann", resumes_at=START), "held", "a is set aside until 2023-11-14 22:13:20Z"),
    (change(CaseNoted, reviewer_id="ann", note="n"), "noted", "the note stands beside a"),
    (change(CaseReprioritised, reviewer_id="ann", priority=Priority.LOW), "reprioritised", "a has low priority now"),
    (change(CaseReturned, reviewer_id="ann"), "returned", "a is back with reviewers"),
    (refused_command(), "refused", "refused: already_leased ('bea' has the case)"),
]  # fmt: skip


def entry_of(event: Event) -> Entry:
    log = Recorded()
    log.append(ASSIGNMENTS.name, b"a", b"", event)
    return log.entries[0]


@pytest.mark.parametrize(("event", "became", "text"), TOLD)
def test_a_change_says_what_became_of_the_command_that_caused_it(event: Event, became: str, text: str) -> None:
    made = carried(entry_of(event), WANTED, AT)
    assert made is not None
    assert (made.became, made.accepted) == (became, became != "refused")
    assert carried_text(made).startswith(text)
    assert carried(entry_of(event), WANTED, REVIEW) is None, "another command caused it"


def test_an_answer_in_its_grace_or_beside_others_is_told_as_that() -> None:
    received = judged(entry_of(change(AnswerReceived, reviewer_id="ann", decision_id="d1", leaves_at=START)), MINE, AT)
    assert received is not None and received.became == "received"
    assert "until then `hitl cases undo a` takes it back" in judgement_text(received)
    counted = judged(entry_of(change(AnswerCounted, reviewer_id="ann", decision_id="d1", answers=2)), MINE, AT)
    assert counted is not None and "counts as answer 2 of a" in judgement_text(counted)


class Casework:
    """Implements `infra.kafka.writing.Writing`: says these things as soon as something is written."""

    def __init__(self, *says: Event) -> None:
        self._says = says
        self.rulings = Rulings(CODEC)

    @property
    def door(self) -> Door:
        return Door(self.rulings, self)

    def write(self, outgoing: Outgoing) -> Coordinates:
        for number, event in enumerate(self._says):
            record = Record(ASSIGNMENTS.name, 0, number, START, outgoing.key, CODEC.encode(event))
            self.rulings.take([record])
        return AT


@pytest.mark.parametrize(("event", "became"), [(closed(), "closed"), (refused(), "refused")])
def test_deciding_waits_for_the_judgement(event: Event, became: str) -> None:
    made = decide(Casework(closed(REVIEW), event).door, MINE)
    assert (made.became, made.accepted) == (became, became != "refused")


def test_the_last_word_of_a_transaction_counts() -> None:
    counted = change(AnswerCounted, reviewer_id="ann", decision_id="d1", answers=2)
    assert decide(Casework(counted, escalated()).door, MINE).became == "escalated", "people disagree"
    withdrawn = change(AnswerWithdrawn, reviewer_id="ann", decision_id="d1")
    undo = CaseActionRequested(command_id="c1", request_id="a", reviewer_id="ann", action="undo")
    made: Carried = carry_out(Casework(withdrawn, GRANTED).door, undo)
    assert (made.became, made.holder, made.lease) == ("withdrawn", "ann", 7)
    assert carried_text(made).startswith("the answer is taken back; ann has a again until")


def test_nobody_waits_for_more_after_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patient:
        patient.setattr(asking, "FURTHER", 30.0)
        began = time.monotonic()
        assert decide(Casework(closed()).door, MINE).became == "closed"
        assert carry_out(Casework(GRANTED).door, WANTED).became == "granted"
        assert time.monotonic() - began < asking.FURTHER
    began = time.monotonic()
    counted = change(AnswerCounted, reviewer_id="ann", decision_id="d1", answers=2)
    assert decide(Casework(counted).door, MINE).became == "counted"
    assert time.monotonic() - began >= FURTHER, "people may disagree"


def test_without_casework_nobody_claims_a_judgement() -> None:
    with pytest.raises(NotJudged):
        decide(Casework().door, MINE, patience_seconds=0.05)
