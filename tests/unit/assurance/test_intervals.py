"""The exact binomial interval, against tables."""

import pytest

from streams.assurance.intervals import Interval, binomial_cdf, clopper_pearson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 100, 0.0, 0.0362), (5, 100, 0.0164, 0.1128), (97, 100, 0.9148, 0.9938), (10, 10, 0.6915, 1.0)],
)
def test_the_interval_is_that_of_the_tables(successes: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, trials) == pytest.approx((low, high), abs=1e-4)


def test_no_trials_say_nothing() -> None:
    assert clopper_pearson(0, 0) == Interval(0.0, 1.0)


def test_large_samples_are_summed_without_overflow() -> None:
    assert binomial_cdf(5_000, 10_000, 0.5) == pytest.approx(0.504, abs=0.001)
    low, high = clopper_pearson(19_000, 20_000)
    assert 0.946 < low < 0.95 < high < 0.954
