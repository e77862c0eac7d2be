"""Laws over random histories: of readings in any order, batches, aborts, deadlines and answers of every kind."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import (
    AuditAnswered,
    AuditExpired,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    DecisionMade,
    DecisionRefused,
    Event,
    ReviewDecided,
)
from schemas.topics import REVIEW_DECISIONS
from schemas.values import Coordinates, SampleKind
from streams.casework.case import BrokenHistory, CaseEvent, evolve
from tests.unit.casework.driver import HOUR, START, Said, Table, decision, expert_review, kinds, request_ids, review
from tests.unit.casework.replaying import fold, replayed

IDS = request_ids(0, 3)
TOPICS = ("review.normal", "expert", REVIEW_DECISIONS.name)
ACTIONS = ("approve", "reject", "escalate", "mark_wrong", "nonsense")


def act(draw: st.DrawFn, table: Table) -> None:
    """One random thing happens at the table."""
    match draw(st.sampled_from(["ask", "answer", "answer", "read", "read", "read", "batch", "abort", "tick", "clock"])):
        case "ask":
            asked = review(draw(st.sampled_from(IDS)), kind=draw(kinds), due_at=draw(st.none() | st.just(START + HOUR)))
            table.write("review.normal", asked)
            if draw(st.integers(0, 3)) == 0:
                table.write("expert", expert_review(draw(st.sampled_from(IDS))))
        case "answer":
            table.write(REVIEW_DECISIONS.name, draw(answers(table)))
        case "read":
            table.read_all(draw(st.sampled_from(TOPICS)))
        case "batch":
            table.read(unread(table))
        case "abort":
            table.read(unread(table), commit=False)
            table.tick(commit=False)
        case "tick":
            table.tick()
        case "clock":
            table.lane.now += draw(st.sampled_from([1, HOUR, 800 * HOUR]))
            table.tick()


@st.composite
def answers(draw: st.DrawFn, table: Table) -> ReviewDecided:
    """Mostly a good answer at the right place, read by casework or not yet; at times anything."""
    topic = draw(st.sampled_from(TOPICS[:2]))
    if not table.topics[topic] or draw(st.integers(0, 5)) == 0:
        place = Coordinates(topic=topic, partition=0, offset=draw(st.integers(0, 6)))
        action, label = draw(st.sampled_from(ACTIONS)), draw(st.sampled_from([None, "hate"]))
        confidence = draw(st.sampled_from([0.5, 2.0]))
        return decision(place, action, request_id=draw(st.sampled_from(IDS)), label=label, confidence=confidence)
    offset = draw(st.integers(0, len(table.topics[topic]) - 1))
    asked = table.topics[topic][offset][0].decode()
    action = draw(st.sampled_from(["approve", "reject", "escalate", "mark_wrong"]))
    place = Coordinates(topic=topic, partition=0, offset=offset)
    return decision(place, action, request_id=asked, label="hate" if action == "reject" else None)


def unread(table: Table) -> list[tuple[str, int]]:
    return [(topic, n) for topic in TOPICS for n in range(table.reached[topic], len(table.topics[topic]))]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    table = Table(0)
    for request_id in IDS:
        table.write("review.normal", review(request_id, kind=draw(kinds), due_at=START + HOUR))
    for _ in range(draw(st.integers(5, 30))):
        act(draw, table)
    while unread(table):  # what was held is read in the end
        for topic in TOPICS:
            table.read_all(topic)
    return table


def lives(table: Table) -> list[Event]:
    """Events up to the first time a case was forgotten: after that, its request id may begin anew."""
    until = next((n for n, o in enumerate(table.outgoing) if o.event is None), len(table.outgoing))
    return [o.event for o in table.outgoing[:until] if o.event is not None]


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_no_history_accepts_two_answers_for_a_case(table: Table) -> None:
    events = lives(table)
    for kind in (CaseOpened, CaseClosed, DecisionMade, AuditAnswered, AuditExpired, CaseEscalated, CaseAnnounced):
        counts = Counter(e.request_id for e in events if isinstance(e, kind))
        assert set(counts.values()) <= {1}, kind
    outcomes = {e.request_id for e in events if isinstance(e, DecisionMade)}
    audited = {
        e.request_id for e in events if isinstance(e, AuditAnswered | AuditExpired) and e.kind is SampleKind.AUDIT
    }
    assert not outcomes & audited
    assert outcomes | audited == {e.request_id for e in events if isinstance(e, CaseClosed)}


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_every_answer_is_accepted_or_refused_exactly_once(table: Table) -> None:
    refused = [e.cause.offset for e in table.events if isinstance(e, DecisionRefused)]
    moved = [
        e.cause.offset
        for e in table.events
        if isinstance(e, CaseClosed | CaseEscalated) and e.cause.topic == REVIEW_DECISIONS.name
    ]
    assert sorted(refused + moved) == list(range(len(table.topics[REVIEW_DECISIONS.name])))


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_a_case_is_the_fold_of_its_events(table: Table) -> None:
    assert table.cases() == table.lane.state.committed == fold(table.history())


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_replaying_the_same_messages_gives_the_same_bytes(table: Table) -> None:
    replayed(table)


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_event_ids_are_never_given_twice(table: Table) -> None:
    made = [(type(e).__name__, e.event_id) for e in lives(table) if hasattr(e, "event_id")]
    assert len(made) == len(set(made))


@given(table=tables(), times=st.integers(2, 3))
@settings(max_examples=60, deadline=None)
def test_folding_a_history_twice_is_folding_it_once(table: Table, times: int) -> None:
    assert fold(table.history(), times) == fold(table.history())


@given(table=tables())
@settings(max_examples=60, deadline=None)
def test_a_whole_history_folded_again_changes_nothing(table: Table) -> None:
    history, cases = table.history(), fold(table.history())
    forgotten = {change for change in history if isinstance(change, str)}  # their ids may have begun a second life
    for change in history:
        if not isinstance(change, str) and change[0].request_id not in forgotten:
            case = cases[change[0].request_id]
            assert evolve(case, *change) == case


def changes_of_one_case() -> list[tuple[CaseEvent, Said]]:
    table = Table(0)
    table.answer(decision(table.announce(review()), "escalate"))
    table.read_all("expert")
    return [change for change in table.history() if not isinstance(change, str)]


def test_a_missing_event_breaks_the_history() -> None:
    opened, escalated, announced = changes_of_one_case()
    with pytest.raises(BrokenHistory, match="before the one it follows"):
        evolve(evolve(None, *opened), *announced)
    with pytest.raises(BrokenHistory, match="before the one it follows"):
        evolve(None, *escalated)


def test_an_event_without_its_announcement_breaks_the_history() -> None:
    (opened, first), (escalated, _), _ = changes_of_one_case()
    with pytest.raises(BrokenHistory, match="without its announcement"):
        evolve(None, opened)
    with pytest.raises(BrokenHistory, match="without its announcement"):
        evolve(evolve(None, opened, first), escalated, first)
