"""Casework with very many open cases: how long a restore takes, how soon a claim is granted and an answer decides."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from infra.kafka.partitioner import partition_of
from infra.kafka.publisher import Publisher
from infra.secret_keys import secrets
from schemas.events import CaseActionRequested, CaseSnapshot, PolicyPublished, ReviewDecided
from schemas.topics import ASSIGNMENTS, CASES, OUTCOMES, POLICIES, REVIEW_COMMANDS, REVIEW_DECISIONS, Outgoing
from schemas.values import CaseStage, CaseStatus, Coordinates, Level, Priority, Recommendation, SampleKind, Split
from streams.casework.sealing import Sealed, Sealer
from tests.benchmarks.path import Arrivals
from tests.benchmarks.stages import DOCUMENT
from tests.benchmarks.stand import CODEC, WORKFLOW, Stand, fill, quantile, request

HOUR = 3_600_000  # milliseconds
PARTITIONS = 4


class Figures(NamedTuple):
    """Seconds, mebibytes, and milliseconds of each claim and answer."""

    restored: float
    memory: float
    claims: Sequence[float]
    decisions: Sequence[float]


def snapshots(count: int, sealer: Sealer, *, now: int) -> Iterator[Outgoing]:
    """Open cases as casework keeps them, about 1 kB each on the wire, with deadlines over the next two days."""
    body, fingerprint = CODEC.body(CODEC.encode(request(1)))
    sealed = Sealed(
        kind=SampleKind.REVIEW, model_label="approve", confidence=0.85, model_digest="d" * 64, calibrator="t1",
        inclusion_probability=1.0, split=Split.TRAIN, routed_reason="medium confidence, needs human validation",
    )  # fmt: skip
    shown = Recommendation(label="approve", confidence=0.85, level=Level.MEDIUM, probabilities=(0.15, 0.85))
    for number in range(count):
        name = name_of(number)
        place = partition_of(name.encode(), PARTITIONS)
        case = CaseSnapshot(
            request_id=name, workflow=WORKFLOW, status=CaseStatus.OPEN, stage=CaseStage.HUMAN, revision=1, sequence=1,
            review=review_of(number), priority=tuple(Priority)[number % 4], opened_at=now - number,
            due_at=now + 24 * HOUR + number % (24 * HOUR),
            request=Coordinates(topic="requests", partition=place, offset=number), request_body=body,
            request_fingerprint=fingerprint, requested_at=now - number,
            reason="medium confidence, needs human validation", recommendation=shown, classes=("reject", "approve"),
            approving_class="approve", policy_version=1, policy_digest="0" * 64,
            config_offsets={"models": 1, "policies": 1}, sealed=sealer.seal(sealed, request_id=name, revision=1),
        )  # fmt: skip
        yield CASES.message(case)


def name_of(number: int) -> str:
    return f"request-{number:08d}"


def review_of(number: int) -> Coordinates:
    return Coordinates(
        topic="review.normal", partition=partition_of(name_of(number).encode(), PARTITIONS), offset=number
    )


def casework(stand: Stand) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """The service as its own process."""
    return service(stand, "casework")


@contextmanager
def service(stand: Stand, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service as its own process."""
    hitl = Path(sys.executable).parent / "hitl"
    environment = {**os.environ, **stand.settings.environment()}
    process = subprocess.Popen([hitl, "run", name], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def policy_published() -> PolicyPublished:
    """What casework asks of its cases' workflow."""
    return PolicyPublished(
        event_id="policy", workflow=WORKFLOW, version=1, digest="0" * 64, document=DOCUMENT, published_by="benchmark",
        published_at=0,
    )  # fmt: skip


def claim(number: int) -> Outgoing:
    return REVIEW_COMMANDS.message(
        CaseActionRequested(
            command_id=f"claim-{number}", request_id=name_of(number), reviewer_id=f"reviewer-{number % 50}",
            action="claim",
        )
    )  # fmt: skip


def answer(number: int) -> Outgoing:
    return REVIEW_DECISIONS.message(
        ReviewDecided(
            decision_id=f"answer-{number}", request_id=name_of(number), review=review_of(number),
            reviewer_id=f"reviewer-{number % 50}", action="approve", confidence=0.9,
        )
    )  # fmt: skip


def restored(stand: Stand, probe: int) -> float:
    """Seconds until a first claim is granted, after a service was started."""
    started = time.perf_counter()
    arrivals, asked = Arrivals(stand, ASSIGNMENTS.name), claim(probe)
    fill(stand, iter([asked]))
    while asked.key not in arrivals.at:
        assert time.perf_counter() - started < 600, "the service does not come up"
        time.sleep(0.05)
    arrivals.close()
    return time.perf_counter() - started


def steady(
    stand: Stand, topic: str, made: Callable[[int], Outgoing], numbers: Sequence[int], *, rate: int
) -> Sequence[float]:
    """Milliseconds from sending each to what follows from it on a topic, at so many a second."""
    arrivals, publisher, sent = Arrivals(stand, topic), Publisher(stand.log, CODEC), dict[bytes, float]()
    time.sleep(2)  # what is on the topic already is read
    arrivals.at.clear()
    start = time.perf_counter()
    for at, number in enumerate(numbers):
        pause = start + at / rate - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        message = made(number)
        sent[message.key] = time.perf_counter()
        publisher.send(message)
    publisher.flush()
    arrivals.wait_for(len(numbers))
    arrivals.close()
    publisher.close()
    return [(arrivals.at[key] - sent[key]) * 1e3 for key in list(sent)[rate:]]


def memory_of(pid: int) -> float:
    """Resident, in mebibytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def bench(stand: Stand, *, count: int, rate: int, seconds: int) -> Figures:
    """Fill `cases`, kill the service once it has restored them, restore again, claim and answer."""
    now = time.time_ns() // 1_000_000
    fill(stand, iter([POLICIES.message(policy_published())]))
    fill(stand, snapshots(count, Sealer(secrets(stand.settings).seal_key), now=now))
    chosen = random.Random(7).sample(range(count), rate * seconds + 2)
    with casework(stand) as process:
        restored(stand, chosen[0])
        process.send_signal(signal.SIGKILL)
    with casework(stand) as process:
        took = restored(stand, chosen[1])
        claims = steady(stand, ASSIGNMENTS.name, claim, chosen[2:], rate=rate)
        decisions = steady(stand, OUTCOMES.name, answer, chosen[2:], rate=rate)
        return Figures(took, memory_of(process.pid), claims, decisions)


def report(figures: Figures, *, count: int) -> str:
    def shown(values: Sequence[float]) -> str:
        return ", ".join(f"p{share:g} {quantile(values, share / 100):.0f}" for share in (50, 95, 99))

    return (
        f"{count:,} open cases: restored in {figures.restored:.1f} s, {figures.memory:,.0f} MiB; "
        f"claim → granted {shown(figures.claims)} ms; answer → outcome {shown(figures.decisions)} ms"
    )


