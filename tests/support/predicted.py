"""Requests, and what a model is said to have answered, written as inference writes it; the rest is the pipeline."""

from collections.abc import Mapping, Sequence

from infra.kafka.client import KafkaLog
from infra.kafka.publisher import publish
from infra.kafka.scan import scan
from schemas.events import DecisionRequested, PredictionMade
from schemas.topics import PREDICTIONS, REQUESTS
from schemas.values import Level
from tests.support.traffic import CODEC, request

CLASSES = ("reject", "approve")


def predicted(
    log: KafkaLog, texts: Mapping[str, str], *, label: str = "approve", confidence: float = 0.75, amount: float = 5.0
) -> Sequence[PredictionMade]:
    """Publish a request for each text, by request id, and the model's answer to it."""
    publish(log, CODEC, [REQUESTS.message(request(name, text, amount=amount)) for name, text in texts.items()])
    made = []
    for entry in scan(log, CODEC, [REQUESTS.name]):
        event = entry.event
        if isinstance(event, DecisionRequested) and event.request_id in texts and entry.value is not None:
            body, fingerprint = CODEC.body(entry.value)
            sure = confidence if label == CLASSES[1] else 1 - confidence
            made.append(
                PredictionMade(
                    event_id=f"prediction:{event.request_id}", request_id=event.request_id, workflow=event.workflow,
                    request=entry.coordinates, request_body=body, request_fingerprint=fingerprint,
                    requested_at=entry.timestamp, classes=CLASSES, probabilities=(1 - sure, sure), label=label,
                    confidence=confidence, level=Level.MEDIUM, model_digest="m" * 64, predicted_at=entry.timestamp + 1,
                )
            )  # fmt: skip
    publish(log, CODEC, map(PREDICTIONS.message, made))
    return made
