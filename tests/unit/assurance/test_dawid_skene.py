"""Dawid-Skene against crowd-kit, on planted truths: people of different skill, who answered some of the items."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation.classification.dawid_skene import DawidSkene
from numpy.typing import NDArray

from streams.assurance.dawid_skene import Votes, dawid_skene, numbered
from tests.support.planted_people import Planted, planted

SEEDS = range(6)
Labels = NDArray[np.int64]


def crowd_of(seed: int) -> Planted:
    return planted(seed, items=1_500, people=40, classes=2 + seed % 3, skill=(6.0, 2.0), per_item=3)


def crowd_kit(crowd: Planted) -> Labels:
    """What the other implementation takes for the truth of each item."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls pandas in ways that a later version will refuse
        fitted = DawidSkene(n_iter=100).fit(pd.DataFrame(crowd.answers, columns=["task", "worker", "label"]))
    labels: Any = fitted.labels_
    return np.asarray(labels.loc[range(len(crowd.truth))])


def accuracy_of(labels: Labels, truth: list[int]) -> float:
    return float(np.mean(labels == np.array(truth)))


@pytest.mark.parametrize("seed", SEEDS)
def test_accuracy_is_crowd_kits_within_half_a_point(seed: int) -> None:
    crowd = crowd_of(seed)
    votes, _ = numbered(crowd.answers, range(crowd.classes))
    ours = dawid_skene(votes, classes=crowd.classes)
    theirs = crowd_kit(crowd)
    assert ours.converged
    assert accuracy_of(ours.labels, crowd.truth) == pytest.approx(accuracy_of(theirs, crowd.truth), abs=0.005)


def test_it_knows_more_than_the_majority() -> None:
    better = 0.0
    for seed in SEEDS:
        crowd = crowd_of(seed)
        votes, _ = numbered(crowd.answers, range(crowd.classes))
        by_item: dict[int, list[int]] = {}
        for item, _, label in crowd.answers:
            by_item.setdefault(item, []).append(label)
        majority = np.array([Counter(by_item[item]).most_common(1)[0][0] for item in range(len(crowd.truth))])
        estimate = dawid_skene(votes, classes=crowd.classes)
        better += accuracy_of(estimate.labels, crowd.truth) - accuracy_of(majority, crowd.truth)
    assert better / len(SEEDS) > 0.01  # measured: .019


@pytest.mark.parametrize("seed", SEEDS)
def test_it_tells_careful_people_from_careless_ones(seed: int) -> None:
    crowd = planted(seed, items=1_500, people=10, classes=2, skill=(6.0, 2.0), per_item=4)
    votes, people = numbered(crowd.answers, range(2))
    found = dawid_skene(votes, classes=2).accuracies
    assert found == pytest.approx([crowd.accuracies[person] for person in people], abs=0.08)


def test_probabilities_are_probabilities_and_the_same_every_time() -> None:
    crowd = crowd_of(1)
    votes, _ = numbered(crowd.answers, range(crowd.classes))
    one, other = (dawid_skene(votes, classes=crowd.classes) for _ in range(2))
    assert (one.posterior == other.posterior).all() and (one.confusion == other.confusion).all()
    for found in (one.posterior, one.confusion, one.prevalence):
        assert (found >= 0).all() and found.sum(axis=-1) == pytest.approx(1.0)


def test_items_and_people_may_be_in_any_order() -> None:
    crowd = crowd_of(2)
    mixed = [crowd.answers[n] for n in np.random.default_rng(1).permutation(len(crowd.answers))]
    found = []
    for answers in (crowd.answers, mixed):
        votes, people = numbered(answers, range(crowd.classes))
        found.append(dict(zip(people, dawid_skene(votes, classes=crowd.classes).accuracies, strict=True)))
    assert found[0] == pytest.approx(found[1], abs=1e-3)


def test_without_votes_there_is_nothing_to_estimate() -> None:
    votes, people = numbered([(1, "anna", "none of these")], ["a", "b"])
    assert people == []
    with pytest.raises(ValueError, match="no votes"):
        dawid_skene(votes, classes=2)


def test_where_the_rounds_run_out_it_says_so() -> None:
    crowd = crowd_of(0)
    votes, _ = numbered(crowd.answers, range(crowd.classes))
    found = dawid_skene(votes, classes=crowd.classes, most_rounds=2)
    assert (found.rounds, found.converged) == (2, False)


def test_a_class_that_nobody_answers_is_no_trouble() -> None:
    votes = Votes(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 0, 2, 2]))
    found = dawid_skene(votes, classes=4)
    assert found.labels.tolist() == [0, 2]
    assert found.prevalence[[1, 3]] == pytest.approx([0, 0], abs=1e-6)
