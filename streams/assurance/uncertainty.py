"""How sure a model is: confidence, its level, entropy, least-confident and margin, over class probabilities `[B,
C]`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.values import Level

HIGH_ABOVE = 0.9
MEDIUM_ABOVE = 0.7

Probabilities = NDArray[np.float64]  # [B, C], rows sum to one
Figures = NDArray[np.float64]  # [B]


class Uncertainty(NamedTuple):
    """The figures of a batch, each `[B]`."""

    predicted: NDArray[np.int64]  # index of the class
    confidence: Figures
    entropy: Figures  # nats
    least_confident: Figures
    margin: Figures


def confidence(probabilities: Probabilities) -> Figures:
    """The largest probability of each row."""
    return np.asarray(probabilities.max(axis=1))


def least_confident(probabilities: Probabilities) -> Figures:
    """1 - largest probability."""
    return np.asarray(1.0 - confidence(probabilities))


def margin_uncertainty(probabilities: Probabilities) -> Figures:
    """1 - (largest - second largest probability); 0 is sure, 1 is a tie."""
    top: Probabilities = np.partition(probabilities, -2, axis=1)
    return np.asarray(1.0 - (top[:, -1] - top[:, -2]))


def entropy(probabilities: Probabilities) -> Figures:
    """Predictive entropy in nats, 0·log 0 = 0 (Shannon 1948); NaN where a probability is NaN."""
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities != 0)
    return np.asarray(np.maximum(-(probabilities * logarithms).sum(axis=1), 0.0))


def level(confidence: float) -> Level:
    """HIGH above 0.9, MEDIUM above 0.7, else LOW; the bounds themselves belong to the lower level."""
    if confidence > HIGH_ABOVE:
        return Level.HIGH
    if confidence > MEDIUM_ABOVE:
        return Level.MEDIUM
    return Level.LOW


def uncertainty(probabilities: Probabilities) -> Uncertainty:
    """All figures of a batch `[B, C]`, C ≥ 2; of equal probabilities the first class is predicted."""
    return Uncertainty(
        predicted=probabilities.argmax(axis=1),
        confidence=confidence(probabilities),
        entropy=entropy(probabilities),
        least_confident=least_confident(probabilities),
        margin=margin_uncertainty(probabilities),
    )
