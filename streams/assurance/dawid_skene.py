"""Who errs how, and what is probably true, from overlapping answers alone (Dawid and Skene 1979)."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Person = TypeVar("Person", bound=Hashable)
Label = TypeVar("Label", bound=Hashable)

MOST_ROUNDS: Final = 500
TOLERANCE: Final = 1e-4  # a round that moves no probability further than this is the last
PSEUDO_COUNT: Final = 0.01  # answers added to every cell of a person's table, so that nothing is impossible


class Votes(NamedTuple):
    """Answers one by one, each `[V]`: which item, by whom, which class; anybody may have answered any of the items."""

    items: Indices
    people: Indices
    labels: Indices


class Estimate(NamedTuple):
    """What the answers say; `converged` is False where the rounds ran out."""

    posterior: Floats  # [I, C] of each item's true class
    confusion: Floats  # [R, C, C] of a person's answer (last) where the true class is the second
    prevalence: Floats  # [C]
    rounds: int
    converged: bool

    @property
    def labels(self) -> Indices:
        """The likeliest class of each item `[I]`; of equal ones the first."""
        return np.asarray(self.posterior.argmax(axis=1))

    @property
    def accuracies(self) -> Floats:
        """The probability that a person's answer to a random item is right `[R]`."""
        return np.asarray(np.einsum("rcc,c->r", self.confusion, self.prevalence))


def dawid_skene(
    votes: Votes, *, classes: int, most_rounds: int = MOST_ROUNDS, tolerance: float = TOLERANCE
) -> Estimate:
    """Expectation maximisation from the share of votes as the first guess. Every item and person must have a vote;
    raises ValueError without any."""
    if not len(votes.items):
        raise ValueError("no votes: there is nothing to estimate from")
    belief = _vote_shares(votes, classes)
    for number in range(1, most_rounds + 1):
        confusion, prevalence = _maximised(votes, belief)
        before, belief = belief, _expected(votes, confusion, prevalence)
        if float(np.abs(belief - before).max()) < tolerance:
            return Estimate(belief.T, confusion, prevalence, number, converged=True)
    return Estimate(belief.T, confusion, prevalence, most_rounds, converged=False)


def numbered(
    answers: Iterable[tuple[Hashable, Person, Label]], classes: Sequence[Label]
) -> tuple[Votes, list[Person]]:
    """Votes of (item, person, label), and whom each number means; a label that is no class is left out."""
    column = {label: number for number, label in enumerate(classes)}
    items: dict[Hashable, int] = {}
    people: dict[Person, int] = {}
    found = [
        (items.setdefault(item, len(items)), people.setdefault(person, len(people)), column[label])
        for item, person, label in answers
        if label in column
    ]
    columns = np.array(found, np.int64).reshape(-1, 3).T
    return Votes(*columns), list(people)


# Beliefs are [C, I] in here: sums over classes then run along whole rows, ten times as fast as across short ones.


def _vote_shares(votes: Votes, classes: int) -> Floats:
    """Of each item, the share of its votes for each class `[C, I]`."""
    items = int(votes.items.max()) + 1
    counts = np.bincount(votes.labels * items + votes.items, minlength=items * classes).reshape(classes, items)
    return np.asarray(counts / counts.sum(axis=0))


def _maximised(votes: Votes, belief: Floats) -> tuple[Floats, Floats]:
    """Confusion `[R, C, C]` and prevalence `[C]` of most likelihood, given what is believed of the items."""
    classes, people = len(belief), int(votes.people.max()) + 1
    cells = votes.people * classes + votes.labels
    counts = np.stack([np.bincount(cells, row[votes.items], people * classes) for row in belief])  # [C, R · C]
    confusion = counts.reshape(classes, people, classes).transpose(1, 0, 2) + PSEUDO_COUNT
    return confusion / confusion.sum(axis=2, keepdims=True), belief.mean(axis=1)


def _expected(votes: Votes, confusion: Floats, prevalence: Floats) -> Floats:
    """What is believed of the items `[C, I]`, given how people answer."""
    items, logarithms = int(votes.items.max()) + 1, np.log(confusion)
    with np.errstate(divide="ignore"):  # a class that nothing speaks for has the logarithm -inf
        prior = np.log(prevalence)
    summed = np.stack(
        [
            np.bincount(votes.items, logarithms[votes.people, true, votes.labels], items) + prior[true]
            for true in range(len(prevalence))
        ]
    )
    likelihood = np.exp(summed - summed.max(axis=0))
    return np.asarray(likelihood / likelihood.sum(axis=0))
