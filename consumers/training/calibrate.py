"""Chooses a calibrator on answers held out from the weights' fit, and only if it helps beyond its own fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumers.training.dataset import Labelled, class_indices, inputs
from consumers.training.fit import FitSettings, Task, fit, model_logits, out_of_fold_logits
from infra.models.artefact import Model, with_calibrator
from infra.models.calibrator import Calibrator, calibrate
from streams.assurance.calibration import (
    CalibrationFigures,
    calibration_figures,
    fit_platt,
    fit_temperature,
)

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

FEWEST_ANSWERS = 50
SLICES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationVerdict:
    """The calibrator to use (the current one when refused), and cross-fitted figures before and after."""

    accepted: bool
    reason: str
    calibrator: Calibrator
    answers: int
    before: CalibrationFigures | None = None  # None: no answer to measure on
    after: CalibrationFigures | None = None

    def figures(self) -> dict[str, float]:
        """As manifests and events carry them; of an accepted calibrator the cross-fitted ones."""
        measured = {"calibration_answers": float(self.answers)}
        kept = self.after if self.accepted else self.before
        if kept is None or self.before is None:
            return measured
        return measured | kept._asdict() | {"log_loss_before_calibration": self.before.log_loss}


def choose_calibrator(
    logits: Floats, labels: Classes, current: Calibrator, *, weights: Floats | None = None
) -> CalibrationVerdict:
    """Platt for two classes, temperature for more, fitted on held-out `logits` [n, C].

    Accepted only if log-loss falls on slices held out from the fit; fewer than 50 answers, or answers of one class,
    keep `current`.
    """
    before = calibration_figures(calibrate(logits, current), labels, weights) if len(labels) else None
    present = len(np.unique(labels))
    if before is None or len(labels) < FEWEST_ANSWERS or present < 2:
        reason = f"{len(labels)} held-out answers of {present} classes; {FEWEST_ANSWERS} of two or more are needed"
        return CalibrationVerdict(
            accepted=False, reason=reason, calibrator=current, answers=len(labels), before=before, after=before
        )
    crossed = cross_fitted(logits, labels, weights)
    after = calibration_figures(crossed, labels, weights)
    accepted = after.log_loss < before.log_loss
    verb = "falls" if accepted else "does not fall"
    return CalibrationVerdict(
        accepted=accepted,
        reason=f"log-loss {verb} from {before.log_loss:.4f} to {after.log_loss:.4f} on {len(labels)} held-out answers",
        calibrator=fit_calibrator(logits, labels, weights) if accepted else current,
        answers=len(labels),
        before=before,
        after=after,
    )


def fit_calibrator(logits: Floats, labels: Classes, weights: Floats | None = None) -> Calibrator:
    """Platt scaling for two classes, temperature for more."""
    return fit_platt(logits, labels, weights) if logits.shape[1] == 2 else fit_temperature(logits, labels, weights)


def cross_fitted(logits: Floats, labels: Classes, weights: Floats | None = None) -> Floats:
    """Probabilities `[n, C]`, each row calibrated by a fit on the other slices."""
    result = np.empty_like(logits)
    slices = np.arange(len(labels)) % SLICES
    for number in range(SLICES):
        seen = slices != number
        fitted = fit_calibrator(logits[seen], labels[seen], None if weights is None else weights[seen])
        result[~seen] = calibrate(logits[~seen], fitted)
    return result


def recalibrate(model: Model, held_out: Sequence[Labelled]) -> tuple[Model, CalibrationVerdict]:
    """The model under the calibrator that answers held out from its fit call for; those answers count equally."""
    spec = model.manifest.featurizer
    dimensions = model.tensors["weights"].shape[0]
    logits = model_logits(model, inputs(held_out, spec.name, dimensions))
    verdict = choose_calibrator(logits, class_indices(held_out, model.manifest.classes), model.manifest.calibrator)
    return with_calibrator(model, verdict.calibrator, verdict.figures()), verdict


def fit_candidate(
    rows: Sequence[Labelled],
    held_out: Sequence[Labelled],
    task: Task,
    settings: FitSettings,
    *,
    feedback_end_offset: int | None = None,
) -> tuple[Model, CalibrationVerdict]:
    """A model on `rows`, calibrated out of fold, then on the blind answers `held_out` if that is better on them."""
    model, out_of_fold = fit_cross_calibrated(rows, task, settings, feedback_end_offset=feedback_end_offset)
    recalibrated, verdict = recalibrate(model, held_out)
    return (recalibrated, verdict) if verdict.accepted else (model, out_of_fold)


def fit_cross_calibrated(
    rows: Sequence[Labelled], task: Task, settings: FitSettings, *, feedback_end_offset: int | None = None
) -> tuple[Model, CalibrationVerdict]:
    """A model on all rows, calibrated on their out-of-fold logits: for the first model, when no row can be spared."""
    model = fit(rows, task, settings, feedback_end_offset=feedback_end_offset)
    ordered = sorted(rows, key=lambda row: row.request_id)
    logits = out_of_fold_logits(ordered, task, settings)
    labels = class_indices(ordered, task.classes)
    verdict = choose_calibrator(logits, labels, model.manifest.calibrator)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    figures = {**verdict.figures(), "out_of_fold_accuracy": accuracy}
    return with_calibrator(model, verdict.calibrator, figures), verdict
