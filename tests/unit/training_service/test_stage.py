"""A request for a fit is answered once its fit is done, in order, against the model that runs then."""

import threading
import time

import pytest

from consumers.training.refit import Candidate, Champion, Refit, RefitJob
from consumers.training.running import InBackground, InPlace, JobRunner
from consumers.training.stage import TrainingConfig, TrainingStage
from infra.kafka.errors import Reason
from infra.kafka.stage import Batch, Keyed, Message
from schemas.events import ModelEvaluated, ModelPromoted, ModelRefused, ModelTrained, RetrainingRequested
from schemas.topics import FEEDBACK, MODELS, RETRAINING
from schemas.values import Trigger
from tests.support.learning import CODEC, NOW, document, lane, message, policy, promoted
from tests.support.standin import SlowRunner, stand_in_refit

FEEDBACK_END = 1_000


def asked(end: int, *, offset: int = 0, workflow: str = "posts", timestamp: int = NOW - 5) -> Message:
    event = RetrainingRequested(
        event_id=f"retraining:{workflow}:{end}", workflow=workflow, trigger=Trigger.COUNT, reason="200 new labels",
        feedback_end_offset=end, labels=200, correction_rate=0.1, requested_at=NOW,
    )  # fmt: skip
    return message(RETRAINING.name, event, offset=offset, timestamp=timestamp)


def stage_with(runner: JobRunner, *config: Message) -> tuple[TrainingStage, TrainingConfig]:
    stage = TrainingStage(runner)
    folded = stage.initial_config()
    for one in config or (policy(document()), policy(document("scans"), workflow="scans")):
        folded = stage.fold_config(folded, one)
    return stage, folded


def handle(
    stage: TrainingStage, config: TrainingConfig, *messages: Message, state: Keyed[Champion] | None = None
) -> Batch:
    state = Keyed() if state is None else state
    here = lane(state)
    here.watermark = {FEEDBACK.name: FEEDBACK_END}.__getitem__
    batch = stage.handle(messages, {0: here}, config)
    state.commit()
    return batch


def promotions(*batches: Batch) -> list[ModelPromoted]:
    return [out.event for batch in batches for out in batch.outgoing if isinstance(out.event, ModelPromoted)]


def test_a_fit_is_told_in_one_go_with_its_cause() -> None:
    stage, config = stage_with(InPlace(stand_in_refit))
    batch = handle(stage, config, asked(10, offset=4))
    events = [out.event for out in batch.outgoing]
    assert [type(event) for event in events] == [ModelTrained, ModelEvaluated, ModelPromoted]
    assert {out.topic for out in batch.outgoing} == {MODELS.name}
    for event in events:
        assert isinstance(event, ModelTrained | ModelEvaluated | ModelPromoted)
        assert event.cause == asked(10, offset=4).coordinates
        assert CODEC.decode(CODEC.encode(event)) == event
        assert event.event_id.endswith(":posts:10")


def test_a_request_is_held_until_its_fit_is_done() -> None:
    stage, config = stage_with(SlowRunner(patience=2))
    first, behind = asked(10), asked(11, offset=1, workflow="scans")
    for _ in range(2):
        batch = handle(stage, config, first, behind)
        assert (batch.held, batch.outgoing) == ([first, behind], [])
    batch = handle(stage, config, first, behind)
    assert [event.workflow for event in promotions(batch)] == ["posts"]
    assert batch.held == [behind]


def test_a_waiting_request_is_answered_by_its_successor() -> None:
    runner = SlowRunner(patience=0)
    stage, config = stage_with(runner)
    batch = handle(stage, config, asked(10), asked(15, offset=1, workflow="scans"), asked(20, offset=2))
    assert [(e.workflow, e.feedback_end_offset) for e in promotions(batch)] == [("scans", 15), ("posts", 20)]
    assert [job.feedback_end_offset for job in runner.asked] == [15, 20]
    assert not (batch.held or batch.invalid)


def test_a_fit_that_runs_is_finished_whatever_comes_behind_it() -> None:
    stage, config = stage_with(SlowRunner(patience=1))
    assert handle(stage, config, asked(10)).held
    (event,) = promotions(handle(stage, config, asked(10), asked(20, offset=1)))
    assert event.feedback_end_offset == 10


