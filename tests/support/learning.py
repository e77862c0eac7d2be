"""Events and messages of the learning stages, with as little said as a test needs."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from infra.kafka.stage import Keyed, Lane, Message
from schemas.codec import Codec
from schemas.events import DecisionRequested, Event, FeedbackRecorded, ModelPromoted, PolicyPublished
from schemas.topics import FEEDBACK, MODELS, POLICIES, REQUESTS
from schemas.values import FeedbackKind, FeedbackType, Payload, PayloadEncoding, Split

CODEC = Codec.of_repository()
WORKFLOW = "posts"
NOW = 1_700_000_000_000  # milliseconds


def document(
    name: str = WORKFLOW, *, featurizer: str = "text", classes: str = '["reject", "approve"]', more: str = ""
) -> str:
    """A workflow file."""
    return f'name = "{name}"\nclasses = {classes}\napproving_class = "approve"\nfeaturizer = "{featurizer}"\n{more}'


def request(
    request_id: str, text: str | None, *, workflow: str = WORKFLOW, encrypted: bool = False
) -> DecisionRequested:
    """A request about a text."""
    body = msgspec.json.encode({} if text is None else {"text": text})
    encoding = PayloadEncoding.ENCRYPTED if encrypted else PayloadEncoding.PLAIN
    return DecisionRequested(request_id=request_id, workflow=workflow, payload=Payload(encoding=encoding, body=body))


def message(topic: str, event: Event, *, offset: int = 0, partition: int = 0, timestamp: int = NOW - 5) -> Message:
    """The event as it comes out of the log."""
    return Message(event, topic, partition, offset, timestamp, b"", CODEC.encode(event))


def requests(events: Iterable[DecisionRequested]) -> list[Message]:
    """Requests that lie one behind the other in partition 0."""
    return [message(REQUESTS.name, event, offset=offset) for offset, event in enumerate(events)]


def policy(text: str, *, workflow: str = WORKFLOW, version: int = 1) -> Message:
    """A published policy."""
    event = PolicyPublished(
        event_id=f"policy:{workflow}:{version}", workflow=workflow, version=version, digest="d" * 64, document=text,
        published_by="tester", published_at=NOW,
    )  # fmt: skip
    return message(POLICIES.name, event)


def promoted(digest: str, *, workflow: str = WORKFLOW, version: int = 1) -> Message:
    """A promoted model."""
    event = ModelPromoted(
        event_id=f"promoted:{workflow}:{version}", workflow=workflow, model_digest=digest, uri=f"store/{digest}",
        version=version, reason="first model", feedback_end_offset=0, promoted_at=NOW,
    )  # fmt: skip
    return message(MODELS.name, event)


def feedback(
    number: int,
    *,
    label: str | None = "approve",
    text: str = "a post",
    type: FeedbackType = FeedbackType.POSITIVE,
    kind: FeedbackKind = FeedbackKind.REVIEW,
    split: Split = Split.TRAIN,
    blind: bool = False,
    confidence: float = 1.0,
    probability: float = 1.0,
    request_id: str | None = None,
    workflow: str = WORKFLOW,
) -> FeedbackRecorded:
    """One answer; `number` makes it different from others."""
    asked = request(request_id or f"r{number}", text, workflow=workflow)
    body, fingerprint = CODEC.body(CODEC.encode(asked))
    return FeedbackRecorded(
        event_id=f"feedback:{number}", request_id=asked.request_id, workflow=workflow, kind=kind, type=type,
        label=label, blind=blind, inclusion_probability=probability, split=split, reviewer_id="someone",
        reviewer_confidence=confidence, weight=confidence, request_body=body, request_fingerprint=fingerprint,
        decided_at=NOW,
    )  # fmt: skip


def answers(events: Iterable[FeedbackRecorded]) -> list[Message]:
    """Answers as they lie in `feedback`."""
    return [message(FEEDBACK.name, event, offset=offset) for offset, event in enumerate(events)]


S = TypeVar("S", bound=Keyed[Any])


def lane(state: S, *, partition: int = 0) -> Lane[S]:
    """A lane at the time `NOW`."""
    return Lane(partition=partition, state=state, now=NOW, reached=lambda _: 0, watermark=lambda _: 0)


class ReplayedSource:
    """What a stage reads back of one partition: lists of messages by topic."""

    def __init__(self, messages: dict[str, list[Message]], *, committed: dict[str, int] | None = None) -> None:
        self.partition = 0
        self._messages, self._committed = messages, committed or {}

    def committed(self, topic: str) -> int:
        return self._committed.get(topic, len(self._messages.get(topic, [])))

    def up_to_watermark(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        return iter(m for m in self._messages.get(topic, []) if m.timestamp >= (since or 0))

    def latest(self, topic: str) -> Iterator[Message]:
        return iter({m.key: m for m in self._messages.get(topic, [])}.values())

    def up_to_committed(self, topic: str, *, since: int | None = None) -> Iterator[Message]:
        end = self.committed(topic)
        return iter(m for m in self._messages.get(topic, []) if m.offset < end and m.timestamp >= (since or 0))

    def timestamp_before(self, topic: str) -> int | None:
        return None
