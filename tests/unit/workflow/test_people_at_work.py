"""What people do about a case in the story of its request: leases, answers that wait or are not the last, returns."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given

from schemas import events as e
from schemas import values as v
from schemas.publishing import EXAMPLES, example_event
from streams.workflow.sentences import sentence
from streams.workflow.states import State, Trigger
from streams.workflow.story import Record, RequestStory, Status
from streams.workflow.timeline import TOLD, story_of
from tests.unit.workflow.histories import ANNOUNCED, COMMON, GROUNDS, HERE, T0, histories

# Who looked at a request, and who sent its dead letter again, is told of these people (`hitl desk access`, the desk).
ELSEWHERE = {e.CaseSnapshot, e.RequestViewed, e.DeadLetterReplayed}
OF_REQUESTS = [kind for kind in e.EVENT_TYPES if "request_id" in kind.__struct_fields__ and kind not in ELSEWHERE]
BESIDE = (
    e.CaseActionRequested, e.CommandRefused, e.CaseReprioritised, e.LeaseGranted, e.LeaseExtended, e.LeaseEnded,
    e.CaseHeld, e.HoldEnded, e.CaseNoted, e.AnswerReceived, e.AnswerWithdrawn, e.AnswerCounted, e.OverlapAnswered,
    e.DecisionValidated,
)  # fmt: skip


@pytest.mark.parametrize("kind", OF_REQUESTS, ids=lambda kind: kind.__name__)
def test_every_event_of_a_request_is_told_in_a_sentence(kind: type[Any]) -> None:
    examples = sorted((EXAMPLES / kind.__name__).glob("*.json"))
    assert examples, kind
    for path in examples:
        said = sentence(example_event(path))
        assert said.endswith(".") and said != kind.__name__, said
    assert kind in TOLD


@pytest.mark.parametrize("by", v.EscalatedBy)
def test_every_way_to_an_expert_has_its_words(by: v.EscalatedBy) -> None:
    assert "None" not in sentence(case(e.CaseEscalated, 2, revision=2, escalated_by=by).event)


@given(histories())
def test_work_on_a_case_changes_nothing_about_where_its_request_stands(records: list[Record]) -> None:
    whole = story(records)
    without = story([record for record in records if not isinstance(record.event, BESIDE)])
    for name in ("state", "status", "transitions", "outcome", "label", "appeal", "audit", "progress", "created_at"):
        assert getattr(whole, name) == getattr(without, name)


def story(records: Sequence[Record]) -> RequestStory:
    found = story_of(records)
    assert found is not None
    return found


def case(kind: type[Any], sequence: int, *, revision: int = 1, **fields: Any) -> Record:
    numbers = {"sequence": sequence, "revision": revision, "cause": HERE, "occurred_at": T0 + 10 * sequence}
    return Record(kind(event_id=f"case:r:{sequence}", **COMMON | numbers | fields), T0)


def review(revision: int, at: int) -> Record:
    asked = e.ReviewRequested(
        event_id=f"review:r:{revision}", **ANNOUNCED, revision=revision, priority=v.Priority.NORMAL, reason="why",
        created_at=at, due_at=at + 1_000,
    )  # fmt: skip
    return Record(asked, at)


def decision(by: v.DecidedBy, **more: Any) -> Record:
    made = e.DecisionMade(
        event_id="outcome:r", **COMMON, request=HERE, outcome=v.Outcome.APPROVED, label="yes", decided_by=by,
        confidence=1.0, grounds=GROUNDS, requested_at=T0, decided_at=T0 + 100, **more,
    )  # fmt: skip
    return Record(made, T0)


def opened(stage: v.CaseStage) -> Record:
    return case(e.CaseOpened, 1, stage=stage, review=HERE, priority=v.Priority.NORMAL, sealed=b"")


ESCALATED = case(e.CaseEscalated, 2, revision=2, escalated_by=v.EscalatedBy.DISAGREEMENT)
RETURNED = case(e.CaseReturned, 3, revision=3, reviewer_id="eva", note="the invoice is missing")
RETURNED_TO_REVIEWERS = [opened(v.CaseStage.HUMAN), ESCALATED, RETURNED, review(3, T0 + 31)]


def test_a_returned_case_waits_for_reviewers_again() -> None:
    found = story(RETURNED_TO_REVIEWERS)
    assert (found.state, found.status, found.expected_by) == (State.EXPERT_REVIEW, Status.PENDING_HUMAN, T0 + 1_031)
    assert "eva returned the case to reviewers: the invoice is missing." in [m.text for m in found.timeline]


def test_a_returned_case_that_the_policy_had_sent_to_an_expert_waits_for_reviewers_too() -> None:
    found = story([opened(v.CaseStage.EXPERT), case(e.CaseReturned, 2, revision=2, reviewer_id="eva")])
    assert found.status is Status.PENDING_HUMAN
    again = case(e.CaseEscalated, 3, revision=3, escalated_by=v.EscalatedBy.TIMEOUT)
    found = story([opened(v.CaseStage.EXPERT), case(e.CaseReturned, 2, revision=2, reviewer_id="eva"), again])
    assert (found.status, found.expected_by) == (Status.ESCALATED, None)


def test_a_reviewers_answer_to_a_returned_case_completes_the_request() -> None:
    found = story([*RETURNED_TO_REVIEWERS, decision(v.DecidedBy.REVIEWER)])
    assert (found.state, found.status, found.label) == (State.COMPLETED, Status.APPROVED, "yes")
    assert [t.trigger for t in found.transitions][-2:] == [Trigger.ESCALATE_TO_EXPERT, Trigger.EXPERT_DECISION]


def test_a_case_with_another_priority_stands_where_it_stood() -> None:
    records = [review(1, T0), opened(v.CaseStage.HUMAN)]
    changed = case(e.CaseReprioritised, 2, revision=2, reviewer_id="lea", priority=v.Priority.URGENT, note="a VIP")
    found = story([*records, changed, review(2, T0 + 21)])
    assert (found.status, found.transitions) == (Status.PENDING_HUMAN, story(records).transitions)
    assert found.expected_by == T0 + 1_021
    assert "lea gave the case urgent priority: a VIP." in [moment.text for moment in found.timeline]


def test_an_outcome_of_several_people_names_them_all() -> None:
    made = decision(v.DecidedBy.REVIEWER, reviewer_id="bob", reviewers=("ann", "bob"))
    assert sentence(made.event) == "The outcome is approved: ann, bob answered, in the end yes."


def gold_answered(label: str) -> Record:
    answered = e.GoldAnswered(
        event_id="gold:r", **COMMON, gold_id="g1", reviewer_id="ann", label=label, right_label="yes",
        agrees=label == "yes", confidence=1.0, cause=HERE, answered_at=T0 + 20,
    )  # fmt: skip
    return Record(answered, T0)


@pytest.mark.parametrize(("label", "trigger"), [("yes", Trigger.HUMAN_APPROVED), ("no", Trigger.HUMAN_REJECTED)])
def test_a_question_whose_answer_is_known_has_no_outcome(label: str, trigger: Trigger) -> None:
    asked = [review(1, T0), opened(v.CaseStage.HUMAN)]
    assert story(asked).gold is None, "it looks like any other case"
    closed = case(e.CaseClosed, 2, closed_by=v.ClosedBy.REVIEWER, reviewer_id="ann", label=label)
    assert (story([*asked, closed]).state, story([*asked, closed]).status) == (State.COMPLETED, None)
    found = story([*asked, closed, gold_answered(label)])
    assert found.gold is not None
    assert (found.gold.gold_id, found.gold.agrees) == ("g1", label == "yes")
    assert (found.state, found.status, found.outcome) == (State.COMPLETED, None, None)
    assert found.transitions[-1].trigger is trigger
    assert story([gold_answered(label)]).status is None, "whoever reads `audits` alone is not told that it waits"


def test_a_question_that_nobody_answers_ends_without_a_status() -> None:
    closed = case(e.CaseClosed, 2, closed_by=v.ClosedBy.EXPIRED)
    found = story([review(1, T0), opened(v.CaseStage.HUMAN), closed])
    assert (found.state, found.status) == (State.FAILED, None)


def test_validation_leaves_the_outcome_until_an_expert_amends_it() -> None:
    standing = v.StandingDecision(
        original="outcome:r", outcome=v.Outcome.APPROVED, label="yes", decided_by=v.DecidedBy.REVIEWER
    )
    reopened = case(e.CaseReopened, 3, revision=2, reopened_by=v.ReopenedBy.VALIDATION, standing=standing)
    records = [review(1, T0), opened(v.CaseStage.HUMAN), decision(v.DecidedBy.REVIEWER), reopened]
    assert (story(records).state, story(records).status) == (State.COMPLETED, Status.APPROVED)
    assert story(records).appeal is None


def test_the_outcome_says_what_was_decided_before_the_end_of_its_case_does() -> None:
    closed = case(e.CaseClosed, 10, closed_by=v.ClosedBy.REVIEWER, label="yes")
    found = story([closed, decision(v.DecidedBy.REVIEWER), opened(v.CaseStage.HUMAN)])
    assert (found.transitions[-1].trigger, found.status) == (Trigger.HUMAN_APPROVED, Status.APPROVED)


def test_changes_of_a_case_in_the_same_millisecond_are_told_by_their_numbers() -> None:
    person = {"reviewer_id": "ann", "decision_id": "d"}
    changes: list[tuple[type[Any], dict[str, Any]]] = [
        (e.CaseOpened, {"stage": v.CaseStage.HUMAN, "review": HERE, "priority": v.Priority.NORMAL, "sealed": b""}),
        (e.AnswerReceived, person | {"leaves_at": T0}),
        (e.AnswerWithdrawn, person),
        (e.LeaseGranted, {"reviewer_id": "ann", "lease": 4, "expires_at": T0}),
        (e.LeaseEnded, {"reviewer_id": "ann", "lease": 4, "ended_by": v.EndedBy.RELEASED}),
        (e.CaseEscalated, {"escalated_by": v.EscalatedBy.TIMEOUT}),
    ]
    records = [case(kind, n, occurred_at=T0, **fields) for n, (kind, fields) in enumerate(changes, start=1)]
    expected = [kind.__name__ for kind, _ in changes]
    for told in (records, records[::-1]):
        assert [moment.event for moment in story(told).timeline] == expected
