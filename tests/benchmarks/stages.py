"""Each stage on the real broker in one process, against its floor: the same decode, decision and encode in memory."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from consumers.feedback.stage import FeedbackStage
from consumers.inference.loading import Models
from consumers.inference.stage import InferenceStage
from infra.kafka.intake import Intake
from infra.kafka.log import Record, TopicPartition
from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.running import elapsed, loop_policy, wall
from infra.kafka.stage import Lane, Message, Stage
from infra.models.classifier import Classifier
from schemas.events import FeedbackRecorded, ModelPromoted, PolicyPublished
from schemas.topics import FEEDBACK, MODELS, POLICIES, PREDICTIONS, REQUESTS, REVIEW, Outgoing
from schemas.values import FeedbackKind, FeedbackType, Priority, Split
from streams.casework.sealing import Sealer
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.benchmarks.stand import (
    CODEC,
    WORKFLOW,
    Stand,
    Timing,
    fill,
    median,
    prediction,
    predictions,
    request,
    requests,
    timed,
)
from tests.benchmarks.text_model import text_model

DOCUMENT = f"""
name = "{WORKFLOW}"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
audit_share = 0.0
"""
BATCH = 1_000
SEALER = Sealer(bytes(range(64)))
SALT = bytes(32)


class OneModel:
    """A store with a single trained model."""

    def load(self, uri: str, digest: str) -> Classifier:
        return Classifier.load(text_model(), threads=1)


def router() -> Stage[Any, Any]:
    return RouterStage(codec=CODEC, sealer=SEALER, salt=bytes(32))


def inference() -> Stage[Any, Any]:
    return InferenceStage(CODEC, Models(OneModel(), background=False))


def casework() -> Stage[Any, Any]:
    return CaseworkStage(SEALER, CODEC, partitions=4, salt=SALT)


def feedback() -> Stage[Any, Any]:
    return FeedbackStage()


def announcements(start: int, count: int) -> Iterator[Outgoing]:
    """What the router asks people about predictions that are not sure enough."""
    stage = RouterStage(codec=CODEC, sealer=SEALER, salt=bytes(32))
    lane = lane_of(stage, 0)
    config = stage.fold_config(stage.initial_config(), policy_message())
    for number in range(start, start + count):
        batch = stage.handle([message_of(PREDICTIONS.message(prediction(number, confidence=0.9)))], {0: lane}, config)
        lane.state.discard()
        yield batch.outgoing[0]


def answers(start: int, count: int) -> Iterator[Outgoing]:
    """What people taught."""
    for number in range(start, start + count):
        body, fingerprint = CODEC.body(CODEC.encode(request(number)))
        yield FEEDBACK.message(
            FeedbackRecorded(
                event_id=f"feedback:{number}", request_id=f"request-{number}", workflow=WORKFLOW,
                kind=FeedbackKind.REVIEW, type=FeedbackType.POSITIVE, label="approve", model_label="approve",
                split=Split.TRAIN, reviewer_id="anna", reviewer_confidence=0.9, weight=0.9, request_body=body,
                request_fingerprint=fingerprint, decided_at=1_800_000_000_000,
            )
        )  # fmt: skip


def policy_message() -> Message:
    return message_of(POLICIES.message(policy_event()))


def message_of(outgoing: Outgoing) -> Message:
    assert outgoing.event is not None
    return Message(outgoing.event, outgoing.topic, 0, 0, 0, outgoing.key, b"")


def policy_event() -> PolicyPublished:
    return PolicyPublished(
        event_id="policy", workflow=WORKFLOW, version=1, digest="0" * 64, document=DOCUMENT, published_by="benchmark",
        published_at=0,
    )  # fmt: skip


def configure(stand: Stand) -> None:
    """A policy and a promoted model."""
    model = ModelPromoted(
        event_id="model", workflow=WORKFLOW, model_digest=text_model().digest, uri="benchmark", version=1,
        reason="first model", feedback_end_offset=0, promoted_at=0,
    )  # fmt: skip
    fill(stand, iter([POLICIES.message(policy_event()), MODELS.message(model)]))


def run_stage(stand: Stand, stage: Stage[Any, Any], policy: LoopPolicy, records: int) -> Callable[[], None]:
    """Work that runs a stage until it has committed `records` more input records."""
    loop: Loop[Any, Any] = Loop(
        stage, stand.log, CODEC, partitions=stand.settings.partitions, policy=policy, wall=wall, elapsed=elapsed
    )
    while not loop.lanes:
        loop.step()

    def committed() -> int:
        return sum(loop.committed.values())

    start, deadline = committed(), time.monotonic() + 300  # seconds

    def work() -> None:
        while committed() - start < records:
            loop.step()
            assert time.monotonic() < deadline, "the stage does not come to its end"
        loop.close()

    return work


def floor(stage: Stage[Any, Any], config_messages: Sequence[Record], records: Sequence[Record]) -> float:
    """Seconds for decode, decision and encode of these records in memory, in batches as the loop takes them."""
    intake = Intake(CODEC, 4)
    config = stage.initial_config()
    for record in config_messages:
        config = stage.fold_config(config, intake.message(record))
    lanes = {number: lane_of(stage, number) for number in range(4)}
    started = time.perf_counter()
    for first in range(0, len(records), BATCH):
        messages = [intake.message(record) for record in records[first : first + BATCH]]
        batch = stage.handle(messages, lanes, config)
        for out in batch.outgoing:
            assert out.event is not None
            CODEC.encode(out.event)
        for lane in lanes.values():
            lane.state.commit()
    return time.perf_counter() - started


def lane_of(stage: Stage[Any, Any], number: int) -> Lane[Any]:
    return Lane(
        partition=number, state=stage.initial_state(number), now=1_800_000_000_010,
        config_offsets={"models": 1, "policies": 1}, reached=lambda topic: 1 << 60, watermark=lambda topic: 1 << 60,
    )  # fmt: skip


def read_back(stand: Stand, topics: Sequence[str]) -> list[Record]:
    """Everything in these topics."""
    places = [TopicPartition(t, p) for t in topics for p in range(stand.log.partitions(t))]
    reader = stand.log.reader(dict.fromkeys(places, 0))
    records: list[Record] = []
    while any(reader.position(p) < stand.log.watermark(p) for p in places):
        records += reader.read(10_000, 0.2)
    reader.close()
    return records


def copy(stand: Stand, topic: str, target: str, count: int) -> None:
    """Read and write again, nothing else: what the client costs."""
    places = {TopicPartition(topic, p): 0 for p in range(stand.log.partitions(topic))}
    reader, producer = stand.log.reader(places), stand.log.producer(transactional_id=None)
    done = 0
    while done < count:
        for record in reader.read(10_000, 0.2):
            producer.send(target, record.key, record.value, None)
            done += 1
    producer.flush()
    reader.close()
    producer.close()


StageCase = tuple[str, Callable[[], Stage[Any, Any]], str, Callable[[int, int], Iterator[Outgoing]]]
CASES: Sequence[StageCase] = (
    ("router", router, PREDICTIONS.name, predictions),
    ("inference", inference, REQUESTS.name, requests),
    ("casework, opening cases", casework, REVIEW[Priority.NORMAL].name, announcements),
    ("feedback", feedback, FEEDBACK.name, answers),
)


def bench(stand: Stand, *, count: int, runs: int) -> list[tuple[str, Timing, float]]:
    """(what, median timing, ratio to its floor) for the raw copy and each stage, exactly-once and at-least-once."""
    configure(stand)
    config = read_back(stand, [MODELS.name, POLICIES.name])
    rows: list[tuple[str, Timing, float]] = []
    for name, make, topic, source in CASES:
        offset = 0
        for label, interval in (("exactly once, 100 ms", 100), ("exactly once, 20 ms", 20)):
            timings, floors = [], []
            for _ in range(runs):
                fill(stand, source(offset, count))
                offset += count
                policy = replace(loop_policy(stand.settings), max_batch=BATCH, max_commit_interval=interval)
                timings.append(timed(stand, count, run_stage(stand, make(), policy, count)))
                floors.append(floor(make(), config, read_back(stand, [topic])[-count:]))
            middle = median(timings)
            rows.append((f"{name}, {label}", middle, sorted(floors)[runs // 2] / middle.seconds))
    copies = [timed(stand, count, lambda: copy(stand, REQUESTS.name, "tallies", count)) for _ in range(runs)]
    return [("raw copy", median(copies), 0.0), *rows]

