"""Every alert about stages, models and people: silent before its cause, firing while the real loop suffers from it."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from msgspec.structs import replace

from consumers.inference.loading import Models
from consumers.inference.measuring import ModelsLook
from consumers.inference.stage import InferenceStage
from consumers.training.measuring import measured
from consumers.training.refit import Candidate, Refit, RefitJob
from consumers.training.running import InPlace
from consumers.training.stage import TrainingStage
from infra.observe.metrics import ACCESS_LOST
from infra.observe.serving import unserved
from infra.observe.vitals import Vitals
from schemas.events import ExpertReviewRequested, ModelPromoted, RetrainingRequested
from schemas.topics import EXPERT, MODELS, POLICIES, PREDICTIONS, REQUESTS, RETRAINING, Outgoing
from schemas.values import Trigger
from streams.casework.queue import show_queue
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from streams.workflow.types import parse_workflow
from tests.benchmarks.stages import SALT, SEALER, lane_of, message_of, policy_event, policy_message
from tests.benchmarks.stand import WORKFLOW, prediction, request
from tests.support.promtool import Story
from tests.support.simstate import Calm
from tests.support.standin import StandInStore, stand_in_refit
from tests.support.watched import CODEC, MINUTE, PARTITIONS, Moments, Watched, World

HOUR = 60 * MINUTE
BEFORE = 20  # minutes without the cause


def router() -> RouterStage:
    return RouterStage(codec=CODEC, sealer=SEALER, salt=bytes(32))


def policy(version: int = 1) -> Outgoing:
    return POLICIES.message(replace(policy_event(), version=version))


def numbers() -> Callable[[], int]:
    counting = iter(range(1_000_000))
    return lambda: next(counting)


def routing(world: World, *, slots: int = 1) -> list[Watched]:
    """Routers that have a policy."""
    world.publish(policy())
    return [world.start(router(), slot=str(slot)) for slot in range(slots)]


def predicting(world: World, count: int = 3) -> Callable[[], None]:
    """Ordinary traffic."""
    number = numbers()

    def some() -> None:
        world.publish(*(PREDICTIONS.message(prediction(number())) for _ in range(count)))

    return some


def both(*acts: Callable[[], object]) -> Callable[[], None]:
    def act() -> None:
        for each in acts:
            each()

    return act


def expect(world: World, alert: str, tmp_path: Path, *, before: int = BEFORE, by: int | None = None) -> None:
    """It is silent, as every alert is, before the cause, and fires at the end (or at the minute `by`)."""
    firing = world.story.firing(tmp_path)
    assert set().union(*firing[:before]) == set()
    assert alert in firing[-1 if by is None else by], firing


def test_everything_in_order_alerts_nobody(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(90, predicting(world))
    assert set().union(*world.story.firing(tmp_path)) == set()


def test_a_loop_that_hangs(tmp_path: Path) -> None:
    world = World()
    (hanging,) = routing(world)
    world.minutes(BEFORE, predicting(world))
    hanging.hangs = True
    world.minutes(5)
    expect(world, "HitlServiceHangs", tmp_path)


def test_a_replica_too_many_is_not_ready(tmp_path: Path) -> None:
    world = World()
    routing(world, slots=2)
    world.minutes(BEFORE, predicting(world))
    world.start(router(), slot="2")
    world.minutes(7, predicting(world))
    expect(world, "HitlServiceNotReady", tmp_path)
    assert world.story.firing(tmp_path)[-1] == {"HitlServiceNotReady"}, "who decides nothing is not behind others"
    assert "no partition" in world.processes[-1].watch.vitals.ready().said


def test_a_transaction_left_open_holds_up_whoever_reads(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(BEFORE, predicting(world))
    stuck = world.log.producer(transactional_id="somebody")
    stuck.begin()
    out = PREDICTIONS.message(prediction(999_999))
    stuck.send(out.topic, out.key, b"", 0)
    world.minutes(6, predicting(world))
    expect(world, "HitlStageBehind", tmp_path)


def test_records_that_wait_for_a_policy_that_never_comes_pause_the_stage(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(BEFORE, predicting(world))
    world.publish(
        *(PREDICTIONS.message(replace(prediction(n), config_offsets={"policies": 99})) for n in range(7_000, 9_600))
    )
    world.minutes(8)
    expect(world, "HitlStagePaused", tmp_path)


def test_a_single_dead_letter_is_told(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(BEFORE, predicting(world, 100))
    world.poison(PREDICTIONS.name)
    world.minutes(2, predicting(world, 100))
    expect(world, "HitlDeadLetters", tmp_path)
    assert "HitlDeadLetterFlood" not in set().union(*world.story.firing(tmp_path))


def test_a_flood_of_dead_letters(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(BEFORE, predicting(world))
    world.minutes(8, both(predicting(world), lambda: world.poison(PREDICTIONS.name)))
    expect(world, "HitlDeadLetterFlood", tmp_path)


class Refusing(Calm):
    """Commits are refused while it is told so."""

    refuses = False

    def commit(self) -> str:
        self.refuses, refused = False, self.refuses
        return "refused" if refused else "done"


def test_transactions_that_are_aborted_again_and_again(tmp_path: Path) -> None:
    trouble = Refusing()
    world = World(trouble)
    routing(world)
    world.minutes(BEFORE, predicting(world))
    world.minutes(8, both(predicting(world), lambda: setattr(trouble, "refuses", True)))
    expect(world, "HitlTransactionsAborted", tmp_path)


def test_two_producers_of_one_slot(tmp_path: Path) -> None:
    world = World()
    routing(world)
    world.minutes(BEFORE, predicting(world))
    world.minutes(6, both(predicting(world), lambda: world.log.producer(transactional_id="router-0")))
    expect(world, "HitlStageFenced", tmp_path)


class Slow(Calm):
    """A commit takes as long as it is told, in milliseconds."""

    def __init__(self, time: Moments) -> None:
        self._time, self.takes = time, 0

    def commit(self) -> str:
        self._time.now += self.takes
        return "done"


def test_commits_that_take_long(tmp_path: Path) -> None:
    time = Moments()
    trouble = Slow(time)
    world = World(trouble, time)
    routing(world)
    world.minutes(BEFORE, predicting(world))
    trouble.takes = 3_000
    world.minutes(13, predicting(world))
    expect(world, "HitlCommitSlow", tmp_path)


def test_a_replica_that_does_not_follow_the_configuration(tmp_path: Path) -> None:
    world = World()
    _, hanging = routing(world, slots=2)
    world.minutes(BEFORE)
    hanging.hangs = True
    world.publish(policy(2))
    world.minutes(4)
    expect(world, "HitlConfigurationOld", tmp_path)


# ---- models ----


def promoted(digest: str) -> Outgoing:
    return MODELS.message(
        ModelPromoted(
            event_id=digest, workflow=WORKFLOW, model_digest=digest * 64, uri="stand-in", version=1, reason="first",
            feedback_end_offset=0, promoted_at=0,
        )
    )  # fmt: skip


@pytest.fixture
def scoring() -> tuple[World, StandInStore]:
    """Inference with a policy; which digests are damaged is the test's."""
    world, store = World(), StandInStore()
    models = Models(store, background=False, elapsed=world.time.seconds)
    world.start(InferenceStage(CODEC, models), look=ModelsLook(models))
    return world, store


