"""How far people agree who answered the same things: pairwise share, Krippendorff's α, Gwet's AC1, Cohen's and
Fleiss' κ. A coefficient that has no value says why; it is never 0 or NaN instead."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Label = TypeVar("Label", bound=Hashable)

UNPAIRED = "nothing was answered by two people"
ONE_CLASS = "everybody gave the same one answer, so that chance alone explains it"


class Coefficient(msgspec.Struct, frozen=True, kw_only=True):
    """A coefficient of agreement, 1 at most, or why it has none."""

    value: float | None = None
    why_not: str | None = None

    def __str__(self) -> str:
        return f"undefined, because {self.why_not}" if self.value is None else f"{self.value:.4f}"


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The coefficients of one set of answers, to be read together: prevalence breaks α and κ, not AC1 (Gwet 2008)."""

    units: int  # answered by two people or more
    answers: int  # of these
    pairwise: Coefficient
    krippendorff_alpha: Coefficient
    gwet_ac1: Coefficient
    fleiss_kappa: Coefficient


class Ratings(NamedTuple):
    """Distinct patterns of answers: `counts[p, c]` people gave class c, and `units[p]` units were answered so."""

    counts: Floats  # [P, C]
    units: Floats  # [P]

    @property
    def paired(self) -> "Ratings":
        """Only what two people or more answered."""
        kept = self.counts.sum(axis=1) >= 2
        return Ratings(self.counts[kept], self.units[kept])


def ratings(answers: Iterable[Sequence[Label]], classes: Sequence[Label]) -> Ratings:
    """What is counted of the answers to each unit; whose they are does not matter. Units without an answer are left
    out."""
    column = {label: number for number, label in enumerate(classes)}
    patterns: dict[tuple[int, ...], int] = {}
    for unit in answers:
        pattern = [0] * len(classes)
        for label in unit:
            pattern[column[label]] += 1
        patterns[tuple(pattern)] = patterns.get(tuple(pattern), 0) + 1
    return from_patterns(patterns, len(classes))


def from_patterns(patterns: Mapping[tuple[int, ...], int], classes: int) -> Ratings:
    """From how many units were answered with how many of each of the classes."""
    kept = [(pattern, units) for pattern, units in patterns.items() if any(pattern) and units]
    counts = np.array([pattern for pattern, _ in kept], np.float64).reshape(-1, classes)
    return Ratings(counts, np.array([units for _, units in kept], np.float64))


def agreement(of: Ratings) -> Agreement:
    """All coefficients that need no names of people."""
    paired = of.paired
    return Agreement(
        units=int(paired.units.sum()),
        answers=int(paired.units @ paired.counts.sum(axis=1)),
        pairwise=pairwise(of),
        krippendorff_alpha=krippendorff_alpha(of),
        gwet_ac1=gwet_ac1(of),
        fleiss_kappa=fleiss_kappa(of),
    )


def pairwise(of: Ratings) -> Coefficient:
    """The share of pairs of answers to a unit that agree, mean over the units with two answers or more."""
    shares, paired = _agreeing_pairs(of), of.paired
    if not len(shares):
        return Coefficient(why_not=UNPAIRED)
    return Coefficient(value=float(paired.units @ shares / paired.units.sum()))


def krippendorff_alpha(of: Ratings) -> Coefficient:
    """1 - observed / expected disagreement, nominal ("Computing Krippendorff's Alpha-Reliability", 2011)."""
    paired = of.paired
    if not len(paired.units):
        return Coefficient(why_not=UNPAIRED)
    values = paired.units @ paired.counts  # [C] pairable answers of each class
    total = values.sum()
    expected = 1 - (values @ (values - 1)) / (total * (total - 1))
    if np.count_nonzero(values) == 1:
        return Coefficient(why_not=ONE_CLASS)
    weights = paired.units * paired.counts.sum(axis=1)  # answers, by pattern
    observed = 1 - (weights @ _agreeing_pairs(of)) / total
    return Coefficient(value=float(1 - observed / expected))


def gwet_ac1(of: Ratings) -> Coefficient:
    """Agreement beyond chance where chance is a guess on hard units only (Gwet 2008, generalised to missing answers
    in Gwet 2014). Chance depends on how many classes there are, used or not."""
    classes = of.counts.shape[1]
    if classes < 2:
        return Coefficient(why_not="only one class can be answered")
    prevalence = _prevalence(of)
    return _beyond(pairwise(of), float(prevalence @ (1 - prevalence)) / (classes - 1))


def fleiss_kappa(of: Ratings) -> Coefficient:
    """Agreement beyond chance where everybody guesses by the classes' prevalence (Fleiss 1971; missing answers as in
    Gwet 2014)."""
    prevalence = _prevalence(of)
    if np.count_nonzero(prevalence) == 1:
        return Coefficient(why_not=ONE_CLASS)
    return _beyond(pairwise(of), float(prevalence @ prevalence))


def cohen_kappa(pairs: Iterable[tuple[Label, Label]]) -> Coefficient:
    """Agreement of two people beyond chance where each guesses by the own prevalences (Cohen 1960)."""
    answers = list(pairs)
    if not answers:
        return Coefficient(why_not=UNPAIRED)
    first, second = ([pair[person] for pair in answers] for person in (0, 1))
    classes = list(dict.fromkeys(first + second))
    if len(classes) == 1:
        return Coefficient(why_not=ONE_CLASS)
    chance = sum(first.count(label) * second.count(label) for label in classes) / len(answers) ** 2
    observed = sum(a == b for a, b in answers) / len(answers)
    return _beyond(Coefficient(value=observed), chance)


def _agreeing_pairs(of: Ratings) -> Floats:
    """Of each pattern with two answers or more, the share of its pairs that agree `[P']`."""
    counts = of.paired.counts
    people = counts.sum(axis=1)
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (people * (people - 1)))


def _prevalence(of: Ratings) -> Floats:
    """The mean over all units of each class's share of the unit's answers `[C]`, units with one answer included."""
    if not len(of.units):
        return np.zeros(of.counts.shape[1])
    shares = of.counts / of.counts.sum(axis=1, keepdims=True)
    return np.asarray(of.units @ shares / of.units.sum())


def _beyond(observed: Coefficient, chance: float) -> Coefficient:
    if observed.value is None:
        return observed
    return Coefficient(value=(observed.value - chance) / (1 - chance))
