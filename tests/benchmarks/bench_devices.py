"""What a GPU is worth to inference: `python -m tests.benchmarks.bench_devices` on a machine that has one.

Models on each device by batch size, with the share of the forward pass, and how far the devices' answers lie apart.
"""

import os
import platform
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from infra.models.artefact import FeaturizerSpec, Manifest, Model, Provenance, seal
from infra.models.bags import Inputs
from infra.models.classifier import Classifier
from infra.models.text import TextFeaturizer
from infra.models.vector import VectorFeaturizer
from producers.simulate.davidson import load_posts
from tests.benchmarks.stand import WORKFLOW, quantile
from tests.benchmarks.text_model import text_model

BATCHES: Final = (1, 32, 512, 4_096, 32_768)
FEWEST_CALLS: Final = 5
SPEND: Final = 1.0  # seconds on each batch size, about


class Device(NamedTuple):
    """Where a model runs, and on how many of torch's threads."""

    name: str
    threads: int

    def __str__(self) -> str:
        return f"cpu, {self.threads} threads" if self.name == "cpu" else self.name


class Timing(NamedTuple):
    """Milliseconds of a batch, and the share of it that the forward pass took, transfers included."""

    p50: float
    p95: float
    forward: float


def devices() -> Iterator[Device]:
    """One thread as the service has it, all of them, and the GPU if there is one."""
    yield Device("cpu", 1)
    if (cores := os.cpu_count() or 1) > 1:
        yield Device("cpu", cores)
    if torch.cuda.is_available():
        yield Device("cuda", 1)


def machine() -> str:
    """Processor, GPU and versions, in a line."""
    gpu = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}" if torch.cuda.is_available() else "no GPU"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {gpu}, {versions}"


def posts(count: int) -> list[str]:
    """Recorded posts, from the first again after the last."""
    texts = [post.text for post in load_posts()]
    return [texts[number % len(texts)] for number in range(count)]


# ---- models ----


def wide_text_model(classes: int, bits: int) -> Model:
    """Random weights for many classes: the time does not depend on what was learnt."""
    features = TextFeaturizer(bits=bits)
    return _sealed("text", dict(features.parameters), features.width, classes)


def vector_model(dimensions: int, classes: int) -> Model:
    """The last layer over embeddings that somebody else computed."""
    parameters = {"dimensions": dimensions, "mean": [0.0] * dimensions, "deviation": [1.0] * dimensions}
    return _sealed(VectorFeaturizer(dimensions).name, parameters, dimensions, classes)


def _sealed(name: str, parameters: dict[str, object], width: int, classes: int) -> Model:
    random = np.random.default_rng(classes)
    names = ("reject", "approve", *(f"class-{number}" for number in range(2, classes)))
    columns = 1 if classes == 2 else classes
    manifest = Manifest(
        workflow=WORKFLOW,
        classes=names,
        approving_class="approve",
        featurizer=FeaturizerSpec(name=name, parameters=parameters),  # type: ignore[arg-type]
        provenance=Provenance(dataset_digest=""),
    )
    weights = random.standard_normal((width, columns), np.float32)
    return seal(manifest, {"weights": weights, "bias": np.zeros(columns, np.float32)})


def cases(texts: Sequence[str]) -> Iterator[tuple[str, Model, Inputs]]:
    """What is scored, with which model."""
    random = np.random.default_rng(1)
    yield "posts, 2 classes, 0.5 million columns", text_model(), texts
    yield "posts, 64 classes, 2 million columns", wide_text_model(64, 20), texts
    vectors = random.standard_normal((max(BATCHES), 768), np.float32)
    yield "vectors of 768, 8 classes", vector_model(768, 8), vectors
    yield "vectors of 768, 256 classes", vector_model(768, 256), vectors


# ---- figures ----


def timing(model: Classifier, inputs: Inputs, size: int) -> Timing:
    """Batches of this size, each of other inputs, for about a second."""
    number = len(inputs) // size
    spent: list[float] = []
    model.scores(inputs[:size])
    forward, began = model.device_seconds, time.perf_counter()
    while len(spent) < FEWEST_CALLS or time.perf_counter() - began < SPEND:
        first = len(spent) % number * size
        start = time.perf_counter()
        model.scores(inputs[first : first + size])
        spent.append(time.perf_counter() - start)
    share = (model.device_seconds - forward) / sum(spent)
    return Timing(quantile(spent, 0.5) * 1e3, quantile(spent, 0.95) * 1e3, share)


def print_curves(texts: Sequence[str]) -> None:
    """Each model on each device by batch size, and how far the answers lie apart."""
    for name, model, inputs in cases(texts):
        reference: NDArray[np.float64] | None = None
        for device in devices():
            began = time.perf_counter()
            classifier = Classifier.load(model, device=device.name, threads=device.threads)
            classifier.warm_up()
            print(f"{name} | {device} | loaded and warm in {(time.perf_counter() - began) * 1e3:.0f} ms")
            for size in BATCHES:
                found = timing(classifier, inputs, size)
                print(
                    f"{name} | {device} | batch {size:6,} | {size / found.p50 * 1e3:10,.0f} /s | "
                    f"p50 {found.p50:8.3f} ms | p95 {found.p95:8.3f} ms | forward {found.forward:.3f}"
                )
            scores = classifier.scores(inputs[:4_096])
            reference = scores if reference is None else reference
            print(f"{name} | {device} | {apart(scores, reference)}")


def apart(scores: NDArray[np.float64], reference: NDArray[np.float64]) -> str:
    """Largest difference of a probability, and how many answers differ."""
    labels = int((scores.argmax(axis=1) != reference.argmax(axis=1)).sum())
    return f"largest difference {np.abs(scores - reference).max():.1e}, other answers {labels} of {len(scores):,}"


def main() -> None:
    """Prints everything."""
    print(machine())
    texts = posts(max(BATCHES))
    print(f"posts of {np.mean([len(text) for text in texts]):.0f} characters")
    print_curves(texts)


if __name__ == "__main__":
    main()
