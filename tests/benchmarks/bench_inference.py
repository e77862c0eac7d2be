"""The whole decision of inference on a CPU and on a GPU: `python -m tests.benchmarks.bench_inference`.

Requests come at a rate and are taken as many at once as wait; then new weights are swapped in between two batches.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from consumers.inference.loading import Models
from consumers.inference.stage import InferenceStage
from infra.kafka.stage import Message
from infra.models.classifier import Classifier
from infra.models.store import load, save
from schemas.events import DecisionRequested, ModelPromoted, PredictionMade
from schemas.topics import MODELS, REQUESTS
from schemas.values import Payload
from tests.benchmarks.bench_devices import Device, devices, machine, posts, wide_text_model
from tests.benchmarks.stages import lane_of, message_of, policy_message
from tests.benchmarks.stand import CODEC, WORKFLOW, quantile
from tests.benchmarks.text_model import text_model

RATES: Final = (1_000, 10_000, 20_000)  # requests a second
SECONDS: Final = 2.0  # of requests at each rate
REQUESTS_IN_ALL: Final = 20_000
MOST_AT_ONCE: Final = 1_000  # requests that the stage takes at once
CALM: Final = 20  # batches before and after a swap


class FolderScorers:
    """Models of a folder, on one device."""

    def __init__(self, store: str, device: Device) -> None:
        self._store, self._device = store, device

    def load(self, uri: str, digest: str) -> Classifier:
        classifier = Classifier.load(load(self._store, digest), device=self._device.name, threads=self._device.threads)
        classifier.warm_up()
        return classifier


def promoted(digest: str) -> Message:
    event = ModelPromoted(
        event_id=f"model-{digest}", workflow=WORKFLOW, model_digest=digest, uri="benchmark", version=1,
        reason="first model", feedback_end_offset=0, promoted_at=0,
    )  # fmt: skip
    return message_of(MODELS.message(event))


def messages(texts: Sequence[str]) -> list[Message]:
    """Requests as the loop hands them to the stage."""
    found = []
    for number, text in enumerate(texts):
        body = msgspec.json.encode({"text": text})
        name = f"request-{number:08d}"
        event = DecisionRequested(request_id=name, workflow=WORKFLOW, payload=Payload(body=body), source="benchmark")
        found.append(Message(event, REQUESTS.name, number % 4, number, 0, name.encode(), CODEC.encode(event)))
    return found


class Decider:
    """The stage with a model of its own, from a request's bytes to a prediction's."""

    def __init__(self, store: str, digest: str, device: Device) -> None:
        self.models = Models(FolderScorers(store, device))
        self._stage = InferenceStage(CODEC, self.models)
        self._config = self._stage.fold_config(self._stage.initial_config(), policy_message())
        self._lanes = {number: lane_of(self._stage, number) for number in range(4)}
        self.promote(digest)
        self.models.settle()

    def promote(self, digest: str) -> None:
        """Have this model decide as soon as it is loaded."""
        self._config = self._stage.fold_config(self._config, promoted(digest))

    def decide(self, batch: Sequence[Message]) -> list[PredictionMade]:
        """The predictions, encoded for the log as well."""
        for message in batch:
            CODEC.decode(message.value)
        made = self._stage.handle(batch, self._lanes, self._config)
        found = [out.event for out in made.outgoing if isinstance(out.event, PredictionMade)]
        for event in found:
            assert event.failure is None
            CODEC.encode(event)
        return found


def waits(decider: Decider, asked: Sequence[Message], rate: float, seconds: float) -> tuple[list[float], list[int]]:
    """Milliseconds from a request's arrival to its prediction, and the sizes of the batches.

    Requests come evenly, on a clock that moves by what each decision really took, and waits for nobody.
    """
    clock, taken, due = 0.0, 0, int(rate * seconds)
    spent: list[float] = []
    sizes: list[int] = []
    while taken < due:
        clock = max(clock, taken / rate)  # nobody waits: on to the next arrival
        here = max(1, min(int(clock * rate) + 1, due) - taken)
        batch = [asked[(taken + place) % len(asked)] for place in range(min(here, MOST_AT_ONCE))]
        start = time.perf_counter()
        decider.decide(batch)
        clock += time.perf_counter() - start
        spent += [(clock - (taken + place) / rate) * 1e3 for place in range(len(batch))]
        sizes.append(len(batch))
        taken += len(batch)
    return spent, sizes


def print_stage(texts: Sequence[str], store: str) -> None:
    """Requests a second of the whole decision, and how long a request waits at a rate."""
    asked = messages(texts)
    digest = save(store, text_model())
    for device in devices():
        decider = Decider(store, digest, device)
        decider.decide(asked[:MOST_AT_ONCE])
        batches = [asked[first : first + MOST_AT_ONCE] for first in range(0, len(asked), MOST_AT_ONCE)]
        start = time.perf_counter()
        for batch in batches:
            decider.decide(batch)
        print(f"stage | {device} | {len(asked) / (time.perf_counter() - start):,.0f} requests/s in batches of 1,000")
        for rate in RATES:
            spent, sizes = waits(decider, asked, rate, SECONDS)
            print(
                f"stage | {device} | {rate:6,} /s | p50 {quantile(spent, 0.5):8.2f} ms | "
                f"p95 {quantile(spent, 0.95):8.2f} ms | {np.mean(sizes):.1f} at once"
            )


def print_swaps(texts: Sequence[str], store: str) -> None:
    """New weights take over between two batches: how long they load, and what the batches meanwhile take."""
    asked = messages(texts[:MOST_AT_ONCE])
    first, second = save(store, wide_text_model(2, 18)), save(store, wide_text_model(2, 19))
    for device in devices():
        print(f"swap | {device} | {swap(Decider(store, first, device), second, asked)}")


def swap(decider: Decider, second: str, asked: Sequence[Message]) -> str:
    """What a swap to the model `second` costs the batches around it; each is decided by one model, and no other."""
    first = decider.models.digests()[WORKFLOW]
    calm, _ = batches(decider, asked, lambda number: number < CALM)
    began = time.perf_counter()
    decider.promote(second)
    busy, digests = batches(decider, asked, lambda _: decider.models.digests()[WORKFLOW] != second)
    took = time.perf_counter() - began
    after, last = batches(decider, asked, lambda number: number < CALM)
    assert digests <= {first, second}
    assert last == {second}
    return (
        f"in force after {took * 1e3:.0f} ms | batches of {len(asked):,} before {np.median(calm):.1f}, "
        f"meanwhile {np.median(busy):.1f} (longest {max(busy):.1f}), after {np.median(after):.1f} ms"
    )


def batches(
    decider: Decider, asked: Sequence[Message], going_on: Callable[[int], bool]
) -> tuple[list[float], set[str | None]]:
    """Milliseconds of each batch, and the models that decided; every batch by a single one."""
    spent: list[float] = []
    digests: set[str | None] = set()
    while not spent or going_on(len(spent)):
        start = time.perf_counter()
        of_batch = {made.model_digest for made in decider.decide(asked)}
        spent.append((time.perf_counter() - start) * 1e3)
        assert len(of_batch) == 1
        digests |= of_batch
    return spent, digests


def main() -> None:
    """Prints everything."""
    print(machine())
    texts = posts(REQUESTS_IN_ALL)
    with tempfile.TemporaryDirectory() as store:
        print_stage(texts, store)
        print_swaps(texts, store)


if __name__ == "__main__":
    main()
