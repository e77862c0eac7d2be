"""The stage tells what is known of people when it is worth telling, and a restart changes none of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.stage import Message
from schemas.events import Event, ReviewerAssessed
from schemas.topics import AUDITS, REVIEWERS
from streams.assurance.stage import AssuranceStage, People
from streams.workflow.policies import Policies
from tests.support.learning import NOW, ReplayedSource, document, lane, message, policy
from tests.support.reviewer_log import POSTS, drawn, gold, log_of, overlap

STAGE = AssuranceStage()


def policies(more: str = "") -> Policies:
    return STAGE.fold_config(STAGE.initial_config(), policy(document(more=more)))


def told(log: list[Message], config: Policies, state: People | None = None) -> list[ReviewerAssessed]:
    """What is said, one message a batch."""
    state = People() if state is None else state
    found: list[ReviewerAssessed] = []
    for one in log:
        batch = STAGE.handle([one], {0: lane(state)}, config)
        state.commit()
        assert (batch.invalid, batch.held) == ([], [])
        assert all(out.topic == REVIEWERS.name for out in batch.outgoing)
        found += [out.event for out in batch.outgoing if isinstance(out.event, ReviewerAssessed)]
    return found


def test_ten_answers_make_an_assessment() -> None:
    log = log_of(gold(n, "approve" if n else "reject") for n in range(12))
    (found,) = told(log, policies())
    assert (found.reviewer_id, found.workflow, found.event_id) == ("anna", POSTS, "assessed:posts:anna:10")
    assert (found.gold_answers, found.gold_right, found.accuracy) == (10, 9, 0.9)
    assert (found.accuracy_lower, found.accuracy_upper) == (0.555, 0.9975)
    assert (found.suspect, found.may_adjudicate) == (False, True)
    assert found.reason == "9 of 10 gold questions right (95%: 55.5% to 99.8%), 90% are possible"
    assert (found.offsets, found.assessed_at) == ({AUDITS.name: 10}, NOW + 9)


def test_who_answers_at_random_is_told_at_once() -> None:
    *_, last = told(log_of(gold(n, "reject") for n in range(6)), policies())
    assert last.gold_answers < 6
    assert (last.suspect, last.may_adjudicate, last.accuracy) == (True, False, 0.0)
    assert last.reason.endswith("too few for careful answers")


def test_a_policy_that_demands_proof_denies_until_there_is_one() -> None:
    first, *_, last = told(log_of(gold(n) for n in range(60)), policies("[reliability]\nproven = true\n"))
    assert (first.gold_answers, first.may_adjudicate) == (1, False)
    assert last.may_adjudicate
    assert last.accuracy_lower is not None and last.accuracy_lower >= 0.9


def test_the_same_question_again_tells_of_consistency_alone() -> None:
    log = log_of([*(gold(n) for n in range(9)), gold(20, "reject", question="g1"), gold(21, question="g2")])
    (found,) = told(log, policies())
    assert (found.gold_answers, found.gold_right, found.repeats, found.consistency) == (9, 9, 1, 0.0)


def test_people_and_workflows_are_counted_apart() -> None:
    log = log_of(gold(n, who="anna" if n % 2 else "berta") for n in range(20))
    assert [found.reviewer_id for found in told(log, policies())] == ["berta", "anna"]


def test_overlaps_tell_how_often_one_is_where_the_answers_came_to() -> None:
    events = [
        overlap(f"r{n}", who, "reject" if who == "clara" and n % 2 else "approve", position=position)
        for n in range(40)
        for position, who in enumerate(("anna", "berta", "clara"), 1)
    ]
    by_person = {found.reviewer_id: found for found in told(log_of(events), policies())}
    assert (by_person["anna"].accuracy, by_person["anna"].gold_answers) == (None, 0)
    clara = by_person["clara"]
    assert clara.overlap_agreed == (clara.overlap_answers + 1) // 2
    assert clara.estimated_accuracy == pytest.approx(0.5, abs=0.1)
    assert by_person["anna"].estimated_accuracy == pytest.approx(1.0, abs=0.01)


def test_what_came_to_nothing_says_of_nobody_that_they_were_wrong() -> None:
    label = overlap("r", "anna").label
    answers = (overlap(f"r{n}", "anna", resolved=None if n % 2 else label) for n in range(40))
    *_, last = told(log_of(answers), policies())
    assert 10 <= last.overlap_answers == last.overlap_agreed <= 20


def test_what_tells_of_no_person_is_passed_over() -> None:
    assert told(log_of([drawn(), *(gold(n) for n in range(10))]), policies())[0].offsets == {AUDITS.name: 11}


def test_a_workflow_without_a_policy_is_counted_and_nobody_assessed() -> None:
    state = People()
    assert told(log_of(gold(n) for n in range(20)), STAGE.initial_config(), state) == []
    (known,) = state.committed.values()
    assert (known.record.gold, known.told) == (20, None)


def test_an_aborted_batch_is_counted_once() -> None:
    state, config = People(), policies()
    log = log_of([*(gold(n) for n in range(9)), overlap("r", "anna")])
    STAGE.handle(log, {0: lane(state)}, config)
    state.discard()
    STAGE.handle(log, {0: lane(state)}, config)
    state.commit()
    (known,) = state.committed.values()
    assert (known.record.gold, known.record.overlaps) == (9, 1)
    assert state.crowds.committed[POSTS].total == 1


people = st.sampled_from(["anna", "berta", "clara"])
labels = st.sampled_from(["approve", "reject"])
events = st.lists(
    st.one_of(
        st.builds(lambda who, label, n: gold(n, label, who=who, question=f"g{n % 40}"), people, labels, st.integers(0)),
        st.builds(lambda who, label, n: overlap(f"r{n}", who, label), people, labels, st.integers(0, 30)),
        st.builds(drawn),
    ),
    max_size=80,
)


@settings(max_examples=60)
@given(events, st.integers(0, 80), st.booleans())
def test_a_restart_at_any_point_changes_nothing(happened: list[Event], at: int, changed: bool) -> None:
    log, config, state = log_of(happened), policies(), People()
    at = min(at, len(log))
    before = told(log[:at], config, state)
    lying = [message(REVIEWERS.name, one, offset=n) for n, one in enumerate(before)]
    restored = People()
    STAGE.restore(restored, ReplayedSource({AUDITS.name: log, REVIEWERS.name: lying}, committed={AUDITS.name: at}))
    assert restored.committed == state.committed
    assert restored.crowds.committed == state.crowds.committed
    if changed:  # under another policy, what was told before the restart still was
        config = policies("[reliability]\ntolerated_error = 0.3\n")
    assert told(log[at:], config, restored) == told(log[at:], config, state)


@settings(max_examples=40)
@given(events)
def test_one_batch_gives_the_same_as_many(happened: list[Event]) -> None:
    log, config = log_of(happened), policies()
    batch = STAGE.handle(log, {0: lane(People())}, config)
    assert [out.event for out in batch.outgoing] == told(log, config)


@pytest.mark.parametrize("partition", [1, 3])
def test_other_partitions_have_nothing_to_restore(partition: int) -> None:
    source, state = ReplayedSource({}), People()
    source.partition = partition
    STAGE.restore(state, source)
    assert state.committed == {}
