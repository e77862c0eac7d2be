from collections.abc import Sequence
from itertools import islice

import numpy as np
import pytest

from consumers.training.calibrate import choose_calibrator, fit_candidate, fit_cross_calibrated, recalibrate
from consumers.training.dataset import InvalidDataset, Labelled, Profile
from consumers.training.fit import (
    FitSettings,
    Task,
    fit,
    model_logits,
    model_probabilities,
    out_of_fold_logits,
    stratified_folds,
)
from infra.models.calibrator import Calibrator, CalibratorKind
from infra.models.classifier import Classifier
from infra.models.vector import VectorFeaturizer, encode_vector
from producers.simulate.davidson import APPROVE, CLASSES, Post, load_posts, one_vote, seed_split

TASK = Task(workflow="content_moderation", classes=CLASSES, approving_class=APPROVE)
SETTINGS = FitSettings()


def labelled(posts: Sequence[Post], *, votes: bool = False) -> list[Labelled]:
    return [
        Labelled(request_id=post.post_id, content=post.text, label=one_vote(post, seed=1) if votes else post.majority)
        for post in posts
    ]


SPLIT = seed_split(load_posts(), seed=1)
SEED = labelled(SPLIT.seed)
STREAM = labelled(SPLIT.stream[:1_700], votes=True)
TEST = SPLIT.stream[-3_000:]
TEXTS = [post.text for post in TEST]
TRUTH = np.array([CLASSES.index(post.majority) for post in TEST])


def accuracy(rows: Sequence[Labelled]) -> float:
    model, _ = fit_cross_calibrated(rows, TASK, SETTINGS)
    return float((model_probabilities(model, TEXTS).argmax(axis=1) == TRUTH).mean())


def vectors(labels: Sequence[str], classes: Sequence[str]) -> list[Labelled]:
    """Rows whose features point to their class."""
    random = np.random.default_rng(0)
    points = {name: np.eye(3)[place] * 4 for place, name in enumerate(classes)}
    return [
        Labelled(request_id=f"r{number:03}", content=encode_vector(points[name] + random.normal(size=3)), label=name)
        for number, name in enumerate(labels)
    ]


def vector_task(*classes: str) -> Task:
    return Task(workflow="toy", classes=classes, approving_class=classes[0], featurizer=VectorFeaturizer(3))


def test_same_rows_in_any_order_give_the_same_digest() -> None:
    digest = fit(SEED, TASK, SETTINGS).digest
    assert fit(list(reversed(SEED)), TASK, SETTINGS).digest == digest
    assert fit(SEED[1:], TASK, SETTINGS).digest != digest


def test_profiles_weigh_differently() -> None:
    heavy = [
        Labelled(request_id=r.request_id, content=r.content, label=r.label, weight=3.0 if i % 2 else 0.5)
        for i, r in enumerate(SEED)
    ]
    specified, uniform = (
        fit(heavy, TASK, FitSettings(profile=profile)) for profile in (Profile.SPECIFIED, Profile.UNIFORM)
    )
    assert (specified.tensors["weights"] != uniform.tensors["weights"]).any()
    assert specified.manifest.provenance.profile == "specified"


def test_the_model_learns_what_the_posts_can_teach() -> None:
    assert accuracy(SEED) > 0.86
    assert accuracy(SEED + STREAM) > 0.91


def test_torch_and_the_trainer_agree_on_every_logit() -> None:
    model, _ = fit_cross_calibrated(SEED, TASK, SETTINGS)
    served = Classifier.load(model, device="cpu").scores(TEXTS[:200])
    assert served == pytest.approx(model_probabilities(model, TEXTS[:200]), abs=1e-5)


def test_provenance_tells_what_the_model_came_of() -> None:
    model, verdict = fit_cross_calibrated(SEED, TASK, SETTINGS, feedback_end_offset=41)
    provenance = model.manifest.provenance
    assert provenance.feedback_end_offset == 41
    assert sum(provenance.label_counts.values()) == 300
    assert {"numpy", "scikit-learn"} <= set(provenance.libraries)
    assert provenance.figures["log_loss"] < provenance.figures["log_loss_before_calibration"]
    assert verdict.accepted
    assert model.manifest.calibrator.kind is CalibratorKind.PLATT


