"""Fits calibrators on held-out logits and measures calibration: log-loss, expected calibration error, Brier score."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.models.calibrator import Calibrator, CalibratorKind, calibrate, calibrator

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

BINS = 15
SMALLEST_PROBABILITY = 1e-12  # a certain and wrong answer costs 27.6 nats, not infinity
LOGARITHMIC_TEMPERATURES = (-4.0, 4.0)
GOLDEN = (5**0.5 - 1) / 2


class CalibrationFigures(NamedTuple):
    """Lower is better in all three."""

    log_loss: float  # nats
    expected_calibration_error: float
    brier: float


def log_losses(probabilities: Floats, labels: Classes) -> Floats:
    """-log p(label) of each row `[B]`, nats."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0))


def log_loss(probabilities: Floats, labels: Classes, weights: Floats | None = None) -> float:
    """Weighted mean of -log p(label), nats."""
    return float(np.average(log_losses(probabilities, labels), weights=weights))


def brier(probabilities: Floats, labels: Classes, weights: Floats | None = None) -> float:
    """Weighted mean of the squared distance to the one-hot label, summed over classes (Brier 1950)."""
    distance = probabilities.copy()
    distance[np.arange(len(labels)), labels] -= 1.0
    return float(np.average((distance**2).sum(axis=1), weights=weights))


def expected_calibration_error(
    probabilities: Floats, labels: Classes, weights: Floats | None = None, *, bins: int = BINS
) -> float:
    """Mean |accuracy - confidence| over bins of equal mass by confidence (Naeini et al. 2015; equal mass: Nixon et
    al. 2019)."""
    confidence = probabilities.max(axis=1)
    correct = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    mass = np.ones(len(labels)) if weights is None else weights
    order = np.argsort(confidence, kind="stable")
    gaps = np.array([abs(float(mass[rows] @ (correct - confidence)[rows])) for rows in np.array_split(order, bins)])
    return float(gaps.sum() / mass.sum())


def calibration_figures(probabilities: Floats, labels: Classes, weights: Floats | None = None) -> CalibrationFigures:
    """The three figures of a set of answers."""
    return CalibrationFigures(
        log_loss(probabilities, labels, weights),
        expected_calibration_error(probabilities, labels, weights),
        brier(probabilities, labels, weights),
    )


def fit_temperature(logits: Floats, labels: Classes, weights: Floats | None = None) -> Calibrator:
    """The temperature of least log-loss, by golden-section search over log T (the loss is unimodal in it: Guo et al.
    2017)."""

    def loss(logarithm: float) -> float:
        candidate = Calibrator(kind=CalibratorKind.TEMPERATURE, parameters=(float(np.exp(logarithm)),))
        return log_loss(calibrate(logits, candidate), labels, weights)

    return calibrator(CalibratorKind.TEMPERATURE, float(np.exp(_least(loss, *LOGARITHMIC_TEMPERATURES))))


def fit_platt(logits: Floats, labels: Classes, weights: Floats | None = None) -> Calibrator:
    """Slope and intercept of the second class's logit by Newton's method on Platt's smoothed targets (Platt 1999;
    Lin, Lin & Weng 2007)."""
    mass = np.ones(len(labels)) if weights is None else weights
    score = logits[:, 1] - logits[:, 0]
    positives, negatives = float(mass[labels == 1].sum()), float(mass[labels == 0].sum())
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([score, np.ones_like(score)], axis=1)  # [B, 2]
    theta = np.array([1.0, 0.0])
    value = _platt_loss(design @ theta, target, mass)
    for _ in range(100):
        fitted = _sigmoid(design @ theta)
        gradient = design.T @ (mass * (fitted - target))
        curvature = (design * (mass * fitted * (1 - fitted))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.asarray(np.linalg.solve(curvature, gradient), np.float64)
        theta, value, moved = _descend(theta, step, value, lambda at: _platt_loss(design @ at, target, mass))
        if not moved or float(np.abs(gradient).max()) < 1e-9 * mass.sum():
            break
    return calibrator(CalibratorKind.PLATT, float(theta[0]), float(theta[1]))


def _descend(theta: Floats, step: Floats, value: float, loss: Callable[[Floats], float]) -> tuple[Floats, float, bool]:
    """Halves a Newton step until the loss falls; unmoved when it never does."""
    for halving in range(30):
        candidate = theta - step / 2**halving
        lower = loss(candidate)
        if lower < value:
            return candidate, lower, True
    return theta, value, False


def _sigmoid(score: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -score)))


def _platt_loss(score: Floats, target: Floats, mass: Floats) -> float:
    return float(mass @ (np.logaddexp(0.0, score) - target * score))


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Golden-section search for the minimum of a unimodal function."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > 1e-7:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
