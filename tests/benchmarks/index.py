"""The read model: processor time a record in the index and in Valkey, and memory of what is kept."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from consumers.index.batch import CachePolicy
from consumers.index.indexer import Indexer
from infra.kafka.intake import Intake
from infra.kafka.stage import Message
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel
from infra.redis.store import IndexStore
from schemas.topics import PREDICTIONS, REQUESTS, REVIEW, Outgoing
from schemas.values import Coordinates, Priority
from tests.benchmarks.stages import casework, lane_of, message_of, policy_message, router
from tests.benchmarks.stand import CODEC, Stand, fill, prediction, processor_seconds, request

HOUR = 3_600_000  # milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTiming:
    """Microseconds a record, and bytes of Valkey's memory for each request."""

    records: int
    per_second: float
    client: float
    valkey: float
    bytes_each: float


def by_itself(start: int, count: int) -> Iterator[Outgoing]:
    """Requests, predictions and what the router makes of them: decided without people."""
    yield from _routed(start, count, confidence=0.97, open_case=False)


def asked_of_people(start: int, count: int) -> Iterator[Outgoing]:
    """Requests, predictions, announcements, and the cases that casework opens."""
    yield from _routed(start, count, confidence=0.9, open_case=True)


def _routed(start: int, count: int, *, confidence: float, open_case: bool) -> Iterator[Outgoing]:
    stage, people = router(), casework()
    lane, desk = lane_of(stage, 0), lane_of(people, 0)
    config = stage.fold_config(stage.initial_config(), policy_message())
    for number in range(start, start + count):
        predicted = prediction(number, confidence=confidence)
        yield REQUESTS.message(request(number))
        yield PREDICTIONS.message(predicted)
        made = stage.handle([message_of(PREDICTIONS.message(predicted))], {0: lane}, config).outgoing
        lane.state.discard()
        for outgoing in made:
            if outgoing.topic != "audits":
                yield outgoing
        if open_case:
            review = Coordinates(topic=REVIEW[Priority.NORMAL].name, partition=0, offset=number)
            assert made[0].event is not None
            announced = Message(made[0].event, review.topic, 0, number, 0, made[0].key, b"")
            opened = people.handle([announced], {0: desk}, None).outgoing
            desk.state.discard()
            yield from (each for each in opened if each.topic == "assignments")


def measured(stand: Stand, messages: Iterator[Outgoing], requests: int) -> IndexTiming:
    """Fill the log, then let an index apply it all to an empty Valkey."""
    records = fill(stand, messages)
    server = EmbeddedValkey(stand.settings.data_dir / uuid.uuid4().hex, prefer=None)
    server.start()
    redis = Connection(server.url, address="benchmark")
    try:
        before = redis.call("INFO", "memory")["used_memory"]
        keys = Keys(stand.settings.topic_prefix)
        indexer = Indexer(
            stand.log,
            IndexStore(redis, keys, "benchmark"),
            Intake(CODEC, stand.settings.partitions),
            cache=CachePolicy(keep_ms=24 * HOUR, inline_bytes=stand.settings.index_inline_bytes),
            keep_ms=1 << 60,
        )
        model, pid = ReadModel(redis, keys), server.pid or 0
        wall, client, valkey = time.perf_counter(), time.process_time(), processor_seconds(pid)
        applied = 0
        while applied < records or model.is_rebuilding():
            applied += indexer.step()
        seconds = time.perf_counter() - wall
        spent = time.process_time() - client, processor_seconds(pid) - valkey
        after = redis.call("INFO", "memory")["used_memory"]
        indexer.resume()
    finally:
        redis.close()
        server.kill()
    return IndexTiming(
        records=applied,
        per_second=applied / seconds,
        client=spent[0] / applied * 1e6,
        valkey=spent[1] / applied * 1e6,
        bytes_each=(after - before) / requests,
    )


def report(what: str, timing: IndexTiming) -> str:
    return (
        f"index, {what}: {timing.per_second:,.0f} records/s; processor µs a record: index {timing.client:.1f}, "
        f"Valkey {timing.valkey:.1f}; memory {timing.bytes_each:,.0f} bytes each"
    )