def asking(world: World) -> Callable[[], None]:
    """Requests, one a minute."""
    number = numbers()
    return lambda: world.publish(REQUESTS.message(request(number())))


def test_a_workflow_without_a_model(scoring: tuple[World, StandInStore], tmp_path: Path) -> None:
    world, _ = scoring
    ask = asking(world)
    world.minutes(BEFORE)
    world.publish(policy())
    world.minutes(8, ask)
    expect(world, "HitlNoModel", tmp_path)


def test_a_promoted_model_that_cannot_be_loaded(scoring: tuple[World, StandInStore], tmp_path: Path) -> None:
    world, store = scoring
    ask = asking(world)
    world.publish(policy(), promoted("a"))
    world.minutes(BEFORE, ask)
    store.damaged.add("b" * 64)
    world.publish(promoted("b"))
    world.minutes(8, ask)
    expect(world, "HitlModelNotLoaded", tmp_path)


def asked_for_a_fit(number: int) -> Outgoing:
    return RETRAINING.message(
        RetrainingRequested(
            event_id=f"fit:{number}", workflow=WORKFLOW, trigger=Trigger.MANUAL, reason="asked", labels=1,
            feedback_end_offset=0, correction_rate=0.0, requested_at=0,
        )
    )  # fmt: skip


def no_better(job: RefitJob) -> Refit:
    """A fit that the gate refuses."""
    found = stand_in_refit(job)
    assert isinstance(found, Candidate)
    return Candidate(
        digest=found.digest, uri=found.uri, classes=found.classes, profile=found.profile, labels=1, figures={},
        verdict=type(found.verdict)(promote=False, reason="not better", labels=100),
    )  # fmt: skip


