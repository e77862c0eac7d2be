"""What a watched stage shows of what it did: counts of committed work only, and labels that nobody can blow up."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from consumers.inference.loading import Models
from consumers.inference.measuring import MeasuredScorers
from consumers.inference.stage import InferenceStage
from infra.kafka.log import Record, TopicPartition
from infra.observe.arrears import MOST, Arrears
from schemas.topics import POLICIES, PREDICTIONS, REQUESTS
from streams.casework.queue import show_queue
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.benchmarks.stages import SALT, SEALER, policy_event
from tests.benchmarks.stand import WORKFLOW, prediction
from tests.support.promtool import promtool
from tests.support.simlog import SimulatedReader
from tests.support.simstate import Calm
from tests.support.standin import RaisingScorer, StandInScorer, StandInStore
from tests.support.watched import CODEC, PARTITIONS, Watched, World


def router() -> RouterStage:
    return RouterStage(codec=CODEC, sealer=SEALER, salt=bytes(32))


def value(process: Watched, name: str, **labels: str) -> float | None:
    return process.watch.instruments.registry.get_sample_value(name, labels)


class Refusing(Calm):
    """So many commits are refused."""

    def __init__(self, times: int) -> None:
        self.times = times

    def commit(self) -> str:
        self.times -= 1
        return "refused" if self.times >= 0 else "done"


def test_work_that_is_aborted_and_done_again_counts_once() -> None:
    world = World(Refusing(3))
    world.publish(POLICIES.message(policy_event()), *(PREDICTIONS.message(prediction(n)) for n in range(20)))
    process = world.start(router())
    world.minutes(2)
    of = {"stage": "router"}
    assert value(process, "hitl_stage_taken_records_total", **of, topic=PREDICTIONS.name) == 20
    assert value(process, "hitl_stage_written_records_total", **of, topic="outcomes") == 20
    assert value(process, "hitl_stage_lost_transactions_total", **of, cause="aborted") == 3
    assert value(process, "hitl_stage_latency_seconds_count", **of) == 20
    assert value(process, "hitl_stage_owned_partitions", **of) == PARTITIONS
    assert value(process, "hitl_stage_lag_records", **of, topic=PREDICTIONS.name, partition="0") == 0
    decided = {"workflow": WORKFLOW, "action": "auto_approve", "priority": "none"}
    assert value(process, "hitl_stage_decisions_total", **of, **decided) == 20
    assert value(process, "hitl_stage_config_offset", **of, topic="policies") == 1


def test_workflows_that_nobody_published_share_one_label() -> None:
    world = World()
    world.publish(POLICIES.message(policy_event()))
    world.publish(*(PREDICTIONS.message(replace(prediction(n), workflow=f"made-up-{n}")) for n in range(40)))
    world.publish(PREDICTIONS.message(prediction(99)))
    process = world.start(router())
    world.minutes(1)
    text = process.scraped()
    assert "made-up" not in text
    unknown = {"stage": "router", "workflow": "_unknown", "action": "dead_letter", "priority": "none"}
    assert value(process, "hitl_stage_decisions_total", **unknown) == 40
    dead = {"stage": "router", "topic": PREDICTIONS.name, "reason": "unknown_workflow"}
    assert value(process, "hitl_stage_dead_letters_total", **dead) == 40


def test_a_partition_that_went_to_another_is_shown_by_its_new_owner_only() -> None:
    world = World()
    world.publish(POLICIES.message(policy_event()))
    one = world.start(router())
    world.minutes(1)
    two = world.start(router(), slot="1")
    world.minutes(2)
    lag = {"stage": "router", "topic": PREDICTIONS.name}
    shown = [[value(each, "hitl_stage_lag_records", **lag, partition=p) for p in "01"] for each in (one, two)]
    assert shown == [[0, None], [None, 0]]
    assert [value(each, "hitl_stage_owned_partitions", stage="router") for each in (one, two)] == [1, 1]


def test_watching_costs_no_question_to_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.publish(POLICIES.message(policy_event()), PREDICTIONS.message(prediction(1)))
    world.start(router())
    world.minutes(2)
    asked: list[TopicPartition] = []

    def heard(place: TopicPartition) -> int:
        asked.append(place)
        return 0

    monkeypatch.setattr(world.log, "watermark", heard)
    monkeypatch.setattr("tests.support.simconsumer.SimulatedConsumer.last_end", lambda *_: 5)
    world.publish(PREDICTIONS.message(prediction(2)))
    world.minutes(2)
    assert asked == []


def test_a_long_restore_is_no_hung_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads back the log for minutes within one turn beats with every chunk."""
    world = World()
    world.publish(POLICIES.message(policy_event()), *(PREDICTIONS.message(prediction(n)) for n in range(5)))
    world.start(router())
    world.minutes(1)
    world.processes.pop().loop.close()
    read = SimulatedReader.read

    def slowly(reader: SimulatedReader, most: int, seconds: float) -> list[Record]:
        if seconds:  # following takes none
            world.time.now += 100_000
            told.append(again.watch.vitals.healthy().good)
        return read(reader, most, seconds)

    told: list[bool] = []
    again = world.start(router())
    monkeypatch.setattr(SimulatedReader, "read", slowly)
    world.minutes(2)
    assert len(told) >= 3 and all(told)


