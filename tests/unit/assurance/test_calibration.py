import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as oracle_log_loss

from infra.models.calibrator import Calibrator, CalibratorKind, calibrate, calibrator, softmax
from streams.assurance.calibration import (
    Classes,
    Floats,
    brier,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    log_loss,
)


def overconfident(rows: int, classes: int, temperature: float) -> tuple[Floats, Classes]:
    """Logits that are `temperature` times too large, and labels drawn from the true probabilities."""
    random = np.random.default_rng(3)
    true = random.normal(size=(rows, classes)) * 2
    labels = np.array([random.choice(classes, p=row) for row in softmax(true)])
    return true * temperature, labels


def test_temperature_finds_how_overconfident_logits_are() -> None:
    logits, labels = overconfident(20_000, 3, 2.5)
    fitted = fit_temperature(logits, labels)
    assert fitted.parameters[0] == pytest.approx(2.5, rel=0.05)


def test_calibration_lowers_all_figures_of_overconfident_logits() -> None:
    logits, labels = overconfident(5_000, 2, 3.0)
    raw, platt = softmax(logits), calibrate(logits, fit_platt(logits, labels))
    assert log_loss(platt, labels) < log_loss(raw, labels)
    assert expected_calibration_error(platt, labels) < expected_calibration_error(raw, labels)
    assert brier(platt, labels) < brier(raw, labels)


def test_platt_agrees_with_logistic_regression_on_the_logit() -> None:
    logits, labels = overconfident(20_000, 2, 2.0)
    score = (logits[:, 1] - logits[:, 0])[:, None]
    oracle = LogisticRegression(C=1e9, tol=1e-10).fit(score, labels)
    expected = (oracle.coef_[0, 0], oracle.intercept_[0])
    assert fit_platt(logits, labels).parameters == pytest.approx(expected, abs=2e-3)


def test_platt_stays_finite_on_separable_answers() -> None:
    logits = np.array([[0.0, -3.0], [0.0, -2.0], [0.0, 2.0], [0.0, 3.0]])
    fitted = fit_platt(logits, np.array([0, 0, 1, 1]))
    assert np.isfinite(fitted.parameters).all()


def test_weights_count_as_repetitions() -> None:
    logits, labels = overconfident(200, 2, 2.0)
    repeated = np.repeat(np.arange(200), 1 + np.arange(200) % 3)
    weights = np.asarray(1.0 + np.arange(200) % 3, np.float64)
    temperature = fit_temperature(logits, labels, weights).parameters
    assert temperature == pytest.approx(fit_temperature(logits[repeated], labels[repeated]).parameters, rel=1e-4)


def test_log_loss_agrees_with_scikit_learn() -> None:
    logits, labels = overconfident(500, 4, 1.0)
    assert log_loss(softmax(logits), labels) == pytest.approx(oracle_log_loss(labels, softmax(logits)))


def test_calibration_error_of_a_coin_called_at_nine_tenths() -> None:
    probabilities = np.tile([0.9, 0.1], (1_000, 1))
    labels = np.arange(1_000) % 2
    assert expected_calibration_error(probabilities, labels, bins=1) == pytest.approx(0.4)


def test_a_certain_and_wrong_answer_costs_much_but_not_infinity() -> None:
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(27.63, abs=0.01)


def test_version_names_kind_and_parameters() -> None:
    one, same, other = (calibrator(CalibratorKind.TEMPERATURE, t) for t in (1.5, 1.5, 1.6))
    assert one.version == same.version != other.version
    assert one.version.startswith("temperature-")


def test_identity_is_the_softmax() -> None:
    logits = np.array([[0.0, 1.0, -4.0]])
    assert calibrate(logits, Calibrator()) == pytest.approx(softmax(logits))