def test_models_that_are_all_refused(tmp_path: Path) -> None:
    world = World()
    world.publish(policy(), promoted("a"))
    world.start(TrainingStage(InPlace(no_better)))
    world.minutes(BEFORE)
    number = numbers()
    world.minutes(4, lambda: world.publish(asked_for_a_fit(number())))
    expect(world, "HitlNoPromotion", tmp_path)


def test_a_fit_that_does_not_end(tmp_path: Path) -> None:
    world, end = World(), Event()
    watch = unserved(Vitals(world.time.seconds))

    def endless(job: RefitJob) -> Refit:
        end.wait()
        return stand_in_refit(job)

    work = measured(endless, watch.instruments, clock=world.time.seconds)

    def pass_minutes(count: int) -> None:
        for _ in range(count):
            world.time.now += MINUTE
            watch.vitals.beat()
            watch.vitals.works(True, "it works")
            world.story.minute(training_0=watch.instruments.text().decode())

    pass_minutes(BEFORE)
    kind = policy_event()
    job = RefitJob(workflow_type=parse_workflow(kind.document), feedback_end_offset=0, champion=None)
    thread = Thread(target=work, args=(job,), daemon=True)
    thread.start()
    while b"hitl_training_refit_running_seconds 0.0" in watch.instruments.text():
        world.time.now += 1  # until it runs: then every moment counts
    pass_minutes(70)
    end.set()
    thread.join()
    pass_minutes(3)
    firing = world.story.firing(tmp_path)
    assert set().union(*firing[: BEFORE + 30]) == set()
    assert "HitlTrainingStuck" in firing[-4]
    assert firing[-1] == set()


# ---- people ----


def expert_case(number: int, *, opened: int, due: int) -> Outgoing:
    """What the router asks an expert; times in milliseconds since the epoch."""
    stage = router()
    config = stage.fold_config(stage.initial_config(), policy_message())
    message = message_of(PREDICTIONS.message(prediction(number, confidence=0.4)))
    batch = stage.handle([message], {0: lane_of(stage, 0)}, config)
    (asked,) = [out.event for out in batch.outgoing if out.topic == EXPERT.name]
    assert isinstance(asked, ExpertReviewRequested)
    return EXPERT.message(replace(asked, due_at=due))


@pytest.fixture
def casework() -> World:
    world = World()
    world.start(CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT), look=show_queue)
    world.minutes(BEFORE)
    return world


def test_cases_beyond_their_deadline(casework: World, tmp_path: Path) -> None:
    now = casework.time.now
    casework.publish(expert_case(1, opened=now, due=now + 10 * MINUTE))
    casework.minutes(30)
    expect(casework, "HitlCasesOverdue", tmp_path, before=BEFORE + 10)


def test_a_case_hours_beyond_its_deadline(casework: World, tmp_path: Path) -> None:
    now = casework.time.now
    casework.publish(expert_case(1, opened=now - 29 * HOUR, due=now - 5 * HOUR))
    casework.minutes(8)
    expect(casework, "HitlCaseLongOverdue", tmp_path)


def test_a_queue_that_nobody_answers(casework: World, tmp_path: Path) -> None:
    now = casework.time.now
    casework.publish(expert_case(1, opened=now, due=now + 24 * HOUR))
    casework.minutes(80)
    expect(casework, "HitlQueueNotDrained", tmp_path, before=BEFORE + 60)


def test_what_people_did_is_not_in_the_log(tmp_path: Path) -> None:
    desk, story = unserved(), Story()
    for minute in range(15):
        desk.instruments.add(ACCESS_LOST, "not_taken", count=int(minute == 10))
        story.minute(desk=desk.instruments.text().decode())
    firing = ["HitlAccessNotRecorded" in names for names in story.firing(tmp_path)]
    assert not any(firing[:10]) and firing[-1]
