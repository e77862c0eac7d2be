"""The stage asks for a fit once per need, names where the dataset ends, and a restart changes none of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.feedback.stage import FeedbackStage
from consumers.feedback.triggers import RetrainingState
from infra.kafka.stage import Keyed, Message
from schemas.events import RetrainingRequested
from schemas.topics import FEEDBACK, RETRAINING
from schemas.values import FeedbackKind, FeedbackType, Split, Trigger
from streams.workflow.policies import Policies
from tests.support.learning import NOW, ReplayedSource, answers, document, feedback, lane, message, policy

SMALL = "[retraining]\nlabels = 10\nminimum_labels = 5\ncorrection_rate = 0.5\n"


def folded(stage: FeedbackStage, *messages: Message) -> Policies:
    config = stage.initial_config()
    for one in messages:
        config = stage.fold_config(config, one)
    return config


def ask(
    stage: FeedbackStage, config: Policies, messages: list[Message], state: Keyed[RetrainingState] | None = None
) -> list[RetrainingRequested]:
    """What is asked for, one message a batch."""
    state = Keyed() if state is None else state
    found: list[RetrainingRequested] = []
    for one in messages:
        batch = stage.handle([one], {0: lane(state)}, config)
        state.commit()
        assert (batch.invalid, batch.held) == ([], [])
        assert all(out.topic == RETRAINING.name for out in batch.outgoing)
        found += [out.event for out in batch.outgoing if isinstance(out.event, RetrainingRequested)]
    return found


def test_the_label_that_makes_it_due_is_the_last_of_the_dataset() -> None:
    stage = FeedbackStage()
    log = answers(feedback(n) for n in range(25))
    first, second = ask(stage, folded(stage, policy(document(more=SMALL))), log)
    assert (first.event_id, first.feedback_end_offset, first.labels) == ("retraining:posts:10", 10, 10)
    assert (first.trigger, first.cause, first.requested_at) == (Trigger.COUNT, log[9].coordinates, NOW)
    assert second.feedback_end_offset == 20


def test_one_batch_gives_the_same_as_many() -> None:
    stage = FeedbackStage()
    config = folded(stage, policy(document(more=SMALL)))
    log = answers(feedback(n, type=FeedbackType.CORRECTION if n % 4 else FeedbackType.POSITIVE) for n in range(60))
    batch = stage.handle(log, {0: lane(Keyed())}, config)
    assert [out.event for out in batch.outgoing] == ask(stage, config, log)
    assert [row.action for row in batch.tallies[:2]] == ["feedback_positive", "feedback_correction"]


def test_corrections_trigger_earlier() -> None:
    stage = FeedbackStage()
    log = answers(feedback(n, type=FeedbackType.CORRECTION) for n in range(5))
    (found,) = ask(stage, folded(stage, policy(document(more=SMALL))), log)
    assert (found.trigger, found.feedback_end_offset, found.correction_rate) == (Trigger.CORRECTION_RATE, 5, 1.0)


def test_imports_trigger_nothing() -> None:
    stage = FeedbackStage()
    log = answers(feedback(n, kind=FeedbackKind.IMPORTED, type=FeedbackType.NONE) for n in range(50))
    assert ask(stage, folded(stage, policy(document(more=SMALL))), log) == []


def test_answers_kept_from_training_trigger_nothing() -> None:
    stage = FeedbackStage()
    log = answers(feedback(n, blind=True, split=Split.GATE) for n in range(50))
    assert ask(stage, folded(stage, policy(document(more=SMALL))), log) == []


def test_workflows_are_counted_apart() -> None:
    stage = FeedbackStage()
    config = folded(stage, policy(document(more=SMALL)), policy(document("scans", more=SMALL), workflow="scans"))
    log = answers(feedback(n, workflow="scans" if n % 2 else "posts") for n in range(20))
    assert [(one.workflow, one.feedback_end_offset) for one in ask(stage, config, log)] == [
        ("posts", 19),
        ("scans", 20),
    ]


def test_a_workflow_without_a_policy_is_counted_and_asks_for_nothing() -> None:
    stage, state = FeedbackStage(), Keyed[RetrainingState]()
    log = answers(feedback(n) for n in range(30))
    assert ask(stage, stage.initial_config(), log, state) == []
    assert state.committed["posts"].new_labels == 30


def test_an_aborted_batch_is_counted_once() -> None:
    stage, state = FeedbackStage(), Keyed[RetrainingState]()
    config = folded(stage, policy(document(more=SMALL)))
    log = answers(feedback(n) for n in range(9))
    stage.handle(log, {0: lane(state)}, config)
    state.discard()
    stage.handle(log, {0: lane(state)}, config)
    state.commit()
    assert state.committed["posts"].new_labels == 9


@given(st.lists(st.sampled_from(FeedbackType), max_size=60), st.integers(0, 60), st.booleans())
def test_a_restart_at_any_point_changes_nothing(types: list[FeedbackType], at: int, changed: bool) -> None:
    stage = FeedbackStage()
    config = folded(stage, policy(document(more=SMALL)))
    log = answers(feedback(n, type=type_) for n, type_ in enumerate(types))
    at = min(at, len(log))
    state = Keyed[RetrainingState]()
    asked = ask(stage, config, log[:at], state)
    restored = Keyed[RetrainingState]()
    requests = [message(RETRAINING.name, one, offset=n) for n, one in enumerate(asked)]
    stage.restore(
        restored, ReplayedSource({FEEDBACK.name: log, RETRAINING.name: requests}, committed={FEEDBACK.name: at})
    )
    assert restored.committed == state.committed
    if changed:  # under another policy, what was asked for before the restart still was
        config = folded(stage, policy(document()))
    assert ask(stage, config, log[at:], restored) == ask(stage, config, log[at:], state)


@pytest.mark.parametrize("partition", [1, 3])
def test_other_partitions_have_nothing_to_restore(partition: int) -> None:
    source, state = ReplayedSource({}), Keyed[RetrainingState]()
    source.partition = partition
    FeedbackStage().restore(state, source)
    assert state.committed == {}
