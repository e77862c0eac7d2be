"""The story of a request: two tellings agree, order and repeats do not matter, and it says what people must know."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import events as e
from schemas import values as v
from streams.workflow.states import PROGRESS, State, Trigger
from streams.workflow.story import AuditStatus, Record, RequestStory, Status
from streams.workflow.timeline import story_of
from tests.support.timeline import told
from tests.unit.workflow.histories import COMMON, GROUNDS, HERE, T0, History, histories


def story(records: Sequence[Record]) -> RequestStory:
    found = story_of(records)
    assert found is not None
    return found


@settings(max_examples=200)
@given(histories())
def test_two_independent_tellings_agree(records: list[Record]) -> None:
    one, other = story(records), told(records)
    assert {
        "state": one.state.value,
        "status": one.status.value if one.status else None,
        "progress": one.progress,
        "transitions": [(t.from_state.value, t.to_state.value, t.trigger.value, t.at) for t in one.transitions],
        "updated_at": one.updated_at,
        "moments": [moment.at for moment in one.timeline],
    } == other


@settings(max_examples=50)
@given(histories(), st.randoms())
def test_order_and_repeats_make_no_difference(records: list[Record], random: Random) -> None:
    shuffled = records * 2
    random.shuffle(shuffled)
    assert story(shuffled) == story(records)


@given(histories())
def test_transitions_are_one_chain_and_progress_never_falls(records: list[Record]) -> None:
    found = story(records)
    states = [State.STARTED, *(t.to_state for t in found.transitions)]
    assert [t.from_state for t in found.transitions] == states[:-1]
    assert found.state is states[-1]
    assert [PROGRESS[s] for s in states] == sorted(PROGRESS[s] for s in states)
    assert (found.status is None) is (found.state is State.FAILED)
    assert (found.outcome is None) is (found.state is not State.COMPLETED)


def test_nothing_is_told_without_records() -> None:
    assert story_of([]) is None


REQUESTED = Record(e.DecisionRequested(**COMMON), T0)


def case_opened(stage: v.CaseStage) -> Record:
    opened = e.CaseOpened(
        event_id="case:r:1", **COMMON, sequence=1, revision=1, cause=HERE, occurred_at=T0 + 5, stage=stage,
        review=HERE, priority=v.Priority.HIGH, due_at=T0 + 99, sealed=b"",
    )  # fmt: skip
    return Record(opened, T0 + 6)


def test_new_request_waits_for_the_model() -> None:
    found = story([REQUESTED])
    assert (found.state, found.status, found.progress) == (State.STARTED, Status.PENDING_AI, 0)
    assert (found.request_id, found.workflow, found.created_at, found.updated_at) == ("r", "posts", T0, T0)
    assert [moment.text for moment in found.timeline] == ["A decision was asked for."]


def test_reader_who_sees_only_requests_cases_and_outcomes_gets_the_same_state() -> None:
    found = story([REQUESTED, case_opened(v.CaseStage.HUMAN)])
    assert (found.state, found.status, found.expected_by) == (State.HUMAN_REVIEW, Status.PENDING_HUMAN, T0 + 99)
    assert [t.trigger for t in found.transitions][-1] is Trigger.HUMAN_REVIEW
    expert = story([REQUESTED, case_opened(v.CaseStage.EXPERT)])
    assert (expert.state, expert.status) == (State.EXPERT_REVIEW, Status.PENDING_EXPERT)
    assert expert.expected_by is None


def test_request_that_a_person_passed_on_is_escalated() -> None:
    escalated = e.CaseEscalated(
        event_id="case:r:2", **COMMON, sequence=2, revision=2, cause=HERE, occurred_at=T0 + 9,
        escalated_by=v.EscalatedBy.PERSON,
    )  # fmt: skip
    found = story([REQUESTED, case_opened(v.CaseStage.HUMAN), Record(escalated, T0)])
    assert (found.state, found.status) == (State.EXPERT_REVIEW, Status.ESCALATED)
    assert "The case went to an expert: a reviewer passed it on." in [moment.text for moment in found.timeline]


def outcome(by: v.DecidedBy) -> Record:
    made = e.DecisionMade(
        event_id="outcome:r", **COMMON, request=HERE, outcome=v.Outcome.REJECTED, label="no", decided_by=by,
        confidence=1.0, grounds=GROUNDS, requested_at=T0, decided_at=T0 + 20,
    )  # fmt: skip
    return Record(made, T0 + 20)


def test_audit_of_a_finished_request_runs_beside_its_states() -> None:
    drawn = e.AuditDrawn(
        event_id="audit:r", **COMMON, request=HERE, kind=v.SampleKind.AUDIT, inclusion_probability=0.05,
        split=v.Split.GATE, policy_version=1, cause=HERE, drawn_at=T0 + 21,
    )  # fmt: skip
    answered = e.AuditAnswered(
        event_id="audit-answered:r", **COMMON, kind=v.SampleKind.AUDIT, inclusion_probability=0.05, split=v.Split.GATE,
        label="yes", agrees=False, answered_by=v.DecidedBy.REVIEWER, reviewer_id="p", cause=HERE, answered_at=T0 + 90,
    )  # fmt: skip
    before = [REQUESTED, outcome(v.DecidedBy.AUTOMATION), Record(drawn, T0), case_opened(v.CaseStage.HUMAN)]
    for records, status in ((before, AuditStatus.OPEN), ([*before, Record(answered, T0)], AuditStatus.ANSWERED)):
        found = story(records)
        assert (found.state, found.status, len(found.transitions)) == (State.COMPLETED, Status.REJECTED, 3)
        assert found.audit is not None
        assert (found.audit.status, found.audit.kind) == (status, v.SampleKind.AUDIT)
    assert found.audit is not None
    assert found.audit.agrees is False
    assert found.updated_at == T0 + 90


@given(st.data())
def test_dead_letter_fails_a_request_and_its_replay_revives_it(data: st.DataObject) -> None:
    history = History(data.draw)
    history.add(e.DecisionRequested(**COMMON))
    history.dead("inference", "requests", "unknown_workflow")
    failed = story(history.records)
    assert (failed.state, failed.status) == (State.FAILED, None)
    history.review()
    assert story(history.records).state is State.HUMAN_REVIEW


@given(st.data())
def test_dead_letter_about_something_else_does_not_fail_a_request(data: st.DataObject) -> None:
    history = History(data.draw)
    history.add(e.DecisionRequested(**COMMON))
    history.dead("router", "predictions", "id_conflict")
    assert story(history.records).state is State.STARTED
    history.review()
    history.dead("casework", "review-decisions")
    assert story(history.records).state is State.HUMAN_REVIEW
    opened = [*history.records, case_opened(v.CaseStage.HUMAN)]
    history.dead("casework", "review.high")
    assert story(history.records).state is State.FAILED, "the announcement itself was refused"
    assert story([*opened, history.records[-1]]).state is State.HUMAN_REVIEW, "only a second announcement was"
