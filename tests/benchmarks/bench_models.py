"""Cost of featurising, scoring and fitting, and what the model reaches: `python -m tests.benchmarks.bench_models`.

Medians of five runs on one thread. Accuracy is measured on 9,000 posts that no fit saw; labels beyond the seed are
single recorded votes.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

from consumers.training.calibrate import fit_cross_calibrated
from consumers.training.dataset import Labelled
from consumers.training.fit import FitSettings, Task, fit, model_probabilities
from infra.models.artefact import Model
from infra.models.classifier import Classifier
from infra.models.text import TextFeaturizer
from producers.simulate.davidson import APPROVE, CLASSES, Post, load_posts, one_vote, seed_split
from streams.assurance.calibration import calibration_figures

RUNS = 5
TEST_POSTS = 9_000
SIZES = (300, 1_000, 2_000, 4_000)
TASK = Task(workflow="content_moderation", classes=CLASSES, approving_class=APPROVE)


def seconds(action: Callable[[], object], repeat: int = 1) -> float:
    """Median seconds of one call."""
    action()
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for _ in range(repeat):
            action()
        runs.append((time.perf_counter() - start) / repeat)
    return statistics.median(runs)


def print_featurising(texts: Sequence[str]) -> None:
    """Microseconds per post, ours and scikit-learn's hashing of the same n-grams."""
    features = TextFeaturizer()
    for size in (1, 32, 512, 4_096):
        spent = seconds(lambda size=size: features.bags(texts[:size]), max(1, 512 // size))  # type: ignore[misc]
        print(f"featurise          batch {size:5}   {spent / size * 1e6:8.2f} µs/post")
    words = HashingVectorizer(ngram_range=(1, 2), n_features=2**18)
    characters = HashingVectorizer(analyzer="char", ngram_range=(2, 5), n_features=2**18)
    spent = seconds(lambda: (words.transform(texts[:512]), characters.transform(texts[:512])))
    print(f"HashingVectorizer  batch   512   {spent / 512 * 1e6:8.2f} µs/post")


def print_scoring(model: Model, texts: Sequence[str]) -> None:
    """Microseconds per post from text to calibrated probabilities."""
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        classifier = Classifier.load(model, device=device, threads=1)
        classifier.warm_up()
        for size in (1, 32, 512, 4_096):
            spent = seconds(partial(classifier.scores, texts[:size]), max(1, 512 // size))
            print(f"text to scores     batch {size:5}   {spent / size * 1e6:8.2f} µs/post on {device}")


def labelled(seed_posts: Sequence[Post], stream: Sequence[Post], seed: int) -> list[Labelled]:
    """The seed by majority, the stream by one vote."""
    answers = [(post, post.majority) for post in seed_posts] + [(post, one_vote(post, seed=seed)) for post in stream]
    return [Labelled(request_id=post.post_id, content=post.text, label=label) for post, label in answers]


def automatic(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> str:
    """Share above confidence .95, and the error in it."""
    sure = probabilities.max(axis=1) > 0.95
    wrong = probabilities.argmax(axis=1) != truth
    return f"automatic at > .95 {sure.mean():.3f} (error {wrong[sure].mean():.4f})"


def print_learning(rows: Sequence[Labelled], test: Sequence[Post]) -> None:
    """Accuracy, calibration and fit time by number of labels."""
    truth = np.array([CLASSES.index(post.majority) for post in test])
    for size in SIZES:
        start = time.perf_counter()
        fit(rows[:size], TASK, FitSettings())
        alone = time.perf_counter() - start
        model, _ = fit_cross_calibrated(rows[:size], TASK, FitSettings())
        calibrated = time.perf_counter() - start - alone
        found = model_probabilities(model, [post.text for post in test])
        figures = calibration_figures(found, truth)
        print(
            f"{size:5} labels   accuracy {(found.argmax(axis=1) == truth).mean():.4f}   "
            f"log-loss {figures.log_loss:.3f}   "
            f"ECE {figures.expected_calibration_error:.3f}   {automatic(found, truth)}   "
            f"fit {alone:.2f} s, calibrated out of fold {calibrated:.2f} s"
        )


def main() -> None:
    """Prints everything."""
    split = seed_split(load_posts(), seed=1)
    test = split.stream[-TEST_POSTS:]
    texts = [post.text for post in test]
    rows = labelled(split.seed, split.stream[:-TEST_POSTS], seed=1)
    print(f"posts of {np.mean([len(text) for text in texts]):.0f} characters")
    print_featurising(texts)
    print_scoring(fit(rows[:300], TASK, FitSettings()), texts)
    print_learning(rows, test)


if __name__ == "__main__":
    main()
