"""What the clock alone does to cases."""

from schemas.events import AuditExpired, CaseClosed, CaseEscalated, CaseSnapshot, DecisionRefused, ExpertReviewRequested
from schemas.topics import CASES, EXPERT, REVIEW_DECISIONS
from schemas.values import CaseStatus, ClosedBy, EscalatedBy, SampleKind
from streams.casework.cases import STUB_KEPT
from streams.casework.stage import MAX_TIMEOUTS
from tests.unit.casework.driver import HOUR, START, Table, decision, expert_review, request_ids, review
from tests.unit.casework.replaying import fold

DEADLINE = START + 24 * HOUR


def at(table: Table, now: int) -> Table:
    table.lane.now = now
    return table


def test_nothing_is_due_before_the_deadline() -> None:
    table = Table(0)
    table.announce(review())
    assert at(table, DEADLINE - 1).tick() == []


def test_a_review_past_its_deadline_goes_to_an_expert_once() -> None:
    table = Table(0)
    place = table.announce(review())
    made = at(table, DEADLINE).tick()
    assert [type(event) for event in made] == [ExpertReviewRequested, CaseEscalated, CaseSnapshot]
    assert isinstance(made[1], CaseEscalated)
    assert (made[1].escalated_by, made[1].answer, made[1].occurred_at) == (EscalatedBy.TIMEOUT, None, DEADLINE)
    assert made[1].cause == place
    assert at(table, DEADLINE + HOUR).tick() == []


def test_a_late_answer_is_refused_as_superseded() -> None:
    table = Table(0)
    place = table.announce(review())
    at(table, DEADLINE).tick()
    (refused,) = table.answer(decision(place))
    assert isinstance(refused, DecisionRefused)
    assert refused.reason == "superseded"


def test_an_answer_that_waited_through_a_standstill_comes_before_the_clock() -> None:
    table = Table(0)
    first, second = table.announce(review()), table.announce(review("r6"))
    table.write(REVIEW_DECISIONS.name, decision(first))  # in time, but casework stood still
    assert at(table, DEADLINE + HOUR).tick() == []
    late = table.write(REVIEW_DECISIONS.name, decision(second, request_id="r6"))  # after the deadline
    table.read([(REVIEW_DECISIONS.name, late.offset - 1)])
    escalated = [event for event in table.tick() if isinstance(event, CaseEscalated)]
    assert [event.request_id for event in escalated] == ["r6"]
    assert table.cases()["r"].status is CaseStatus.CLOSED


def test_a_case_without_a_deadline_waits_for_ever() -> None:
    table = Table(0)
    table.announce(review(due_at=None))
    assert at(table, DEADLINE * 2).tick() == []


def test_an_experts_case_never_times_out() -> None:
    table = Table(0)
    table.announce(expert_review())
    assert at(table, DEADLINE * 2).tick() == []
    place = table.announce(review("r6"))
    table.answer(decision(place, "escalate", request_id="r6"))
    table.read_all(EXPERT.name)
    assert at(table, DEADLINE * 3).tick() == []


def test_an_audit_expires_and_makes_no_outcome() -> None:
    table = Table(0)
    table.announce(review(kind=SampleKind.AUDIT))
    made = at(table, DEADLINE).tick()
    assert [type(event) for event in made] == [AuditExpired, CaseClosed, CaseSnapshot]
    assert isinstance(made[1], CaseClosed)
    assert (made[1].closed_by, made[1].label) == (ClosedBy.EXPIRED, None)


def test_an_audit_expires_with_the_expert_too_even_before_it_was_announced_there() -> None:
    for announced in (True, False):
        table = Table(0)
        table.answer(decision(table.announce(review(kind=SampleKind.AUDIT)), "escalate"))
        if announced:
            table.read_all(EXPERT.name)
        made = at(table, DEADLINE).tick()
        assert [type(event) for event in made] == [AuditExpired, CaseClosed, CaseSnapshot]
        assert table.read_all(EXPERT.name) == []
        assert table.cases() == fold(table.history())


def test_a_blind_review_past_its_deadline_stays_blind_with_the_expert() -> None:
    table = Table(0)
    table.announce(review(kind=SampleKind.BLIND))
    asked = at(table, DEADLINE).tick()[0]
    assert isinstance(asked, ExpertReviewRequested)
    assert asked.recommendation is None


def test_an_aborted_tick_is_done_again() -> None:
    table = Table(0)
    table.announce(review())
    at(table, DEADLINE).tick(commit=False)
    assert len(table.tick()) == 3


def test_a_deadline_waits_while_the_answer_is_in_the_open_transaction() -> None:
    table = Table(0)
    place = table.announce(review())
    table.write("review-decisions", decision(place))
    table.stage.handle([table.message("review-decisions", 0)], {0: table.lane}, table.config)
    at(table, DEADLINE)
    assert table.stage.tick(table.lane, table.config).outgoing == []
    table.lane.state.discard()
    assert table.tick() == []  # it is in the log all the same, and will be read again
    (closed,) = [e for e in table.read_all("review-decisions") if isinstance(e, CaseClosed)]
    assert closed.closed_by is ClosedBy.REVIEWER
    assert table.tick() == []


def test_one_tick_does_a_bounded_piece_of_work_the_earliest_first() -> None:
    table = Table(0)
    ids = request_ids(0, MAX_TIMEOUTS + 20)
    for number, request_id in enumerate(reversed(ids)):
        table.write("review.normal", review(request_id, due_at=DEADLINE - number // 2))
    table.read_all("review.normal")
    first, second = at(table, DEADLINE).tick(), table.tick()
    escalated = [e.request_id for e in (*first, *second) if isinstance(e, CaseEscalated)]
    assert len([e for e in first if isinstance(e, CaseEscalated)]) == MAX_TIMEOUTS
    assert sorted(escalated) == sorted(ids)
    due = {request_id: DEADLINE - number // 2 for number, request_id in enumerate(reversed(ids))}
    assert escalated == sorted(escalated, key=lambda request_id: (due[request_id], request_id))


def test_a_finished_case_is_forgotten_after_thirty_days() -> None:
    table = Table(0)
    place = table.announce(review())
    table.answer(decision(place))
    at(table, START + STUB_KEPT - 1).tick()
    assert table.lane.state.get("r") is not None
    at(table, START + STUB_KEPT).tick()
    assert (table.outgoing[-1].topic, table.outgoing[-1].key, table.outgoing[-1].event) == (CASES.name, b"r", None)
    assert table.lane.state.get("r") is None
    (refused,) = table.answer(decision(place))
    assert isinstance(refused, DecisionRefused)
    assert refused.reason == "unknown_case"