def test_versions_count_up_even_before_the_stage_has_read_its_own_promotion() -> None:
    def promoting(job: RefitJob) -> Refit:
        alone = RefitJob(workflow_type=job.workflow_type, feedback_end_offset=job.feedback_end_offset, champion=None)
        return stand_in_refit(alone)

    stage, config = stage_with(InPlace(promoting))
    state = Keyed[Champion]()
    batches = [handle(stage, config, asked(end, offset=end), state=state) for end in (10, 20, 30)]
    found = promotions(*batches)
    assert [event.version for event in found] == [1, 2, 3]
    assert [event.previous_digest for event in found[1:]] == [event.model_digest for event in found[:-1]]


def test_a_model_promoted_by_somebody_else_is_the_one_to_beat() -> None:
    runner = SlowRunner(patience=0)
    stage, config = stage_with(runner, policy(document()), promoted("b" * 64, version=7))
    handle(stage, config, asked(10))
    (job,) = runner.asked
    assert job.champion == Champion(digest="b" * 64, uri=f"store/{'b' * 64}", version=7)


def test_a_champion_that_changes_during_a_fit_is_compared_with_anew() -> None:
    runner = SlowRunner(patience=1)
    stage, config = stage_with(runner)
    assert handle(stage, config, asked(10)).held
    config = stage.fold_config(config, promoted("b" * 64))
    assert handle(stage, config, asked(10)).held
    batch = handle(stage, config, asked(10))
    (evaluated,) = [out.event for out in batch.outgoing if isinstance(out.event, ModelEvaluated)]
    assert evaluated.champion_digest == "b" * 64


def test_a_refused_candidate_leaves_the_champion() -> None:
    stage, config = stage_with(InPlace(stand_in_refit), policy(document()), promoted("b" * 64, version=2))
    state = Keyed[Champion]()
    end = next(end for end in range(1, 40) if not _promotes(job_of(end, config)))
    batch = handle(stage, config, asked(end), state=state)
    assert isinstance(batch.outgoing[-1].event, ModelRefused)
    assert state.committed == {}


def _promotes(job: RefitJob) -> bool:
    found = stand_in_refit(job)
    return isinstance(found, Candidate) and found.verdict.promote


def test_a_workflow_without_a_policy_is_waited_for_and_then_invalid() -> None:
    stage, config = stage_with(InPlace(stand_in_refit), policy(document()))
    early, late = (asked(10, workflow="strange", timestamp=NOW - age) for age in (9_999, 10_000))
    assert handle(stage, config, early).held == [early]
    ((bad, error),) = handle(stage, config, late).invalid
    assert (bad, error.reason, error.workflow) == (late, Reason.UNKNOWN_WORKFLOW, "strange")


def test_a_request_for_labels_that_nobody_has_written_is_invalid() -> None:
    runner = SlowRunner(patience=0)
    stage, config = stage_with(runner)
    last, beyond = asked(FEEDBACK_END), asked(FEEDBACK_END + 1, offset=1)
    batch = handle(stage, config, last, beyond)
    assert [job.feedback_end_offset for job in runner.asked] == [FEEDBACK_END]
    assert len(promotions(batch)) == 1  # the impossible successor answers for nobody
    ((bad, error),) = batch.invalid
    assert (bad, error.reason, error.workflow) == (beyond, Reason.INVALID, "posts")
    assert "1001" in error.detail
    assert "1000" in error.detail


def wait_for(runner: InBackground, job: RefitJob) -> Refit | None:
    until = time.monotonic() + 10
    while (found := runner.result(job)) is None and time.monotonic() < until:
        time.sleep(0.005)
    return found


def job_of(end: int, config: TrainingConfig | None = None) -> RefitJob:
    config = config or stage_with(InPlace(stand_in_refit))[1]
    kind = config.policies["posts"].workflow_type
    return RefitJob(workflow_type=kind, feedback_end_offset=end, champion=config.champions.get("posts"))


def test_a_background_fit_runs_once_and_beside_the_caller() -> None:
    gate, runs = threading.Event(), []

    def work(job: RefitJob) -> Refit:
        runs.append(job)
        assert gate.wait(10)
        return stand_in_refit(job)

    runner = InBackground(work)
    assert not runner.started(job_of(1))
    assert runner.result(job_of(1)) is None
    assert runner.started(job_of(1))
    assert runner.result(job_of(2)) is None
    assert not runner.started(job_of(2))  # one at a time
    gate.set()
    assert wait_for(runner, job_of(1)) == stand_in_refit(job_of(1))
    assert runner.result(job_of(1)) == stand_in_refit(job_of(1))
    assert runs == [job_of(1)]


def test_what_a_background_fit_raises_ends_the_stage() -> None:
    def work(job: RefitJob) -> Refit:
        raise OSError("the disk is full")

    runner = InBackground(work)
    with pytest.raises(OSError, match="the disk is full"):
        wait_for(runner, job_of(1))
