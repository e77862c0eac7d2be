"""Every request gives one prediction, or the reason why there is none; what is no request of ours is invalid."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from consumers.inference.loading import Models
from consumers.inference.stage import InferenceConfig, InferenceStage
from infra.kafka.errors import Reason
from infra.kafka.stage import Batch, Keyed, Message, Tally
from infra.models.artefact import FeaturizerSpec, Manifest, Provenance, seal
from infra.models.bags import Inputs, Row
from infra.models.classifier import Classifier
from infra.models.tabular import TabularFeaturizer
from schemas.events import DecisionRequested, PredictionMade
from schemas.topics import PREDICTIONS, REQUESTS
from schemas.values import Payload
from tests.support.learning import CODEC, NOW, document, lane, message, policy, promoted, request, requests
from tests.support.standin import (
    NotFiniteScorer,
    RaisingScorer,
    StandInScorer,
    StandInStore,
    WrongShapeScorer,
)

A, B = "a" * 64, "b" * 64


def stage_with(*config: Message, store: StandInStore | None = None) -> tuple[InferenceStage, InferenceConfig]:
    stage = InferenceStage(CODEC, Models(store or StandInStore(), background=False))
    folded = stage.initial_config()
    for one in config:
        folded = stage.fold_config(folded, one)
    return stage, folded


def handle(stage: InferenceStage, config: InferenceConfig, messages: list[Message]) -> Batch:
    lanes = {number: lane(Keyed[bool](), partition=number) for number in {m.partition for m in messages}}
    for one in lanes.values():
        one.config_offsets = {"models": 3, "policies": 2}
    return stage.handle(messages, lanes, config)


def predictions(batch: Batch) -> list[PredictionMade]:
    assert all(out.topic == PREDICTIONS.name for out in batch.outgoing)
    return [out.event for out in batch.outgoing if isinstance(out.event, PredictionMade)]


def only(batch: Batch) -> PredictionMade:
    (found,) = predictions(batch)
    return found


def test_a_prediction_says_what_was_asked_who_answered_and_under_which_configuration() -> None:
    stage, config = stage_with(policy(document()), promoted(A))
    asked = message(REQUESTS.name, request("r1", "hello"), offset=7, partition=2, timestamp=NOW - 40)
    batch = handle(stage, config, [asked])
    found = only(batch)
    assert (found.event_id, found.request_id, found.request) == ("prediction:r1", "r1", asked.coordinates)
    assert CODEC.decode_body(found.request_body, found.request_fingerprint) == asked.event
    assert (found.requested_at, found.predicted_at) == (NOW - 40, NOW)
    assert (found.model_digest, found.calibrator, found.failure) == (A, "stand-in", None)
    assert found.config_offsets == {"models": 3, "policies": 2}
    assert found.label == found.classes[int(np.argmax(found.probabilities))]
    assert found.confidence == max(found.probabilities)
    assert batch.outgoing[0].key == b"r1"
    assert batch.tallies == [Tally("posts", NOW - NOW % 60_000, "predicted", None, 40)]
    assert CODEC.decode(CODEC.encode(found)) == found


def test_predictions_keep_the_order_of_the_requests_across_workflows() -> None:
    stage, config = stage_with(
        policy(document()), policy(document("scans"), workflow="scans"), promoted(A), promoted(B, workflow="scans")
    )
    asked = [request(f"r{n}", f"post {n}", workflow="scans" if n % 3 else "posts") for n in range(12)]
    found = predictions(handle(stage, config, requests(asked)))
    assert [one.request_id for one in found] == [one.request_id for one in asked]
    assert [one.model_digest for one in found] == [B if n % 3 else A for n in range(12)]


def test_a_prediction_has_the_same_bytes_alone_and_in_any_batch() -> None:
    store = StandInStore({A: RaisingScorer(digest=A)})
    stage, config = stage_with(policy(document()), promoted(A), store=store)
    asked = requests(request(f"r{n}", f"post {n}" + (" poison" if n % 20 == 3 else "")) for n in range(64))
    alone = [CODEC.encode(only(handle(stage, config, [one]))) for one in asked]
    assert [CODEC.encode(one) for one in predictions(handle(stage, config, asked))] == alone
    assert [CODEC.encode(one) for one in predictions(handle(stage, config, asked[10:50]))] == alone[10:50]


def test_without_a_model_the_request_goes_on_without_a_prediction() -> None:
    stage, config = stage_with(policy(document()))
    batch = handle(stage, config, requests([request("r1", "hello")]))
    found = only(batch)
    assert (found.failure, found.label, found.probabilities, found.model_digest) == ("no_model", None, (), None)
    assert found.classes == ("reject", "approve")
    assert batch.tallies[0].action == "prediction_failed"


@pytest.mark.parametrize(
    "asked",
    [
        request("r1", None),
        request("r1", "  "),
        request("r1", "hidden", encrypted=True),
        DecisionRequested(request_id="r1", workflow="posts"),
        msgspec.structs.replace(request("r1", None), attributes={"text": 7.0}),
    ],
)
def test_a_request_without_text_goes_to_people(asked: DecisionRequested) -> None:
    stage, config = stage_with(policy(document()), promoted(A))
    found = only(handle(stage, config, requests([asked])))
    assert (found.failure, found.model_digest) == ("no_input", A)


def test_the_text_is_read_from_the_field_that_the_workflow_names() -> None:
    stage, config = stage_with(policy(document(more='text_field = "body"\n')), promoted(A))
    asked = msgspec.structs.replace(request("r1", "not this"), attributes={"body": "this"})
    expected = StandInScorer(digest=A).scores(["this"])[0]
    assert only(handle(stage, config, requests([asked]))).probabilities == tuple(expected)


def test_features_are_read_as_little_endian_floats() -> None:
    vector = np.array([1.5, -2.0], "<f4")
    store = StandInStore({A: StandInScorer(digest=A, featurizer_name="vector")})
    stage, config = stage_with(policy(document(featurizer="vector")), promoted(A), store=store)
    good = DecisionRequested(request_id="r1", workflow="posts", features=vector.tobytes())
    short = DecisionRequested(request_id="r2", workflow="posts", features=vector.tobytes()[:-1])
    first, second = predictions(handle(stage, config, requests([good, short])))
    assert first.probabilities == tuple(StandInScorer(digest=A).scores(vector[None])[0])
    assert second.failure == "no_input"


@pytest.mark.parametrize(
    ("scorer", "failure"),
    [
        (RaisingScorer(digest=A), "model_raised: ValueError: it does not digest this text"),
        (NotFiniteScorer(digest=A), "not_finite"),
        (WrongShapeScorer(digest=A), "wrong_shape"),
    ],
)
def test_a_model_that_fails_sends_that_request_to_people_with_the_reason(scorer: StandInScorer, failure: str) -> None:
    stage, config = stage_with(policy(document()), promoted(A), store=StandInStore({A: scorer}))
    asked = [request("r1", "hello"), request("r2", "poison"), request("r3", "world")]
    found = predictions(handle(stage, config, requests(asked)))
    assert [one.failure for one in found] == [None, failure, None]
    assert (found[1].label, found[1].confidence, found[1].model_digest) == (None, None, A)


def test_a_model_of_other_classes_does_not_decide() -> None:
    classes = '["reject", "approve", "unclear"]'
    stage, config = stage_with(policy(document(classes=classes)), promoted(A))
    assert only(handle(stage, config, requests([request("r1", "hello")]))).failure == "other_classes"


def test_a_model_that_cannot_be_loaded_sends_requests_to_people() -> None:
    stage, config = stage_with(policy(document()), promoted(A), store=StandInStore(damaged={A}))
    assert only(handle(stage, config, requests([request("r1", "hello")]))).failure == "model_unavailable"


def test_an_unknown_workflow_is_invalid_and_its_neighbours_are_scored() -> None:
    stage, config = stage_with(policy(document()), promoted(A))
    asked = requests([request("r1", "a"), request("r2", "b", workflow="strange"), request("r3", "c")])
    batch = handle(stage, config, asked)
    assert [one.request_id for one in predictions(batch)] == ["r1", "r3"]
    ((bad, error),) = batch.invalid
    assert bad is asked[1]
    assert (error.reason, error.workflow, error.request_id) == (Reason.UNKNOWN_WORKFLOW, "strange", "r2")


def test_a_new_model_takes_over_between_batches_and_no_request_is_lost() -> None:
    models = Models(StandInStore())
    stage = InferenceStage(CODEC, models)
    config = stage.initial_config()
    for one in (policy(document()), promoted(A)):
        config = stage.fold_config(config, one)
    seen: list[PredictionMade] = []
    for number in range(20):
        if number == 10:
            config = stage.fold_config(config, promoted(B, version=2))
            models.settle()
        seen += predictions(handle(stage, config, requests(request(f"{number}-{n}", f"post {n}") for n in range(8))))
    assert [one.model_digest for one in seen] == [A] * 80 + [B] * 80
    assert seen[0].probabilities != seen[80].probabilities
    assert len({one.request_id for one in seen}) == 160


def test_a_damaged_new_model_leaves_the_old_one_deciding() -> None:
    stage, config = stage_with(policy(document()), promoted(A), store=StandInStore(damaged={B}))
    config = stage.fold_config(config, promoted(B, version=2))
    found = only(handle(stage, config, requests([request("r1", "hello")])))
    assert (found.model_digest, found.failure) == (A, None)


COLUMNS = '[columns]\nnumeric = ["amount", "months"]\ncategorical = ["purpose"]\nrequired = ["amount"]\n'


class SeesColumns(StandInScorer):
    """Answers by the amount, and says which rows it was asked about."""

    rows: ClassVar[list[object]] = []

    def scores(self, inputs: Inputs, /) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        self.rows.extend(inputs)
        amounts = [str(row["amount"]) for row in inputs if isinstance(row, Mapping)]
        approve = np.array([0.99 if float(amount) < 100 else 0.5 for amount in amounts])
        return np.stack([1 - approve, approve], axis=1)


def loan(request_id: str, fields: dict[str, object], **attributes: str | float | bool) -> DecisionRequested:
    body = msgspec.json.encode(fields)
    return DecisionRequested(
        request_id=request_id, workflow="posts", payload=Payload(body=body), attributes=attributes
    )


def test_columns_are_read_and_a_request_that_lacks_what_is_required_goes_to_people() -> None:
    SeesColumns.rows.clear()
    store = StandInStore({A: SeesColumns(digest=A, featurizer_name="tabular")})
    stage, config = stage_with(policy(document(featurizer="tabular", more=COLUMNS)), promoted(A), store=store)
    asked = [
        loan("whole", {"amount": 50, "months": 12, "purpose": "car"}),
        loan("none", {"colour": "red", "amount": "", "months": None}),
        loan("lacking", {"months": 12, "purpose": "car", "amount": "much"}),
        loan("some", {"amount": "200"}),
        loan("attribute", {"purpose": "car"}, amount=50.0),
        request("sealed", "x", encrypted=True),
    ]
    found = predictions(handle(stage, config, requests(asked)))
    assert [one.failure for one in found] == [
        None, "no_input", "missing_columns: amount", None, None, "no_input",
    ]  # fmt: skip
    assert [one.confidence for one in found] == [0.99, None, None, 0.5, 0.99, None]
    assert SeesColumns.rows == [
        {"amount": 50, "months": 12, "purpose": "car"}, {"amount": "200"}, {"purpose": "car", "amount": 50.0},
    ]  # fmt: skip


def test_a_model_of_columns_that_are_no_longer_sent_does_not_decide() -> None:
    rows: list[Row] = [{"weight": 1.0, "colour": "red"}, {"weight": 2.0}]
    features = TabularFeaturizer(("weight",), ("colour",)).fitted(rows)
    weights = np.ones((features.width, 1), np.float32)
    model = seal(
        Manifest(
            workflow="posts", classes=("reject", "approve"), approving_class="approve",
            featurizer=FeaturizerSpec(name="tabular", parameters=dict(features.parameters)),
            provenance=Provenance(dataset_digest=""),
        ),
        {"weights": weights, "bias": np.zeros(1, np.float32)},
    )  # fmt: skip
    classifier = Classifier.load(model, device="cpu")

    class One:
        def load(self, uri: str, digest: str) -> Classifier:
            return classifier

    stage = InferenceStage(CODEC, Models(One(), background=False))
    config = stage.initial_config()
    for one in (policy(document(featurizer="tabular", more=COLUMNS)), promoted(classifier.digest)):
        config = stage.fold_config(config, one)
    asked = [loan("other", {"amount": 50}), loan("both", {"amount": 50, "weight": 1.5})]
    other, both = predictions(handle(stage, config, requests(asked)))
    assert both.failure is None
    assert (other.failure or "").startswith("model_raised: InvalidRow: row 0 holds none of weight, colour")
