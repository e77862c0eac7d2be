"""The same classifier on a GPU; where there is none, nothing here can be said."""

import numpy as np
import pytest
import torch

from infra.models.classifier import Classifier
from tests.unit.models.test_classifier import TEXTS, text_model, vector_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CLOSE = 1e-6  # of a probability: the device sums in another order


@pytest.mark.parametrize("classes", [2, 3, 8])
def test_a_gpu_is_chosen_by_itself_and_scores_as_the_cpu_does(classes: int) -> None:
    on_cpu = Classifier.load(text_model(classes), device="cpu").scores(TEXTS)
    model = Classifier.load(text_model(classes))
    assert model.device.startswith("cuda")
    model.warm_up()
    assert np.abs(model.scores(TEXTS) - on_cpu).max() < CLOSE


def test_scores_of_a_row_are_the_same_bits_in_any_batch_of_a_gpu() -> None:
    model = Classifier.load(text_model(3))
    together = model.scores(TEXTS)
    for size in (1, 7, 33):
        parts = np.concatenate([model.scores(TEXTS[i : i + size]) for i in range(0, len(TEXTS), size)])
        assert parts.tobytes() == together.tobytes()


def test_a_batch_split_for_memory_scores_the_same_on_a_gpu() -> None:
    whole, split = Classifier.load(text_model(2)), Classifier.load(text_model(2), max_tokens=300)
    assert split.scores(TEXTS).tobytes() == whole.scores(TEXTS).tobytes()


def test_vectors_that_are_not_finite_are_told_apart_on_a_gpu() -> None:
    model = Classifier.load(vector_model())
    scores = model.scores(np.array([[3.0, 1.0], [np.nan, 0.0], [1.0, -1.0]], np.float32))
    assert np.isnan(scores[1]).all()
    assert np.isfinite(scores[[0, 2]]).all()
