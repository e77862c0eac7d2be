"""Whether a candidate may replace the running model: 1/π-weighted log-loss on blind answers, paired bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.assurance.calibration import log_losses

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

FEWEST_LABELS = 100
CONFIDENCE = 0.9  # one-sided
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Promote or not, why, and the figures; those that could not be measured are None."""

    promote: bool
    reason: str
    labels: int
    improvement: float | None = None  # nats of log-loss, positive when the candidate is better
    lower_bound: float | None = None  # of the improvement
    champion_log_loss: float | None = None
    candidate_log_loss: float | None = None
    champion_accuracy: float | None = None
    candidate_accuracy: float | None = None

    def figures(self) -> dict[str, float]:
        """What was measured, as events carry it."""
        measured: dict[str, float | None] = {
            "gate_labels": float(self.labels),
            "improvement": self.improvement,
            "lower_bound": self.lower_bound,
            "champion_log_loss": self.champion_log_loss,
            "candidate_log_loss": self.candidate_log_loss,
            "champion_accuracy": self.champion_accuracy,
            "candidate_accuracy": self.candidate_accuracy,
        }
        return {name: value for name, value in measured.items() if value is not None}


def gate(
    champion_probabilities: Floats | None,
    candidate_probabilities: Floats,
    labels: Classes,
    inclusion_probabilities: Floats,
    *,
    seed: int,
    confidence: float = CONFIDENCE,
) -> GateVerdict:
    """Promotes when the 1/π-weighted log-loss falls with a one-sided bootstrap lower bound above 0 on ≥ 100 labels.

    Probabilities `[n, C]` of the same blind answers `labels` `[n]` (class indices), drawn with
    `inclusion_probabilities` `[n]`.
    Percentile bootstrap over answers (Efron 1979) of the self-normalised (Hájek) mean; deterministic by `seed`.
    """
    _check(champion_probabilities, candidate_probabilities, labels, inclusion_probabilities)
    if champion_probabilities is None:
        return GateVerdict(promote=True, reason="no model is running, the first one is promoted", labels=len(labels))
    if len(labels) < FEWEST_LABELS:
        reason = f"{len(labels)} blind answers, {FEWEST_LABELS} are needed to compare; the running model stays"
        return GateVerdict(promote=False, reason=reason, labels=len(labels))
    weights = 1.0 / inclusion_probabilities
    champion, candidate = log_losses(champion_probabilities, labels), log_losses(candidate_probabilities, labels)
    gain = champion - candidate
    improvement = float(np.average(gain, weights=weights))
    lower = lower_bound(gain, weights, seed=seed, confidence=confidence)
    return GateVerdict(
        promote=lower > 0,
        reason=_reason(improvement, lower, len(labels), confidence),
        labels=len(labels),
        improvement=improvement,
        lower_bound=lower,
        champion_log_loss=float(np.average(champion, weights=weights)),
        candidate_log_loss=float(np.average(candidate, weights=weights)),
        champion_accuracy=_accuracy(champion_probabilities, labels, weights),
        candidate_accuracy=_accuracy(candidate_probabilities, labels, weights),
    )


def gate_profiles(
    champion_probabilities: Floats | None,
    candidates: Mapping[str, Floats],
    labels: Classes,
    inclusion_probabilities: Floats,
    *,
    seed: int,
) -> tuple[str, GateVerdict]:
    """The candidate to go on with, by name, and its verdict: of those that pass the one that gains most, else the one
    of least loss.

    The chance of a wrong promotion is shared between the candidates (Bonferroni).
    """
    confidence = 1.0 - (1.0 - CONFIDENCE) / len(candidates)
    verdicts = {
        name: gate(champion_probabilities, found, labels, inclusion_probabilities, seed=seed, confidence=confidence)
        for name, found in sorted(candidates.items())
    }
    weights = 1.0 / inclusion_probabilities
    losses = {
        name: float(np.average(log_losses(found, labels), weights=weights)) if len(labels) else 0.0
        for name, found in candidates.items()
    }
    best = min(verdicts, key=lambda name: (not verdicts[name].promote, losses[name], name))
    return best, verdicts[best]


def incomparable(why: str, *, labels: int) -> GateVerdict:
    """The verdict when the running model cannot answer what the candidate answers: no figure, so no promotion."""
    reason = (
        f"the running model cannot read what requests hold now, so nothing was compared ({why}); it stays until a "
        "person decides: `hitl model train WORKFLOW FILE --promote`"
    )
    return GateVerdict(promote=False, reason=reason, labels=labels)


def lower_bound(gain: Floats, weights: Floats, *, seed: int, confidence: float) -> float:
    """The (1 - confidence) quantile of the weighted mean gain over resamples of the answers."""
    random = np.random.default_rng(seed)
    times = random.multinomial(len(gain), np.full(len(gain), 1 / len(gain)), size=RESAMPLES)  # [R, n]
    mass = times * weights
    return float(np.quantile((mass @ gain) / mass.sum(axis=1), 1.0 - confidence))


def _reason(improvement: float, lower: float, labels: int, confidence: float) -> str:
    bound = f"lower {confidence:.0%} bound {lower:+.4f} on {labels} blind answers"
    if lower > 0:
        return f"log-loss falls by {improvement:.4f}, {bound}"
    return f"log-loss does not surely fall: improvement {improvement:+.4f}, {bound}; the running model stays"


def _accuracy(probabilities: Floats, labels: Classes, weights: Floats) -> float:
    return float(np.average(probabilities.argmax(axis=1) == labels, weights=weights))


def _check(champion: Floats | None, candidate: Floats, labels: Classes, inclusion_probabilities: Floats) -> None:
    lengths = {len(candidate), len(labels), len(inclusion_probabilities)} | (
        {len(champion)} if champion is not None else set()
    )
    if len(lengths) != 1:
        raise ValueError(f"the gate needs one row per answer in every argument, got lengths {sorted(lengths)}")
    if len(labels) and not (inclusion_probabilities.min() > 0 and inclusion_probabilities.max() <= 1):
        raise ValueError("inclusion probabilities lie in (0, 1]; an answer drawn with probability 0 cannot exist")
