"""The view of the figures: what a record costs it, how long it takes to rebuild, and whether it keeps up.

Decisions arrive as the stages' tallies, one for each 20 ms; of the share that people decide, every event arrives.
"""

import multiprocessing
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from infra.kafka.publisher import Publisher
from infra.kafka.scan import ends_of
from infra.local.services import command, environment
from infra.settings import Settings
from schemas import events as e
from schemas.topics import ASSIGNMENTS, AUDITS, FEEDBACK, TALLIES, Outgoing
from schemas.values import (
    CaseStage,
    ClosedBy,
    Coordinates,
    DecidedBy,
    FeedbackKind,
    FeedbackType,
    OffsetRange,
    Priority,
    SampleKind,
    Split,
    TallyRow,
)
from streams.insights.app import InsightsApp, Worker
from streams.insights.following import Following
from streams.insights.store import Snapshot, ViewWriter, folder_of
from tests.benchmarks.stand import CODEC, TEXT, WORKFLOW, Stand, processor_seconds

RATE: Final = 20_000  # decisions a second
REVIEWED: Final = 0.13  # the reference run automates 87 %
BLIND: Final = 0.30  # of the reviews
TICKS: Final = 50  # transactions of each stage in a second
BODY: Final = TEXT.format(1).encode()
PLACE: Final = Coordinates(topic="review.normal", partition=0, offset=0)
START: Final = 1_760_000_000_000
KIB: Final = 1_024

OPENED: Final = e.CaseOpened(
    event_id="", request_id="", workflow=WORKFLOW, sequence=1, revision=1, cause=PLACE, occurred_at=0,
    stage=CaseStage.HUMAN, review=PLACE, priority=Priority.NORMAL, due_at=START + (1 << 40), sealed=bytes(300),
)  # fmt: skip
CLOSED: Final = e.CaseClosed(
    event_id="", request_id="", workflow=WORKFLOW, sequence=2, revision=1, cause=PLACE, occurred_at=0,
    closed_by=ClosedBy.REVIEWER, label="approve",
)  # fmt: skip
LEARNT: Final = e.FeedbackRecorded(
    event_id="", request_id="", workflow=WORKFLOW, kind=FeedbackKind.REVIEW, type=FeedbackType.POSITIVE,
    label="approve", model_label="approve", model_digest="m" * 64, split=Split.TRAIN, reviewer_id="", weight=1.0,
    reviewer_confidence=1.0, request_body=BODY, request_fingerprint=bytes(8), decided_at=0,
)  # fmt: skip
DRAWN: Final = e.AuditDrawn(
    event_id="", request_id="", workflow=WORKFLOW, request=PLACE, kind=SampleKind.BLIND, inclusion_probability=BLIND,
    split=Split.TRAIN, model_label="approve", model_digest="m" * 64, policy_version=1, cause=PLACE, drawn_at=0,
)  # fmt: skip
ANSWERED: Final = e.AuditAnswered(
    event_id="", request_id="", workflow=WORKFLOW, kind=SampleKind.BLIND, inclusion_probability=BLIND,
    split=Split.TRAIN, label="approve", model_label="approve", model_digest="m" * 64, agrees=True,
    answered_by=DecidedBy.REVIEWER, reviewer_id="", cause=PLACE, answered_at=0,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightsTiming:
    """What one run took: records, decisions behind them, seconds, processor seconds, memory in MiB."""

    records: int
    decisions: int
    seconds: float
    processor: float
    memory: float


def tick(number: int) -> Iterator[Outgoing]:
    """What 20 ms of decisions put on the topics of the view."""
    decisions, at = RATE // TICKS, START + number * 1_000 // TICKS
    asked = round(decisions * REVIEWED)
    minute = at - at % 60_000
    for stage, topic, rows in (
        ("inference", "requests", (("predicted", None, decisions),)),
        ("router", "predictions", (("auto_approve", None, decisions - asked), ("human_review", "normal", asked))),
        ("casework", "review-decisions", (("reviewed", "normal", asked),)),
    ):
        spans = tuple(
            OffsetRange(topic=topic, partition=p, first=number * decisions, last=(number + 1) * decisions - 1)
            for p in range(4)
        )
        counted = tuple(
            TallyRow(workflow=WORKFLOW, minute=minute, action=action, priority=priority, count=n, milliseconds=80 * n)
            for action, priority, n in rows
        )
        yield TALLIES.message(
            e.StageTallied(
                event_id=f"tally:{stage}:{number}", stage=stage, slot="0", ranges=spans, rows=counted, occurred_at=at
            )
        )
    for case in range(asked):
        yield from _case(f"request-{number}-{case}", f"reviewer-{case % 20}", at, blind=case < asked * BLIND)


def _case(name: str, person: str, at: int, *, blind: bool) -> Iterator[Outgoing]:
    yield ASSIGNMENTS.message(replace(OPENED, event_id=f"case:{name}:1", request_id=name, occurred_at=at))
    closed = replace(CLOSED, event_id=f"case:{name}:2", request_id=name, occurred_at=at + 9_000, reviewer_id=person)
    yield ASSIGNMENTS.message(closed)
    yield FEEDBACK.message(
        replace(LEARNT, event_id=f"feedback:{name}:3", request_id=name, reviewer_id=person, decided_at=at + 9_000)
    )
    if blind:
        yield AUDITS.message(replace(DRAWN, event_id=f"audit:{name}", request_id=name, drawn_at=at))
        yield AUDITS.message(
            replace(ANSWERED, event_id=f"audit-answered:{name}", request_id=name, reviewer_id=person, answered_at=at)
        )


def encoded(seconds: int) -> list[list[tuple[str, bytes, bytes]]]:
    """The records of each tick, ready to be sent."""
    made = []
    for number in range(seconds * TICKS):
        records = []
        for out in tick(number):
            assert out.event is not None
            records.append((out.topic, out.key, CODEC.encode(out.event)))
        made.append(records)
    return made


def rebuilt(stand: Stand, records: int, seconds: int) -> InsightsTiming:
    """In bulk, from nothing, as at the start of the service."""
    return _timed(_rebuild, stand, records, seconds)


def followed(stand: Stand, records: int, seconds: int) -> InsightsTiming:
    """The same log through Faust alone."""
    return _timed(_follow, stand, records, seconds)


def _timed(target: object, stand: Stand, records: int, seconds: int) -> InsightsTiming:
    """A process of its own until its view holds every decision; start-up is not counted."""
    folder = stand.settings.data_dir / f"view-{time.monotonic_ns()}"
    settings = stand.settings.with_changes(data_dir=folder)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=(settings,))  # type: ignore[arg-type]
    process.start()
    pid, path = process.pid or 0, folder_of(folder, settings.slot) / "view.db"
    while not path.exists() or (already := _applied(path)) == 0:
        time.sleep(0.01)
    began, spent = time.perf_counter(), processor_seconds(pid)
    while (now := _applied(path)) < records:
        time.sleep(0.02)
    took, processor = time.perf_counter() - began, processor_seconds(pid) - spent
    memory = _memory(pid)
    process.terminate()
    process.join()
    counted = now - already
    return InsightsTiming(
        records=counted, decisions=round(seconds * RATE * counted / records), seconds=took, processor=processor,
        memory=memory,
    )  # fmt: skip


