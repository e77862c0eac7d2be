"""Labels make a model, answers make a better one, and inference swaps to it: on a real broker, without a restart."""

import csv
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.feedback.stage import FeedbackStage
from consumers.inference.loading import Models
from consumers.inference.service import StoredScorers
from consumers.inference.stage import InferenceStage
from consumers.training.log_labels import LogLabels, StoredModels
from consumers.training.refit import refit
from consumers.training.running import InBackground
from consumers.training.stage import TrainingStage
from infra.cli.main import run
from infra.kafka.client import KafkaLog, connect
from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from infra.kafka.stage import Stage
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings
from schemas.events import DecisionRequested, FeedbackRecorded, ModelPromoted, PolicyPublished, PredictionMade
from schemas.topics import FEEDBACK, MODELS, POLICIES, PREDICTIONS, REQUESTS
from schemas.values import FeedbackKind, Split
from streams.workflow.types import request_fields
from tests.support.learning import CODEC, WORKFLOW, document, policy, request
from tests.unit.training_service.test_refit import blind, imported

pytestmark = pytest.mark.integration
SOON = 60.0  # seconds

Hitl = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def settings(broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    settings = Settings(
        bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"learning-{uuid.uuid4().hex[:8]}.", partitions=2,
        data_dir=tmp_path,
    )  # fmt: skip
    apply(settings)
    return settings


@pytest.fixture
def log(settings: Settings) -> Iterator[KafkaLog]:
    with closing(connect(settings)) as log:
        more = "[retraining]\nlabels = 100\nminimum_labels = 100\n"
        published = policy(document(more=more)).event
        assert isinstance(published, PolicyPublished)
        publish(log, CODEC, [POLICIES.message(published)])
        yield log


@pytest.fixture
def hitl(settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hitl:
    for name in ("bootstrap_servers", "topic_prefix", "partitions", "data_dir"):
        monkeypatch.setenv(f"HITL_{name.upper()}", str(getattr(settings, name)))

    def call(*words: str) -> tuple[int, Any, str]:
        status = run([*words, "--json"])
        said = capfd.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return call


def text_of(answer: FeedbackRecorded) -> str:
    asked = CODEC.decode_body(answer.request_body, answer.request_fingerprint)
    assert isinstance(asked, DecisionRequested)
    return str(request_fields(asked)["text"])


def labels_file(path: Path, answers: list[FeedbackRecorded], *extra: tuple[str, str]) -> Path:
    with path.open("w", newline="") as lines:
        csv.writer(lines).writerows([("text", "label"), *((text_of(a), a.label) for a in answers), *extra])
    return path


def events(log: KafkaLog, topic: str) -> list[Any]:
    return [entry.event for entry in scan(log, CODEC, [topic])]


def loop_of(stage: Stage[Any, Any], settings: Settings, log: KafkaLog) -> Loop[Any, Any]:
    return Loop(
        stage, log, CODEC, partitions=settings.partitions, policy=LoopPolicy(idle_wait=0.02),
        wall=lambda: time.time_ns() // 1_000_000, elapsed=lambda: time.monotonic_ns() // 1_000_000,
    )  # fmt: skip


def turn(loops: list[Loop[Any, Any]], done: Callable[[], bool]) -> None:
    """Run the loops in turn until it is done."""
    until, look = time.monotonic() + SOON, 0.0
    while time.monotonic() < until:
        for loop in loops:
            loop.step()
        if time.monotonic() > look:
            if done():
                return
            look = time.monotonic() + 0.5
    raise AssertionError("it did not happen in time")


def test_bad_lines_are_named_and_nothing_is_imported(log: KafkaLog, hitl: Hitl, tmp_path: Path) -> None:
    file = labels_file(tmp_path / "labels.csv", imported(20), ("hello", "perhaps"))
    status, said, error = hitl("model", "train", WORKFLOW, str(file))
    assert (status, said) == (1, None)
    assert "line 22: the label 'perhaps' is none of reject, approve" in error
    assert (events(log, FEEDBACK.name), events(log, MODELS.name)) == ([], [])
    status, said, _ = hitl("model", "train", WORKFLOW, str(file), "--skip-bad-lines")
    assert (status, said["promoted"], said["imported"]) == (0, True, 20)
    assert said["bad_lines"] == [[22, "the label 'perhaps' is none of reject, approve"]]


def test_a_first_model_is_listed_shown_and_kept_until_a_person_insists(
    log: KafkaLog, hitl: Hitl, tmp_path: Path
) -> None:
    file = labels_file(tmp_path / "labels.csv", imported(40))
    status, first, _ = hitl("model", "train", WORKFLOW, str(file))
    assert (status, first["version"], first["reason"]) == (0, 1, "first model")
    status, second, _ = hitl("model", "train", WORKFLOW, str(file))
    assert (status, second["promoted"]) == (1, False)
    status, third, _ = hitl("model", "train", WORKFLOW, str(file), "--promote")
    assert (status, third["version"]) == (0, 2)
    _, listed, _ = hitl("model", "list")
    assert [one["status"] for one in listed] == ["replaced", "refused", "running"]
    _, shown, _ = hitl("model", "show", WORKFLOW)
    assert (shown["model"]["digest"], shown["manifest"]["workflow"]) == (third["model_digest"], WORKFLOW)
    _, by_digest, _ = hitl("model", "show", first["model_digest"][:8])
    assert by_digest["model"]["version"] == 1
    status, _, error = hitl("model", "show", "nothing")
    assert status == 1
    assert "hitl model list" in error


def test_named_columns_train_a_model_that_scores_what_it_can_read(
    settings: Settings, log: KafkaLog, hitl: Hitl, tmp_path: Path
) -> None:
    seed, stream, loans = tmp_path / "seed.csv", tmp_path / "stream.csv", "loan_approval"
    written = ("--seed-file", str(seed), "--stream-file", str(stream), "--seed-applications", "200")
    assert hitl("simulate", "german-credit", *written, "--applications", "40")[0] == 0
    assert hitl("policy", "publish", loans)[0] == 0
    with seed.open("a") as lines:
        lines.write("bad" + "," * 20 + ",approve\n")
    status, _, error = hitl("model", "train", loans, str(seed))
    assert (status, events(log, MODELS.name)) == (1, [])
    assert "line 202: none of the columns that loan_approval reads holds a value" in error
    status, made, _ = hitl("model", "train", loans, str(seed), "--skip-bad-lines")
    assert (status, made["promoted"], made["imported"]) == (0, True, 200)
    _, shown, _ = hitl("model", "show", loans)
    assert shown["manifest"]["featurizer"]["name"] == "tabular"

    assert hitl("publish", str(stream), "--workflow", loans)[1]["published"] == 40
    odd = tmp_path / "odd.jsonl"
    whole = {"duration": 12, "amount": 900, "purpose": "A43"}
    rows = [{"id": "whole", **whole}, {"id": "lacking", "duration": 12}, {"id": "nothing", "colour": "red"}]
    odd.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert hitl("publish", str(odd), "--workflow", loans)[1]["published"] == 3
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("id,colour\n1,red\n")
    status, _, error = hitl("publish", str(elsewhere), "--workflow", loans)
    assert status == 1
    assert "no column is one that loan_approval reads" in error

    inference = loop_of(InferenceStage(CODEC, Models(StoredScorers(settings.model_store))), settings, log)
    with closing(inference):
        turn([inference], lambda: len(events(log, PREDICTIONS.name)) == 43)
    found: dict[str, PredictionMade] = {one.request_id: one for one in events(log, PREDICTIONS.name)}
    recorded = [one for name, one in found.items() if name.startswith("german-credit-")]
    assert len(recorded) == 40
    assert {(one.failure, one.model_digest) for one in recorded} == {(None, made["model_digest"])}
    assert found["whole"].failure is None
    assert found["lacking"].failure == "missing_columns: amount"
    assert found["nothing"].failure == "no_input"


def test_answers_make_a_better_model_and_inference_swaps_to_it(
    settings: Settings, log: KafkaLog, hitl: Hitl, tmp_path: Path
) -> None:
    file = labels_file(tmp_path / "labels.csv", imported(20, noise=0.4))
    _, first, _ = hitl("model", "train", WORKFLOW, str(file))
    models = Models(StoredScorers(settings.model_store))
    files = StoredModels(settings.model_store)
    work = partial(refit, labels=LogLabels(log, CODEC), files=files, codec=CODEC)
    stages: list[Stage[Any, Any]] = [
        InferenceStage(CODEC, models), FeedbackStage(), TrainingStage(InBackground(work)),
    ]  # fmt: skip
    loops = [loop_of(stage, settings, log) for stage in stages]
    asked = 0

    def predictions(count: int) -> list[PredictionMade]:
        nonlocal asked
        ids = {f"r{asked + n}" for n in range(count)}
        publish(log, CODEC, [REQUESTS.message(request(one, f"post {one}")) for one in sorted(ids)])
        asked += count
        turn(loops, lambda: len(events(log, PREDICTIONS.name)) == asked)
        return [one for one in events(log, PREDICTIONS.name) if one.request_id in ids]

    try:
        assert {one.model_digest for one in predictions(20)} == {first["model_digest"]}
        answers = [*blind(150, Split.GATE, start=3_000), *imported(250, start=1_000)]
        people = [msgspec.structs.replace(one, kind=FeedbackKind.REVIEW) for one in answers]
        publish(log, CODEC, [FEEDBACK.message(one) for one in people])
        turn(loops, lambda: any(isinstance(e, ModelPromoted) and e.version == 2 for e in events(log, MODELS.name)))
        promoted = [e for e in events(log, MODELS.name) if isinstance(e, ModelPromoted)][1]
        assert promoted.previous_digest == first["model_digest"]
        assert promoted.figures["lower_bound"] > 0
        turn(loops, lambda: models.digests() == {WORKFLOW: promoted.model_digest})
        assert {one.model_digest for one in predictions(20)} == {promoted.model_digest}
        assert sorted(one.request_id for one in events(log, PREDICTIONS.name)) == sorted(f"r{n}" for n in range(40))
    finally:
        for loop in loops:
            loop.close()