def test_open_cases_are_counted_again_after_a_restart() -> None:
    world = World()
    world.publish(POLICIES.message(policy_event()))
    world.publish(*(PREDICTIONS.message(prediction(n, confidence=0.4)) for n in range(7)))
    world.start(router())
    first = world.start(CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT), look=show_queue)
    world.minutes(2)
    waiting = {"case_stage": "expert", "priority": "urgent"}
    assert value(first, "hitl_casework_open_cases", **waiting) == 7
    first.hangs = True
    again = world.start(CaseworkStage(SEALER, CODEC, partitions=PARTITIONS, salt=SALT), look=show_queue)
    world.minutes(2)
    assert value(again, "hitl_casework_open_cases", **waiting) == 7
    assert value(again, "hitl_casework_oldest_case_seconds", case_stage="expert") == pytest.approx(240, abs=30)


@pytest.mark.parametrize("scorer", [StandInScorer(), RaisingScorer()])
def test_a_measured_model_scores_as_the_one_within(scorer: StandInScorer) -> None:
    world = World()
    process = world.start(InferenceStage(CODEC, Models(StandInStore(), background=False)))
    show = process.watch.instruments
    measured = MeasuredScorers(StandInStore({"d": scorer}), show).load("", "d")
    assert (measured.digest, measured.classes) == (scorer.digest, scorer.classes)
    assert (measured.scores(["abc", "de"]) == scorer.scores(["abc", "de"])).all()
    assert value(process, "hitl_inference_batch_inputs_sum") == 2
    assert value(process, "hitl_inference_batch_tokens_sum") == 5
    if isinstance(scorer, RaisingScorer):
        with pytest.raises(ValueError, match="digest"):
            measured.scores(["poison"])
        assert value(process, "hitl_inference_scoring_seconds_count") == 2
    assert REQUESTS.name in {topic.name for topic in process.stage.inputs}


def test_lateness_is_told_from_a_bounded_memory() -> None:
    late = Arrears()
    for second in range(10 * MOST):  # every second a record comes and none is read
        told = late.seconds(reached=0, end=second + 1, now=float(second))
    assert told == 10 * MOST - 1
    assert late.seconds(reached=10 * MOST - 5, end=10 * MOST, now=10.0 * MOST) < MOST
    assert late.seconds(reached=10 * MOST, end=10 * MOST, now=10.0 * MOST) == 0


def test_a_missing_promtool_skips_and_fails_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("REQUIRE_PROMTOOL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install prometheus"):
        promtool()
    monkeypatch.setenv("REQUIRE_PROMTOOL", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_PROMTOOL=1, but promtool is not on PATH"):
        promtool()
