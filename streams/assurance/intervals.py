"""Intervals for a share that was counted in a sample."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95
HALVINGS: Final = 60


class Interval(NamedTuple):
    """A share, and between which values it lies with `CONFIDENCE`."""

    low: float
    high: float


def clopper_pearson(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a binomial share (Clopper and Pearson, Biometrika 1934).

    >>> clopper_pearson(0, 100)
    Interval(low=0.0, high=0.0362)
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else _root(lambda p: 1 - binomial_cdf(successes - 1, trials, p) < tail)
    high = 1.0 if successes == trials else _root(lambda p: binomial_cdf(successes, trials, p) > tail)
    return Interval(round(low, 4), round(high, 4))


def lower_bound(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> float:
    """What a binomial share exceeds with this confidence, one-sided and exact; 0 before the first trial.

    >>> lower_bound(59, 59)
    0.9505
    """
    return clopper_pearson(successes, trials, confidence=2 * confidence - 1).low


def binomial_cdf(successes: int, trials: int, share: float) -> float:
    """P(X <= successes) for a binomial X, summed over the shorter tail."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 1.0 if successes >= trials else 0.0
    if successes > trials // 2:
        return 1.0 - sum(_pmf(k, trials, share) for k in range(successes + 1, trials + 1))
    return sum(_pmf(k, trials, share) for k in range(successes + 1))


def _pmf(k: int, n: int, p: float) -> float:
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choose + k * math.log(p) + (n - k) * math.log1p(-p))


def _root(is_below: Callable[[float], bool]) -> float:
    """Where a monotone condition on [0, 1] stops holding."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2
