"""Predictions to route, and a router to route them, as small as tests need them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from infra.kafka.stage import Batch, Lane, Message
from schemas.codec import Codec
from schemas.events import DecisionRequested, Event, PolicyPublished, PredictionMade
from schemas.values import Coordinates, Level, Payload
from streams.casework.sealing import Sealer
from streams.routing.dedup import HOUR, Window
from streams.routing.stage import RouterStage
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

CODEC: Final = Codec.of_repository()
NOW: Final = 1_800_000_000_000
AT: Final = NOW - 1_000
SEALER: Final = Sealer(bytes(range(64)))
SALT: Final = b"salt of the tests, thirty-two by"
DOCUMENT: Final = """name = "posts"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
"""


def policies(addition: str = "", *, version: int = 1) -> Policies:
    """The policies in force after one publication of `DOCUMENT` with an addition."""
    return published(DOCUMENT + addition, version=version)


def published(document: str, *, version: int = 1) -> Policies:
    """The policies in force after one publication."""
    event = PolicyPublished(
        event_id=f"policy:{version}",
        workflow="posts",
        version=version,
        digest=f"{version:064x}",
        document=document,
        published_by="test",
        published_at=1,
    )
    folded = fold_policies(NO_POLICIES, event)
    assert folded, "the document of the test is not accepted"
    return folded


def request(request_id: str = "r1", *, payload: Mapping[str, Any] | None = None, **changes: Any) -> DecisionRequested:
    """A request with a JSON payload."""
    body = msgspec.json.encode({"text": "a post"} if payload is None else payload)
    return DecisionRequested(request_id=request_id, workflow="posts", payload=Payload(body=body), **changes)


def prediction(
    asked: DecisionRequested | None = None, *, confidence: float | None = 0.99, **changes: Any
) -> PredictionMade:
    """A prediction of `approve` with this confidence; without one, a failure."""
    asked = asked or request()
    body, fingerprint = CODEC.body(CODEC.encode(asked))
    scored: dict[str, Any] = {"failure": "no_model"}
    if confidence is not None:
        scored = {
            "probabilities": (1 - confidence, confidence),
            "label": "approve",
            "confidence": confidence,
            "level": Level.HIGH,
            "model_digest": "a" * 64,
            "calibrator": "platt-1",
        }
    made = PredictionMade(
        event_id=f"prediction:{asked.request_id}",
        request_id=asked.request_id,
        workflow=asked.workflow,
        request=Coordinates(topic="requests", partition=0, offset=7),
        request_body=body,
        request_fingerprint=fingerprint,
        requested_at=AT,
        classes=("reject", "approve"),
        config_offsets={"models": 4, "policies": 1},
        predicted_at=AT + 10,
        **{"probabilities": (), **scored},
    )
    return msgspec.structs.replace(made, **changes)


def message(event: Event, offset: int = 0, *, topic: str = "predictions", timestamp: int = AT + 20) -> Message:
    """A record as the loop hands it to a stage."""
    key = str(getattr(event, "request_id", "")).encode()
    return Message(event, topic, 0, offset, timestamp, key, CODEC.encode(event))


def lane(
    stage: RouterStage, *, now: int = NOW, offsets: Mapping[str, int] = MappingProxyType({"policies": 1})
) -> Lane[Window]:
    return Lane(
        partition=0,
        state=stage.initial_state(0),
        now=now,
        config_offsets=dict(offsets),
        reached=lambda topic: 0,
        watermark=lambda topic: 0,
    )


def router(window_ms: int = HOUR) -> RouterStage:
    return RouterStage(codec=CODEC, sealer=SEALER, salt=SALT, window_ms=window_ms)


def routed(event: PredictionMade, in_force: Policies | None = None) -> Batch:
    """What a fresh router makes of one prediction."""
    stage = router()
    return stage.handle([message(event)], {0: lane(stage)}, policies() if in_force is None else in_force)


def events_of(batch: Batch) -> dict[str, Event]:
    """The records of a batch by topic; one a topic."""
    by_topic = {outgoing.topic: outgoing.event for outgoing in batch.outgoing}
    assert len(by_topic) == len(batch.outgoing), "two records on one topic"
    return {topic: event for topic, event in by_topic.items() if event is not None}


@dataclass(slots=True)
class ListedSource:
    """A log of one partition that was read up to `committed` of `predictions`."""

    records: Sequence[Message]
    committed_offset: int
    partition: int = 0
    asked_since: list[int | None] = field(default_factory=list)

    def committed(self, topic: str) -> int:
        return self.committed_offset

    def up_to_watermark(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        return (r for r in self.records if r.topic == topic and r.timestamp >= (since or 0))

    def latest(self, topic: str) -> Iterator[Message]:
        return iter({r.key: r for r in self.records if r.topic == topic}.values())

    def up_to_committed(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        self.asked_since.append(since)
        done = [r for r in self.records if r.topic == topic and r.offset < self.committed_offset]
        first = next((n for n, r in enumerate(done) if since is None or r.timestamp >= since), len(done))
        return iter(done[first:])

    def timestamp_before(self, topic: str) -> int | None:
        done = [r.timestamp for r in self.records if r.topic == topic and r.offset < self.committed_offset]
        return done[-1] if done else None
