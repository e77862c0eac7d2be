"""The whole path: services as processes on the real broker, from `requests` to the decision, and how long one takes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from infra.kafka.log import TopicPartition
from infra.kafka.publisher import Publisher
from infra.models.store import model_uri, save
from schemas.events import ModelPromoted, PolicyPublished
from schemas.topics import MODELS, OUTCOMES, POLICIES, REQUESTS
from tests.benchmarks.stages import DOCUMENT
from tests.benchmarks.stand import CODEC, WORKFLOW, Stand, fill, processor_seconds, quantile, request, requests
from tests.benchmarks.text_model import text_model

SERVICES = ("inference", "router", "casework")
EVERYTHING_BY_ITSELF = DOCUMENT + "[thresholds]\nauto_approve = 0.5\nhuman_review = 0.5\nexpert_escalation = 0.5\n"
WARM_UP = 2_000  # requests


@contextmanager
def services(stand: Stand) -> Iterator[dict[str, int]]:
    """Every service of the path as its own process; their pids by name."""
    environment = {**os.environ, **stand.settings.environment()}
    hitl = Path(sys.executable).parent / "hitl"
    started = {
        name: subprocess.Popen([hitl, "run", name], env=environment, stderr=subprocess.DEVNULL) for name in SERVICES
    }
    try:
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            process.wait(20)


def configure(stand: Stand, document: str) -> None:
    """A policy, and a trained text model that is promoted."""
    digest = save(stand.settings.model_store, text_model())
    policy = PolicyPublished(
        event_id="policy", workflow=WORKFLOW, version=1, digest="0" * 64, document=document,
        published_by="benchmark", published_at=0,
    )  # fmt: skip
    model = ModelPromoted(
        event_id="model", workflow=WORKFLOW, model_digest=digest, uri=model_uri(stand.settings.model_store, digest),
        version=1, reason="first model", feedback_end_offset=0, promoted_at=0,
    )  # fmt: skip
    fill(stand, iter([POLICIES.message(policy), MODELS.message(model)]))


class Arrivals:
    """Reads a topic, committed only, and notes when each key arrived (seconds)."""

    def __init__(self, stand: Stand, topic: str) -> None:
        places = {TopicPartition(topic, p): 0 for p in range(stand.log.partitions(topic))}
        self._reader, self.at = stand.log.reader(places), dict[bytes, float]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            for record in self._reader.read(5_000, 0.05):
                self.at[record.key or b""] = time.perf_counter()

    def wait_for(self, count: int, *, timeout: float = 180) -> None:
        deadline = time.monotonic() + timeout
        while len(self.at) < count:
            assert time.monotonic() < deadline, f"only {len(self.at)} of {count} arrived"
            time.sleep(0.02)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._reader.close()


def throughput(stand: Stand, count: int) -> tuple[float, dict[str, float]]:
    """Requests a second from the first to the last routed, and each process's µs of processor time a request.

    Every request is published beforehand, so that the publisher takes no part.
    """
    with services(stand) as pids:
        fill(stand, requests(0, WARM_UP))
        arrivals = Arrivals(stand, OUTCOMES.name)
        arrivals.wait_for(WARM_UP)
        arrivals.close()
        everybody = {**pids, "broker": stand.broker.pid or 0}
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)
        fill(stand, requests(WARM_UP, count))
        before = {name: processor_seconds(pid) for name, pid in everybody.items()}
        started = time.perf_counter()
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        _wait_for_outcomes(stand, WARM_UP + count)
        seconds = time.perf_counter() - started
        spent = {n: (processor_seconds(p) - before[n]) / count * 1e6 for n, p in everybody.items()}
    return count / seconds, spent


def _wait_for_outcomes(stand: Stand, count: int) -> None:
    """By watermarks: cheap to ask, and markers only make the last look a little late."""
    places = [TopicPartition(OUTCOMES.name, p) for p in range(stand.log.partitions(OUTCOMES.name))]
    deadline = time.monotonic() + 300
    while sum(stand.log.watermark(place) for place in places) < count:
        assert time.monotonic() < deadline, "the path does not come to its end"
        time.sleep(0.05)


def latency(stand: Stand, *, rate: int, seconds: int) -> Sequence[float]:
    """Milliseconds from handing a request to the publisher until its outcome is read, at a steady rate."""
    with services(stand):
        return steady_requests(stand, REQUESTS.name, Arrivals(stand, OUTCOMES.name), rate=rate, seconds=seconds)


def steady_requests(stand: Stand, topic: str, arrivals: Arrivals, *, rate: int, seconds: int) -> Sequence[float]:
    """Warm a path up, publish requests to its first topic at a steady rate, and time each until it arrives."""
    fill(stand, (replace(message, topic=topic) for message in requests(10_000_000, WARM_UP)))
    arrivals.wait_for(WARM_UP)
    publisher, sent = Publisher(stand.log, CODEC), dict[bytes, float]()
    start = time.perf_counter()
    for number in range(rate * seconds):
        pause = start + number / rate - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        message = replace(REQUESTS.message(request(20_000_000 + number)), topic=topic)
        sent[message.key] = time.perf_counter()
        publisher.send(message)
    publisher.flush()
    arrivals.wait_for(WARM_UP + rate * seconds)
    arrivals.close()
    publisher.close()
    steady = list(sent)[rate:]  # the first second warms up
    return [(arrivals.at[key] - sent[key]) * 1e3 for key in steady]


def report_latency(name: str, values: Sequence[float]) -> str:
    shown = ", ".join(f"p{share:g} {quantile(values, share / 100):.0f}" for share in (50, 90, 99))
    return f"{name}: {shown}, max {max(values):.0f} ms ({len(values)} requests)"

