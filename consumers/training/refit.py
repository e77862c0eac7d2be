"""One refit from the log: both weight profiles are fitted and calibrated, and the gate compares with the running model.

The same answers, workflow type and running model give the same artefact and the same figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from consumers.training.calibrate import FEWEST_ANSWERS, CalibrationVerdict, fit_cross_calibrated, recalibrate
from consumers.training.dataset import (
    InvalidDataset,
    Labelled,
    Profile,
    class_indices,
    inclusion_probabilities,
    inputs,
)
from consumers.training.fit import FitSettings, Task, fit, model_probabilities
from consumers.training.gate import GateVerdict, gate, gate_profiles, incomparable
from consumers.training.labels import Dataset, Labels, dataset, featurizer_for
from infra.models.artefact import Model
from infra.models.store import ModelError
from schemas.codec import Codec
from streams.workflow.types import WorkflowType

Floats = NDArray[np.float64]
GATE_SEED = 0


class ModelFiles(Protocol):
    """Where artefacts are kept."""

    def save(self, model: Model) -> str:
        """Store a model and return its URI; storing it again changes nothing."""
        ...

    def load(self, uri: str, digest: str) -> Model:
        """Raises `ModelError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The model that decides now."""

    digest: str
    uri: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitJob:
    """All that a refit depends on besides the log."""

    workflow_type: WorkflowType
    feedback_end_offset: int
    champion: Champion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A fitted and stored model, and whether it may run."""

    digest: str
    uri: str
    classes: tuple[str, ...]
    profile: str
    labels: int
    figures: dict[str, float]  # of the fit
    verdict: GateVerdict


@dataclass(frozen=True, slots=True)
class NoCandidate:
    """Why nothing could be fitted."""

    reason: str


Refit = Candidate | NoCandidate


def refit(job: RefitJob, labels: Labels, files: ModelFiles, codec: Codec) -> Refit:
    """Fit, calibrate, compare, store. Takes seconds to minutes; raises what the log and the store raise."""
    workflow_type = job.workflow_type
    data = dataset(labels.read(workflow_type.name, job.feedback_end_offset), workflow_type, codec)
    try:
        candidates = {profile: _calibrated(data, profile, job) for profile in Profile}
    except InvalidDataset as error:
        return NoCandidate(str(error))
    try:
        running = _champion_probabilities(job, data.gate, files)
    except ModelError as error:
        return NoCandidate(f"the running model cannot be compared with: {error}")
    except InvalidDataset as error:  # the candidate is kept, so that a person can let it run
        chosen, verdict = _best_calibrated(candidates), incomparable(str(error), labels=len(data.gate))
    else:
        chosen, verdict = _chosen(candidates, running, data.gate, workflow_type.classes)
    model, calibration = candidates[chosen]
    return Candidate(
        digest=model.digest,
        uri=files.save(model),
        classes=model.manifest.classes,
        profile=chosen.value,
        labels=sum(model.manifest.provenance.label_counts.values()),
        figures={**model.manifest.provenance.figures, **calibration.figures()},
        verdict=verdict,
    )


def _calibrated(data: Dataset, profile: Profile, job: RefitJob) -> tuple[Model, CalibrationVerdict]:
    """Calibrated on blind answers held out from the fit; while they are few they are fitted, too, and calibration is
    out of fold."""
    settings = FitSettings(profile=profile)
    if len(data.calibration) < FEWEST_ANSWERS:
        rows = (*data.fitting, *data.calibration)
        return fit_cross_calibrated(rows, _task(job, rows), settings, feedback_end_offset=job.feedback_end_offset)
    model = fit(data.fitting, _task(job, data.fitting), settings, feedback_end_offset=job.feedback_end_offset)
    return recalibrate(model, data.calibration)


def _task(job: RefitJob, rows: Sequence[Labelled]) -> Task:
    kind = job.workflow_type
    return Task(
        workflow=kind.name,
        classes=kind.classes,
        approving_class=kind.approving_class,
        featurizer=featurizer_for(kind, rows),
    )


def _chosen(
    candidates: Mapping[Profile, tuple[Model, CalibrationVerdict]],
    running: Floats | None,
    blind: Sequence[Labelled],
    classes: tuple[str, ...],
) -> tuple[Profile, GateVerdict]:
    """The gate picks the profile. Without a running model nothing is compared: the better calibrated one is taken."""
    labels, drawn = class_indices(blind, classes), inclusion_probabilities(blind)
    found = {profile: _probabilities(model, blind) for profile, (model, _) in candidates.items()}
    if running is not None:
        name, verdict = gate_profiles(
            running, {profile.value: p for profile, p in found.items()}, labels, drawn, seed=GATE_SEED
        )
        return Profile(name), verdict
    best = _best_calibrated(candidates)
    return best, gate(None, found[best], labels, drawn, seed=GATE_SEED)


def _best_calibrated(candidates: Mapping[Profile, tuple[Model, CalibrationVerdict]]) -> Profile:
    return min(
        candidates, key=lambda profile: (candidates[profile][1].figures()["log_loss"], profile is not Profile.UNIFORM)
    )


def _probabilities(model: Model, rows: Sequence[Labelled]) -> Floats:
    if not rows:
        return np.empty((0, len(model.manifest.classes)))
    spec = model.manifest.featurizer
    return model_probabilities(model, inputs(rows, spec.name, model.tensors["weights"].shape[0]))


def _champion_probabilities(job: RefitJob, rows: Sequence[Labelled], files: ModelFiles) -> Floats | None:
    """The running model's answers `[n, C]` in the order of the workflow's classes; 0 for a class that it does not
    know.

    Raises `ModelError` when it cannot be loaded, `InvalidDataset` when it reads other contents than these.
    """
    if job.champion is None:
        return None
    model = files.load(job.champion.uri, job.champion.digest)
    found, known = _probabilities(model, rows), model.manifest.classes
    result = np.zeros((len(rows), len(job.workflow_type.classes)))
    for place, name in enumerate(job.workflow_type.classes):
        if name in known:
            result[:, place] = found[:, known.index(name)]
    return result
