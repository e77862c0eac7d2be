"""People whose skill is known, and what they answer to items whose truth is known."""

from typing import NamedTuple

import numpy as np


class Planted(NamedTuple):
    """Answers as (item, person, label), the truth of each item, and each person's probability of being right."""

    answers: list[tuple[int, int, int]]
    truth: list[int]
    accuracies: list[float]
    classes: int


def planted(
    seed: int, *, items: int, people: int, classes: int, skill: tuple[float, float], per_item: int
) -> Planted:
    """`per_item` different people answer each item; their accuracies are drawn from a beta distribution of `skill`."""
    chance = np.random.default_rng(seed)
    truth = chance.choice(classes, items, p=chance.dirichlet(np.full(classes, 5.0)))
    accuracies = chance.beta(*skill, people)
    who = np.argsort(chance.random((items, people)), axis=1)[:, :per_item]  # [I, N]
    right = chance.random((items, per_item)) < accuracies[who]
    wrong = (truth[:, None] + chance.integers(1, classes, (items, per_item))) % classes
    labels = np.where(right, truth[:, None], wrong)
    answers = [
        (item, int(person), int(label))
        for item in range(items)
        for person, label in zip(who[item], labels[item], strict=True)
    ]
    return Planted(answers, truth.tolist(), accuracies.tolist(), classes)
