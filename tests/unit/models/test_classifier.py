import math

import numpy as np
import pytest

from infra.models.artefact import FeaturizerSpec, Manifest, Model, Provenance, seal
from infra.models.calibrator import Calibrator, CalibratorKind, calibrator, softmax
from infra.models.classifier import Classifier
from infra.models.text import TextFeaturizer

TEXTS = [
    "",
    "first post",
    "ÄÖÜ & emoji 🎉",
    "x" * 700,
    "@you http://a.b",
    "the quick brown fox jumps over the dog",
] * 40


def text_model(classes: int, by: Calibrator | None = None) -> Model:
    features = TextFeaturizer(bits=14)
    columns = 1 if classes == 2 else classes
    random = np.random.default_rng(classes)
    manifest = Manifest(
        workflow="toy",
        classes=tuple(f"class-{number}" for number in range(classes)),
        approving_class="class-0",
        featurizer=FeaturizerSpec(name="text", parameters=dict(features.parameters)),
        calibrator=by or Calibrator(),
        provenance=Provenance(dataset_digest=""),
    )
    weights = random.normal(size=(features.width, columns)).astype(np.float32)
    return seal(manifest, {"weights": weights, "bias": random.normal(size=columns).astype(np.float32)})


def vector_model() -> Model:
    manifest = Manifest(
        workflow="toy",
        classes=("a", "b", "c"),
        approving_class="a",
        featurizer=FeaturizerSpec(
            name="vector", parameters={"dimensions": 2, "mean": [1.0, 0.0], "deviation": [2.0, 1.0]}
        ),
        provenance=Provenance(dataset_digest=""),
    )
    weights = np.array([[1, 0, -1], [0, 2, 0]], np.float32)
    return seal(manifest, {"weights": weights, "bias": np.array([0, 0, 0.5], np.float32)})


@pytest.mark.parametrize("classes", [2, 3, 8])
def test_scores_of_a_row_are_the_same_bits_in_any_batch(classes: int) -> None:
    model = Classifier.load(text_model(classes), device="cpu", threads=1)
    together = model.scores(TEXTS)
    for size in (1, 2, 7, 33):
        parts = np.concatenate([model.scores(TEXTS[i : i + size]) for i in range(0, len(TEXTS), size)])
        assert parts.tobytes() == together.tobytes()


def test_scores_are_the_same_bits_when_a_batch_is_split_for_memory() -> None:
    whole = Classifier.load(text_model(2), device="cpu")
    split = Classifier.load(text_model(2), device="cpu", max_tokens=300)
    assert split.scores(TEXTS).tobytes() == whole.scores(TEXTS).tobytes()


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_probabilities_over_the_classes(classes: int) -> None:
    model = Classifier.load(text_model(classes), device="cpu")
    scores = model.scores(TEXTS)
    assert scores.shape == (len(TEXTS), len(model.classes))
    assert scores.dtype == np.float64
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)))
    assert model.scores([]).shape == (0, classes)


def test_vector_logits_are_the_standardised_linear_form() -> None:
    model = Classifier.load(vector_model(), device="cpu")
    logits = model.logits(np.array([[3.0, 1.0], [1.0, -1.0]], np.float32))
    assert logits.tolist() == [[1.0, 2.0, -0.5], [0.0, -2.0, 0.5]]


def test_a_vector_that_is_not_finite_spoils_its_own_row_only() -> None:
    model = Classifier.load(vector_model(), device="cpu")
    scores = model.scores(np.array([[math.nan, 0.0], [1.0, 1.0]], np.float32))
    assert np.isnan(scores[0]).all()
    assert np.isfinite(scores[1]).all()


def test_the_calibrator_is_applied() -> None:
    by = calibrator(CalibratorKind.TEMPERATURE, 4.0)
    model = Classifier.load(text_model(3, by), device="cpu")
    assert model.scores(TEXTS) == pytest.approx(softmax(model.logits(TEXTS) / 4.0))
    assert model.calibrator_version == by.version


def test_weights_that_do_not_fit_the_manifest_are_refused() -> None:
    manifest = text_model(3).manifest
    with pytest.raises(ValueError, match="train the model again"):
        Classifier.load(Model(manifest, text_model(2).tensors), device="cpu")


@pytest.mark.parametrize("model", [text_model(2), vector_model()])
def test_warm_up_runs(model: Model) -> None:
    Classifier.load(model, device="cpu").warm_up()
