"""Loan applications teach a model, the same one from the same rows, in torch as in numpy; other columns are refused."""

import numpy as np
import pytest

from consumers.training.calibrate import fit_cross_calibrated
from consumers.training.dataset import InvalidDataset, Labelled
from consumers.training.fit import FitSettings, Task, fit, model_logits, model_probabilities
from infra.models.bags import Row
from infra.models.classifier import Classifier
from infra.models.store import load, save
from infra.models.tabular import TabularFeaturizer
from producers.simulate.german_credit import COLUMNS, NUMBERS, Application, load_applications, split_applications

CLASSES = ("reject", "approve")
TASK = Task(
    workflow="loan_approval",
    classes=CLASSES,
    approving_class="approve",
    featurizer=TabularFeaturizer(
        tuple(name for name in COLUMNS if name in NUMBERS), tuple(name for name in COLUMNS if name not in NUMBERS)
    ),
)
SPLIT = split_applications(load_applications(), seed=1)
SETTINGS = FitSettings()


def labelled(applications: tuple[Application, ...]) -> list[Labelled]:
    return [
        Labelled(request_id=each.application_id, content=each.values, label=each.label) for each in applications
    ]


SEED = labelled(SPLIT.seed)
STREAM: list[Row] = [each.values for each in SPLIT.stream]
TRUTH = np.array([CLASSES.index(each.label) for each in SPLIT.stream])


def test_same_rows_in_any_order_give_the_same_digest() -> None:
    digest = fit(SEED, TASK, SETTINGS).digest
    assert fit(list(reversed(SEED)), TASK, SETTINGS).digest == digest
    turned = [
        Labelled(request_id=a.application_id, content=dict(reversed(list(a.values.items()))), label=a.label)
        for a in SPLIT.seed
    ]
    assert fit(turned, TASK, SETTINGS).digest == digest
    assert fit(SEED[1:], TASK, SETTINGS).digest != digest


def test_the_model_is_better_than_the_most_frequent_outcome_and_rarely_sure() -> None:
    model, verdict = fit_cross_calibrated(SEED, TASK, SETTINGS)
    found = model_probabilities(model, STREAM)
    right = found.argmax(axis=1) == TRUTH
    assert right.mean() > TRUTH.mean() + 0.02
    sure = found.max(axis=1) > 0.95
    assert 0 < sure.mean() < 0.2
    assert right[sure].mean() > 0.9
    assert verdict.figures()["log_loss"] < 0.6


def test_torch_and_the_trainer_agree_on_every_logit_also_of_rows_that_lack_columns(tmp_path: object) -> None:
    model, _ = fit_cross_calibrated(SEED, TASK, SETTINGS)
    rows = [*STREAM[:200], {"amount": 5_000}, {"purpose": "A47", "housing": "none"}, {"age": "1e50"}]
    stored = load(str(tmp_path), save(str(tmp_path), model))
    served = Classifier.load(stored, device="cpu").scores(rows)
    assert served == pytest.approx(model_probabilities(model, rows), abs=1e-5)


def test_a_row_that_says_next_to_nothing_is_judged_near_the_average() -> None:
    model, _ = fit_cross_calibrated(SEED, TASK, SETTINGS)
    almost_empty: list[Row] = [{"dependants": 1}, {"purpose": "never seen"}, {"telephone": "A191"}]
    assert model_probabilities(model, almost_empty).max() < 0.85


def test_a_model_refuses_rows_without_any_of_its_columns() -> None:
    model = fit(SEED, TASK, SETTINGS)
    with pytest.raises(InvalidDataset, match="the model reads other columns"):
        model_logits(model, [{"colour": "red"}])