def test_out_of_fold_logits_are_not_those_of_a_model_that_saw_the_row() -> None:
    labels = np.array([CLASSES.index(row.label) for row in SEED])
    seen = model_logits(fit(SEED, TASK, SETTINGS), [str(row.content) for row in SEED])
    unseen = out_of_fold_logits(SEED, TASK, SETTINGS)
    assert (seen.argmax(axis=1) == labels).mean() > 0.99
    assert 0.8 < (unseen.argmax(axis=1) == labels).mean() < 0.95


def test_folds_are_stratified_and_do_not_depend_on_the_order_of_rows() -> None:
    labels = np.array([0] * 40 + [1] * 10)
    ids = [f"r{number:02}" for number in range(50)]
    folds = stratified_folds(labels, ids, SETTINGS)
    assert np.bincount(folds[labels == 1]).tolist() == [2] * 5
    again = stratified_folds(labels[::-1], ids[::-1], SETTINGS)
    assert again[::-1].tolist() == folds.tolist()


def test_three_classes_are_learnt_from_vectors() -> None:
    classes = ("a", "b", "c")
    rows = vectors([classes[number % 3] for number in range(120)], classes)
    model, verdict = fit_cross_calibrated(rows, vector_task(*classes), SETTINGS)
    served = Classifier.load(model, device="cpu").scores(np.eye(3, dtype=np.float32) * 4)
    assert served.argmax(axis=1).tolist() == [0, 1, 2]
    assert served.diagonal().min() > 0.8
    assert verdict.answers == 120


def test_a_class_without_labels_is_improbable_but_possible() -> None:
    rows = vectors(["a", "c"] * 30, ("a", "b", "c"))
    model = fit(rows, vector_task("a", "b", "c"), SETTINGS)
    scores = Classifier.load(model, device="cpu").scores(np.eye(3, dtype=np.float32) * 4)
    assert scores[[0, 2]].argmax(axis=1).tolist() == [0, 2]
    assert (scores[:, 1] < 0.01).all()
    assert (scores > 0).all()


@pytest.mark.parametrize("labels", [[], ["a"] * 9, ["a"] * 9 + ["b"]])
def test_too_few_labels_are_refused_with_their_counts(labels: list[str]) -> None:
    with pytest.raises(InvalidDataset, match=r"found a \d, b \d; label more"):
        fit(vectors(labels, ("a", "b")), vector_task("a", "b"), SETTINGS)


def test_held_out_answers_recalibrate_a_model_that_is_too_sure() -> None:
    model = fit(SEED, TASK, SETTINGS)
    better, verdict = recalibrate(model, STREAM[:400])
    assert verdict.accepted
    assert verdict.reason.startswith("log-loss falls from")
    assert better.digest != model.digest
    assert better.tensors is model.tensors


def test_a_good_calibrator_stays() -> None:
    random = np.random.default_rng(0)
    score = random.normal(size=4_000) * 2
    labels = (random.random(4_000) < 1 / (1 + np.exp(-score))).astype(np.int64)
    verdict = choose_calibrator(np.stack([np.zeros(4_000), score], axis=1), labels, Calibrator())
    assert not verdict.accepted
    assert verdict.calibrator == Calibrator()


@pytest.mark.parametrize("answers", [0, 49])
def test_too_few_held_out_answers_keep_the_calibrator(answers: int) -> None:
    model = fit(SEED, TASK, SETTINGS)
    same, verdict = recalibrate(model, STREAM[:answers])
    assert not verdict.accepted
    assert f"{answers} held-out answers" in verdict.reason
    assert same.manifest.calibrator == Calibrator()
    assert verdict.figures()["calibration_answers"] == answers
    assert ("log_loss" in verdict.figures()) is (answers > 0)


def test_a_candidate_without_blind_answers_is_calibrated_out_of_fold() -> None:
    model, verdict = fit_candidate(SEED, [], TASK, SETTINGS)
    assert verdict.accepted
    assert verdict.answers == 300
    assert model.manifest.calibrator.kind is CalibratorKind.PLATT


def test_a_candidate_takes_the_calibrator_of_its_blind_answers_when_it_is_better() -> None:
    flipped = [
        Labelled(request_id=row.request_id, content=row.content, label=CLASSES[1 - CLASSES.index(row.label)])
        for row in islice(STREAM, 500)
    ]
    _, verdict = fit_candidate(SEED, flipped, TASK, SETTINGS)
    assert verdict.accepted
    assert verdict.answers == 500
