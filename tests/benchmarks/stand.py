"""A broker of its own for benchmarks, topics filled beforehand, and the processor time of whoever took part."""

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.kafka.client import KafkaLog, connect
from infra.kafka.publisher import Publisher
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.local.jars import ensure_jars
from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import DecisionRequested, PredictionMade
from schemas.topics import PREDICTIONS, REQUESTS, Outgoing
from schemas.values import Coordinates, Level, Payload

CODEC = Codec.of_repository()
WORKFLOW = "posts"
TICKS = os.sysconf("SC_CLK_TCK")
TEXT = "the quick brown fox says that this post is about as long as the posts people write, {} times"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A running broker and what is needed to reach it."""

    broker: EmbeddedBroker
    settings: Settings
    log: KafkaLog


@contextmanager
def stand(*, lasting: bool = False) -> Iterator[Stand]:
    """A fresh broker with every topic, one as of `hitl up` when it is `lasting`; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hitl-bench-"))
    defaults = Settings()
    broker = EmbeddedBroker(folder / "kafka", ensure_jars(defaults.cache_dir), lasting=lasting)
    broker.start()
    try:
        settings = Settings(bootstrap_servers=broker.bootstrap_servers, data_dir=folder)
        apply(settings)
        yield Stand(broker=broker, settings=settings, log=connect(settings))
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far, from /proc; 0 when it is gone or this is no Linux."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one run took; microseconds a record."""

    records: int
    seconds: float
    client: float
    broker: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds


def timed(stand: Stand, records: int, work: Callable[[], object]) -> Timing:
    """Run `work`, which handles that many records, once."""
    pid = stand.broker.pid or 0
    wall, client, broker = time.perf_counter(), time.process_time(), processor_seconds(pid)
    work()
    return Timing(
        records=records,
        seconds=time.perf_counter() - wall,
        client=(time.process_time() - client) / records * 1e6,
        broker=(processor_seconds(pid) - broker) / records * 1e6,
    )


def median(timings: Sequence[Timing]) -> Timing:
    """The run in the middle by wall time."""
    return sorted(timings, key=lambda t: t.seconds)[len(timings) // 2]


def request(number: int) -> DecisionRequested:
    """A request of about 230 bytes on the wire."""
    body = json.dumps({"text": TEXT.format(number), "language": "en"}).encode()
    return DecisionRequested(
        request_id=f"request-{number:08d}", workflow=WORKFLOW, payload=Payload(body=body), source="benchmark"
    )


def prediction(number: int, *, confidence: float = 0.97) -> PredictionMade:
    """What inference makes of such a request; sure enough to be decided without a person."""
    body, fingerprint = CODEC.body(CODEC.encode(request(number)))
    return PredictionMade(
        event_id=f"prediction:request-{number:08d}", request_id=f"request-{number:08d}", workflow=WORKFLOW,
        request=Coordinates(topic=REQUESTS.name, partition=number % 4, offset=number), request_body=body,
        request_fingerprint=fingerprint, requested_at=1_800_000_000_000, classes=("reject", "approve"),
        probabilities=(1 - confidence, confidence), label="approve", confidence=confidence, level=Level.HIGH,
        entropy=0.13, margin=0.06, least_confident=0.03, model_digest="d" * 64, calibrator="temperature-1",
        config_offsets={"models": 1, "policies": 1}, predicted_at=1_800_000_000_005,
    )  # fmt: skip


def fill(stand: Stand, messages: Iterator[Outgoing]) -> int:
    """Publish everything, acknowledged; how many."""
    publisher = Publisher(stand.log, CODEC)
    for message in messages:
        publisher.send(message)
    done = publisher.flush()
    publisher.close()
    return done


def requests(start: int, count: int) -> Iterator[Outgoing]:
    return (REQUESTS.message(request(n)) for n in range(start, start + count))


def predictions(start: int, count: int) -> Iterator[Outgoing]:
    return (PREDICTIONS.message(prediction(n)) for n in range(start, start + count))


def quantile(values: Sequence[float], share: float) -> float:
    return statistics.quantiles(values, n=1_000, method="inclusive")[round(share * 1_000) - 1]
