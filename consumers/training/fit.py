"""Deterministic refit from labelled rows to a linear model: L2-regularised logistic regression on hashed columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from consumers.training.dataset import (
    InvalidDataset,
    Labelled,
    Profile,
    canonical,
    class_indices,
    dataset_digest,
    inputs,
    label_counts,
    sample_weights,
)
from infra.models.artefact import FeaturizerSpec, Manifest, Model, Provenance, seal
from infra.models.bags import Bags, Featurizer, Inputs
from infra.models.calibrator import calibrate
from infra.models.featurizers import featurizer
from infra.models.tabular import InvalidRow
from infra.models.text import TextFeaturizer

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

# Tuned on davidson from 300 to 4,000 labels, and on german_credit from 300 to 700.
INVERSE_REGULARISATION: Final = {"text": 200.0, "tabular": 0.1, "vector": 1.0}
FEWEST_PER_CLASS: Final = 2
ABSENT_CLASS_LOGIT: Final = -8.0  # a class without a single label is improbable, not impossible
LIBRARIES: Final = ("numpy", "scipy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """What decides a fit besides the rows; `inverse_regularisation` None takes the featurizer's own."""

    profile: Profile = Profile.UNIFORM
    inverse_regularisation: float | None = None
    max_iterations: int = 500
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be learnt: the workflow, its classes in order, the approving one, and how inputs become columns."""

    workflow: str
    classes: tuple[str, ...]
    approving_class: str
    featurizer: Featurizer = field(default_factory=TextFeaturizer)


def fit(
    rows: Sequence[Labelled], task: Task, settings: FitSettings, *, feedback_end_offset: int | None = None
) -> Model:
    """An uncalibrated model; the same rows (in any order), task, settings and libraries give the same digest.

    Raises InvalidDataset when fewer than two classes have two labels, or a row does not fit the task.
    """
    ordered = canonical(rows)
    labels = _labels(ordered, task)
    features, contents = _fitted_features(ordered, task)
    design = _design(features, contents)
    weights, bias = _logistic_regression(design, labels, sample_weights(ordered, settings.profile), task, settings)
    manifest = Manifest(
        workflow=task.workflow,
        classes=task.classes,
        approving_class=task.approving_class,
        featurizer=FeaturizerSpec(name=features.name, parameters=dict(features.parameters)),
        provenance=Provenance(
            dataset_digest=dataset_digest(ordered),
            feedback_end_offset=feedback_end_offset,
            label_counts=label_counts(ordered, task.classes),
            profile=settings.profile.value,
            seed=settings.seed,
            libraries={name: version(name) for name in LIBRARIES},
        ),
    )
    return seal(manifest, {"weights": weights.astype(np.float32), "bias": bias.astype(np.float32)})


def out_of_fold_logits(rows: Sequence[Labelled], task: Task, settings: FitSettings) -> Floats:
    """Logits `[n, C]`, row by row as given, each from a model that did not see the row; folds are stratified by
    label."""
    labels = _labels(rows, task)
    features, contents = _fitted_features(rows, task)
    design = _design(features, contents)
    mass = sample_weights(rows, settings.profile)
    folds = stratified_folds(labels, [row.request_id for row in rows], settings)
    result = np.zeros((len(rows), len(task.classes)))
    for fold in range(int(folds.max()) + 1):
        seen = folds != fold
        weights, bias = _logistic_regression(design[seen], labels[seen], mass[seen], task, settings)
        result[~seen] = _with_reference(design[~seen] @ weights + bias)
    return result


def stratified_folds(labels: Classes, request_ids: Sequence[str], settings: FitSettings) -> Classes:
    """Fold of each row `[n]`: rows of a class are shuffled by the seed and dealt in turn; never more folds than rows
    of the rarest class."""
    counts = np.bincount(labels)
    number = max(2, min(settings.folds, int(counts[counts > 0].min())))
    order = np.argsort(np.array(request_ids), kind="stable")
    order = np.random.default_rng(settings.seed).permutation(order)
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), np.int64)
    folds[order] = np.arange(len(labels)) % number
    return folds


def model_logits(model: Model, contents: Inputs) -> Floats:
    """Logits `[n, C]` of a stored model, without torch. Raises InvalidDataset for contents that it cannot read."""
    spec = model.manifest.featurizer
    design = _design(featurizer(spec.name, spec.parameters), contents)
    return _with_reference(
        design @ model.tensors["weights"].astype(np.float64) + model.tensors["bias"].astype(np.float64)
    )


def model_probabilities(model: Model, contents: Inputs) -> Floats:
    """Calibrated probabilities `[n, C]` of a stored model, without torch."""
    return calibrate(model_logits(model, contents), model.manifest.calibrator)


def design_matrix(bags: Bags, width: int) -> "csr_matrix":
    """The sparse matrix `[B, width]` that the bags describe, scale and repetitions included."""
    from scipy.sparse import csr_matrix

    groups, rows = bags.scale.shape
    lengths = np.diff(np.append(bags.offsets, bags.indices.size))  # [G * B]
    values = np.repeat(bags.scale.reshape(-1).astype(np.float64), lengths)
    if bags.values is not None:
        values *= bags.values
    row_of_bag = np.tile(np.arange(rows), groups)
    return csr_matrix((values, (np.repeat(row_of_bag, lengths), bags.indices)), shape=(rows, width))


def _design(features: Featurizer, contents: Inputs) -> "csr_matrix":
    try:
        return design_matrix(features.bags(contents), features.width)
    except InvalidRow as error:
        raise InvalidDataset(f"{error}; the model reads other columns than the answers hold") from error


def _labels(rows: Sequence[Labelled], task: Task) -> Classes:
    labels = class_indices(rows, task.classes)
    counts = np.bincount(labels, minlength=len(task.classes))
    if int((counts >= FEWEST_PER_CLASS).sum()) < 2:
        found = ", ".join(f"{name} {count}" for name, count in zip(task.classes, counts, strict=True))
        raise InvalidDataset(
            f"two classes need {FEWEST_PER_CLASS} labels or more, found {found}; label more rows of the missing class"
        )
    return labels


def _fitted_features(rows: Sequence[Labelled], task: Task) -> tuple[Featurizer, Inputs]:
    contents = inputs(rows, task.featurizer.name, task.featurizer.width)
    return task.featurizer.fitted(contents), contents


def _with_reference(logits: Floats) -> Floats:
    """Of two classes the first one's logit is 0."""
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def _logistic_regression(
    design: "csr_matrix", labels: Classes, mass: Floats, task: Task, settings: FitSettings
) -> tuple[Floats, Floats]:
    """Weights `[D, K]` and bias `[K]`, K = 1 for two classes; columns that no row uses keep weight 0 and cost
    nothing."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    used = np.unique(design.indices)
    strength = settings.inverse_regularisation or INVERSE_REGULARISATION[task.featurizer.name]
    with threadpool_limits(1):  # the order of sums, and with it the digest, must not depend on the number of cores
        solver = LogisticRegression(C=strength, max_iter=settings.max_iterations, tol=1e-4)
        solver.fit(design[:, used], labels, sample_weight=mass)
    weights = np.zeros((design.shape[1], solver.coef_.shape[0]))
    weights[used] = solver.coef_.T
    return _all_classes(weights, solver.intercept_, solver.classes_, len(task.classes))


def _all_classes(weights: Floats, bias: Floats, present: Classes, number: int) -> tuple[Floats, Floats]:
    """Spreads what was learnt about the classes present over all classes of the task."""
    if number == 2:
        return weights, bias
    if weights.shape[1] == 1:  # of three or more classes only two have labels
        weights, bias = np.concatenate([-weights / 2, weights / 2], axis=1), np.concatenate([-bias / 2, bias / 2])
    all_weights, all_bias = np.zeros((weights.shape[0], number)), np.full(number, ABSENT_CLASS_LOGIT)
    all_weights[:, present], all_bias[present] = weights, bias
    return all_weights, all_bias
