"""Who is measured, doing what, and how one run of it becomes a figure."""

import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Timer
from typing import Any

import msgspec

from infra.kafka.log import TopicPartition
from infra.kafka.topics import apply
from schemas.topics import POLICIES, TOPICS, Keyed, Topic
from tests.benchmarks.peers import one_output, router_outputs
from tests.benchmarks.peers.order import WARM_UP, Mark, Order
from tests.benchmarks.stand import Stand, Timing, fill, predictions, processor_seconds

ROOT = Path(__file__).parents[3]
TIMEOUT = 300  # seconds a run may take
SPARE = 20_000  # records: whole transactions are counted, so a run decides more than it was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A way to do the job; `share` of the records, so that slow ones take about as long as fast ones."""

    name: str
    module: str
    peer: str | None  # whose environment; None is ours
    exactly_once: bool
    share: float = 1.0
    variant: str = ""
    writes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is read and written; `share` of the records, because it takes longer."""

    name: str
    share: float
    source: str  # catalogue names
    targets: tuple[str, ...]


JOBS = (
    Job(name=one_output.NAME, share=1.0, source=one_output.SOURCE, targets=(one_output.TARGET,)),
    Job(name=router_outputs.NAME, share=0.2, source=router_outputs.SOURCE, targets=router_outputs.TARGETS),
)
QUIX, FAUST = 0.25, 0.05
CASES = (
    Case(name="no log, one at a time in memory", module="floor", peer=None, exactly_once=True, share=0.5, writes=False),
    Case(name="our loop, exactly once", module="ours", peer=None, exactly_once=True),
    Case(name="our loop, at least once", module="ours", peer=None, exactly_once=False),
    Case(name="our loop, typed events, exactly once", module="ours", peer=None, exactly_once=True, variant="typed"),
    Case(name="our loop, typed events, at least once", module="ours", peer=None, exactly_once=False, variant="typed"),
    Case(name="Quix Streams, exactly once", module="quix_app", peer="quix", exactly_once=True, share=QUIX),
    Case(name="Quix Streams, at least once", module="quix_app", peer="quix", exactly_once=False, share=QUIX),
    Case(name="Faust, per event, at least once", module="faust_app", peer="faust", exactly_once=False, share=FAUST),
    Case(name="Faust, take(), at least once", module="faust_app", peer="faust", exactly_once=False, share=FAUST,
         variant="take"),
)  # fmt: skip


def prepare(stand: Stand, jobs: Sequence[Job], records: int) -> None:
    """Topics, a policy, and enough records in every source for the warm-up and the measured part of each run."""
    ours: list[Topic[Any]] = [
        Topic(name=name, keyed=Keyed.REQUEST, events=(), writers=(), readers=())
        for name in (one_output.SOURCE, one_output.TARGET)
    ]
    apply(stand.settings, [*TOPICS, *ours])
    for job in jobs:
        enough = round(records * job.share * (1 + WARM_UP)) + SPARE
        if job.name == router_outputs.NAME:
            fill(stand, chain([POLICIES.message(router_outputs.POLICY)], predictions(0, enough)))
        else:
            fill_requests(stand, enough)


def fill_requests(stand: Stand, count: int) -> None:
    producer = stand.log.producer(transactional_id=None)
    for number in range(count):
        key = one_output.request_id(number).encode()
        producer.send(one_output.SOURCE, key, one_output.request_bytes(number), None)
    producer.flush()
    producer.close()


def measure(stand: Stand, job: Job, case: Case, python: Path, *, run: int, records: int) -> Timing:
    """One run in a process of its own. Raises `RuntimeError` when it fails or when its outputs are not one each."""
    order = _order(stand, job, case, run=run, records=round(records * job.share * case.share))
    ends = {place: stand.log.watermark(place) for place in places(stand, job.targets)}
    marks, broker = _watch(stand, case, order, python)
    if case.writes:
        _check_outputs(stand, job, ends, marks[1].decided)
    decided = marks[1].decided - marks[0].decided
    return Timing(
        records=decided,
        seconds=marks[1].at - marks[0].at,
        client=(marks[1].processor - marks[0].processor) / decided * 1e6,
        broker=(broker[1] - broker[0]) / decided * 1e6,
    )


def _order(stand: Stand, job: Job, case: Case, *, run: int, records: int) -> Order:
    prefix = stand.settings.topic_prefix
    return Order(
        bootstrap_servers=stand.settings.bootstrap_servers,
        run=f"{case.module}-{case.variant}-{'once' if case.exactly_once else 'least'}-{len(job.targets)}-{run}",
        job=job.name,
        source=prefix + job.source,
        targets=tuple(prefix + name for name in job.targets),
        records=records,
        exactly_once=case.exactly_once,
        variant=case.variant,
    )


def _watch(stand: Stand, case: Case, order: Order, python: Path) -> tuple[list[Mark], list[float]]:
    """The marks `begin` and `end` of a run, and the broker's processor time at each."""
    pid, marks, broker = stand.broker.pid or 0, list[Mark](), list[float]()
    command = [str(python), "-m", f"tests.benchmarks.peers.{case.module}", msgspec.json.encode(order).decode()]
    with tempfile.TemporaryDirectory(prefix="hitl-peer-") as folder, (Path(folder) / "errors").open("w+") as errors:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        watchdog = Timer(TIMEOUT, process.kill)
        watchdog.start()
        for line in process.stdout or ():
            if line.startswith("{"):
                broker.append(processor_seconds(pid))
                marks.append(msgspec.json.decode(line, type=Mark))
        code = process.wait()
        watchdog.cancel()
        if code or len(marks) != 2:
            raise RuntimeError(f"{case.name} ended with {code}:\n{Path(errors.name).read_text()[-4_000:]}")
    return marks, broker


def places(stand: Stand, topics: Sequence[str]) -> list[TopicPartition]:
    return [TopicPartition(topic, p) for topic in topics for p in range(stand.log.partitions(topic))]


def _check_outputs(stand: Stand, job: Job, start: Mapping[TopicPartition, int], decided: int) -> None:
    """Every target got one committed record for each key, and no fewer than the run says it decided."""
    keys: dict[str, Counter[bytes | None]] = {topic: Counter() for topic in job.targets}
    until = {place: stand.log.watermark(place) for place in start}
    reader = stand.log.reader(start)
    while any(reader.position(place) < offset for place, offset in until.items()):
        for record in reader.read(10_000, 0.2):
            keys[record.topic][record.key] += 1
    reader.close()
    for topic, seen in keys.items():
        if seen.total() != len(seen) or len(seen) < decided:
            raise RuntimeError(f"{topic}: {seen.total()} records of {len(seen)} requests; {decided} were decided")