def kept_up(stand: Stand, ticks: list[list[tuple[str, bytes, bytes]]]) -> tuple[InsightsTiming, list[float]]:
    """The real service behind a producer that keeps the pace; how many seconds it was behind, looked at each second."""
    settings = stand.settings.with_changes(data_dir=stand.settings.data_dir / "live", insights_address="127.0.0.1:0")
    path = folder_of(settings.data_dir, settings.slot) / "view.db"
    publisher, sent, behind = Publisher(stand.log, CODEC), 0, []
    with subprocess.Popen(command("insights"), env=environment(settings), stderr=subprocess.DEVNULL) as service:
        while not path.exists():
            time.sleep(0.05)
        time.sleep(5)  # until Faust has joined its group
        spent, began = processor_seconds(service.pid), time.perf_counter()
        for number, records in enumerate(ticks, 1):
            for topic, key, value in records:
                publisher.send_bytes(topic, key, value, None)
            sent += len(records)
            if number % TICKS == 0:
                behind.append((number * (RATE // TICKS) - _decided(path)) / RATE)
            time.sleep(max(0.0, began + number / TICKS - time.perf_counter()))
        publisher.flush()
        produced = time.perf_counter() - began
        while _applied(path) < sent:
            time.sleep(0.02)
        behind.append(time.perf_counter() - began - produced)
        processor, memory = processor_seconds(service.pid) - spent, _memory(service.pid)
        service.terminate()
    timing = InsightsTiming(
        records=sent, decisions=len(ticks) * RATE // TICKS, seconds=produced, processor=processor, memory=memory
    )
    return timing, behind


def _rebuild(settings: Settings) -> None:
    from infra.kafka.client import connect

    view = ViewWriter(folder_of(settings.data_dir, settings.slot), origin="benchmark")
    Following(view, CODEC, prefix=settings.topic_prefix).catch_up(connect(settings), lambda: False)
    time.sleep(60)  # ended from outside


def _follow(settings: Settings) -> None:
    import asyncio

    view = ViewWriter(folder_of(settings.data_dir, settings.slot), origin="benchmark")
    asyncio.set_event_loop(asyncio.new_event_loop())
    app = InsightsApp(settings, Following(view, CODEC, prefix=settings.topic_prefix))
    Worker(app, lambda: False).execute_from_commandline()


def _decided(path: Path) -> int:
    """Decisions of the router that the view knows of."""
    with Snapshot(path) as view:
        found = view.whole().get(WORKFLOW, {})
    return sum(amount.count for name, amount in found.items() if name.startswith("tally/router/"))


def _applied(path: Path) -> int:
    """Records; there are no transactions on this log, so offsets count them."""
    try:
        with Snapshot(path) as view:
            return sum(offset + 1 for offset in view.positions().values())
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def _memory(pid: int) -> float:
    """Resident MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / KIB for line in lines if line.startswith("VmRSS"))


def report(what: str, timing: InsightsTiming) -> str:
    return (
        f"insights, {what}: {timing.records:,} records of {timing.decisions:,} decisions in {timing.seconds:.1f} s: "
        f"{timing.records / timing.seconds:,.0f} records/s, {timing.decisions / timing.seconds:,.0f} decisions/s; "
        f"{timing.processor / timing.records * 1e6:.1f} µs of processor a record, "
        f"{timing.processor / timing.decisions * 1e6:.2f} µs a decision; {timing.memory:.0f} MiB; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def bench(stand: Stand, seconds: int) -> Iterator[str]:
    """Live first, since it wants topics that are empty; then the same log in bulk and through Faust."""
    ticks = encoded(seconds)
    timing, behind = kept_up(stand, ticks)
    yield report(f"live at {RATE:,} decisions/s", timing)
    yield "insights, live: seconds behind at each second, then until all was in: " + ", ".join(
        f"{b:.2f}" for b in behind
    )
    assert sum(ends_of(stand.log, (TALLIES.name,)).values()) >= 3 * seconds * TICKS
    yield report("rebuilt in bulk", rebuilt(stand, timing.records, seconds))
    yield report("behind Faust, as fast as it goes", followed(stand, timing.records, seconds))
