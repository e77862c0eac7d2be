"""The page of one request, of very many in a real log: server time by the index, and by reading the log instead."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Any, cast

from consumers.index.batch import CachePolicy
from consumers.index.indexer import Indexer
from infra.kafka.intake import Intake
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import about, partitions_of
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.places import PLACED
from infra.redis.reading import ReadModel
from infra.redis.store import IndexStore
from producers.desk.pages.audit import routes as audit
from producers.desk.pages.audit.listing import path_of
from producers.desk.pages.behind import Behind
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from schemas.events import (
    CaseClosed,
    CaseOpened,
    DecisionMade,
    FeedbackRecorded,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import ASSIGNMENTS, FEEDBACK, OUTCOMES, PREDICTIONS, REQUESTS, REVIEW, REVIEW_DECISIONS, Outgoing
from schemas.values import (
    CaseStage,
    ClosedBy,
    Coordinates,
    DecidedBy,
    FeedbackKind,
    FeedbackType,
    Grounds,
    Outcome,
    Priority,
    Split,
)
from tests.benchmarks.stand import CODEC, Stand, fill, prediction, quantile, request
from tests.support.signing_in import PAGE, Browser, Desk

HOUR = 3_600_000  # milliseconds
EVENTS = 8  # of each request
BURST = 100  # pages for one auditor, who may not ask much faster
SLOW = 3  # requests that are also read from the log
VERSIONS: dict[str, Any] = {"policy_version": 1, "policy_digest": "e" * 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineTiming:
    """Milliseconds of wall time, and of processor time of the desk, for a page; bytes of Valkey for a request."""

    requests: int
    p50: float
    p95: float
    processor: float
    search_p95: float
    whole_log: float  # milliseconds for the same by reading
    bytes_each: float
    index_rate: float  # records a second


def decided_by_people(start: int, count: int) -> Iterator[Outgoing]:
    """Each request with a prediction, an announcement, a case, an answer, an outcome and a label."""
    for number in range(start, start + count):
        scored = prediction(number, confidence=0.9)
        place = Coordinates(
            topic="review.normal", partition=partition_of(scored.request_id.encode(), 4), offset=number // 4
        )
        yield REQUESTS.message(request(number))
        yield PREDICTIONS.message(scored)
        yield from _asked_of_people(scored, place)
        yield from _answered(scored, place, f"r{number % 50}")


def _of(scored: PredictionMade) -> dict[str, Any]:
    return {"request_id": scored.request_id, "workflow": scored.workflow}


def _body(scored: PredictionMade) -> dict[str, Any]:
    return {"request_body": scored.request_body, "request_fingerprint": scored.request_fingerprint}


def _asked_of_people(scored: PredictionMade, place: Coordinates) -> Iterator[Outgoing]:
    at = scored.predicted_at
    yield REVIEW[Priority.NORMAL].message(
        ReviewRequested(
            event_id=f"review:{scored.request_id}:1", revision=1, request=scored.request, sealed=bytes(96), cause=place,
            requested_at=scored.requested_at, priority=Priority.NORMAL, reason="not sure enough",
            classes=scored.classes, approving_class="approve", created_at=at + 5, due_at=at + HOUR, **_of(scored),
            **_body(scored), **VERSIONS,
        )
    )
    yield ASSIGNMENTS.message(
        CaseOpened(
            event_id=f"case:{scored.request_id}:1", sequence=1, revision=1, cause=place, occurred_at=at + 10,
            stage=CaseStage.HUMAN, review=place, priority=Priority.NORMAL, due_at=at + HOUR, sealed=b"", **_of(scored),
        )
    )  # fmt: skip


def _answered(scored: PredictionMade, place: Coordinates, who: str) -> Iterator[Outgoing]:
    name, at = scored.request_id, scored.predicted_at + 9_000
    yield REVIEW_DECISIONS.message(
        ReviewDecided(decision_id=name, request_id=name, review=place, reviewer_id=who, action="approve")
    )
    yield ASSIGNMENTS.message(
        CaseClosed(
            event_id=f"case:{name}:2", sequence=2, revision=1, cause=place, occurred_at=at, label="approve",
            closed_by=ClosedBy.REVIEWER, reviewer_id=who, **_of(scored),
        )
    )
    yield OUTCOMES.message(
        DecisionMade(
            event_id=f"outcome:{name}", request=scored.request, outcome=Outcome.APPROVED, label="approve",
            decided_by=DecidedBy.REVIEWER, reviewer_id=who, confidence=0.9, requested_at=scored.requested_at,
            grounds=Grounds(reason="answered", cause=place, **VERSIONS), decided_at=at, **_of(scored),
        )
    )
    yield FEEDBACK.message(
        FeedbackRecorded(
            event_id=f"feedback:{name}", kind=FeedbackKind.REVIEW, type=FeedbackType.POSITIVE, label="approve",
            split=Split.TRAIN, reviewer_id=who, reviewer_confidence=0.9, weight=1.0, decided_at=at, **_of(scored),
            **_body(scored),
        )
    )  # fmt: skip


def measured(stand: Stand, requests: int, *, pages: int, by_reading: int = SLOW) -> TimelineTiming:
    """Fill the log, let an index read it, then ask for pages of requests anywhere in it, one after another."""
    records = fill(stand, decided_by_people(0, requests))
    server = EmbeddedValkey(stand.settings.data_dir / uuid.uuid4().hex, prefer=None)
    server.start()
    redis = Connection(server.url, address="benchmark")
    try:
        before = redis.call("INFO", "memory")["used_memory"]
        rate = _index(stand, redis, records)
        held = (redis.call("INFO", "memory")["used_memory"] - before) / requests
        model = ReadModel(redis, Keys(stand.settings.topic_prefix))
        auditors, random = _auditors(stand, model, count=1 + pages // BURST), Random(1)
        names = [request(random.randrange(requests)).request_id for _ in range(pages)]
        processor = time.process_time()
        asked = zip(cycle(auditors), names, strict=False)
        took = sorted(_page(auditor, path_of(name)) for auditor, name in asked)
        processor = (time.process_time() - processor) / pages * 1_000
        searched = sorted(_page(auditors[-1], "/audit?by=expert") for _ in range(20))
        began = time.perf_counter()
        for name in names[:by_reading]:
            assert len(about(stand.log, CODEC, name, PLACED)) == EVENTS
        slow = (time.perf_counter() - began) / max(1, by_reading) * 1_000
    finally:
        redis.close()
        server.kill()
    return TimelineTiming(
        requests=requests, p50=quantile(took, 0.5) * 1_000, p95=quantile(took, 0.95) * 1_000, processor=processor,
        search_p95=quantile(searched, 0.95) * 1_000, whole_log=slow, bytes_each=held, index_rate=rate,
    )  # fmt: skip


def report(timing: TimelineTiming) -> str:
    return (
        f"timeline of one of {timing.requests:,} requests ({EVENTS} events each): p50 {timing.p50:.0f}, "
        f"p95 {timing.p95:.0f} ms, processor {timing.processor:.0f} ms of the desk; a search that looks at 1,000: "
        f"p95 {timing.search_p95:.0f} ms; by reading the log {timing.whole_log:,.0f} ms; "
        f"{timing.bytes_each:,.0f} bytes of Valkey a request; index {timing.index_rate:,.0f} records/s"
    )


def _index(stand: Stand, redis: Connection, records: int) -> float:
    keys = Keys(stand.settings.topic_prefix)
    cache = CachePolicy(keep_ms=HOUR, inline_bytes=0)
    intake = Intake(CODEC, stand.settings.partitions)
    indexer = Indexer(stand.log, IndexStore(redis, keys, "benchmark"), intake, cache=cache, keep_ms=1 << 60)
    model, applied, began = ReadModel(redis, keys), 0, time.perf_counter()
    while applied < records or model.is_rebuilding():
        applied += indexer.step()
    indexer.resume()
    rate = applied / (time.perf_counter() - began)
    _leave_markers(stand)
    return rate


def _leave_markers(stand: Stand) -> None:
    """At each end a record and a marker of a transaction: the index is always a little behind the stages."""
    producer = stand.log.producer(transactional_id="benchmark")
    producer.begin()
    for place in partitions_of(stand.log, PLACED):
        producer.send(place.topic, b"none", None, place.partition)
    producer.commit()
    producer.close()


def _auditors(stand: Stand, model: ReadModel, *, count: int) -> list[Browser]:
    """Several, since one alone may not ask that fast."""
    desk, unused = Desk(), cast(Any, None)
    behind = Behind(unused, unused, lambda: model, stand.log, CODEC, stand.settings, unused)
    desk.pages.include_router(audit.routes(behind))
    people = [Person(reviewer_id=f"otto{n}", name="Otto", roles=(Role.AUDITOR,)) for n in range(count + 1)]
    return [desk.signed_in(person) for person in people]


def _page(auditor: Browser, path: str) -> float:
    began = time.perf_counter()
    answer = auditor.get(path, **PAGE)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    return took
