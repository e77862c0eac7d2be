"""Requests that were asked and scored, and models that were fitted, as the log of a stand would have them."""

import time
from collections.abc import Sequence

from infra.kafka.log import TopicPartition
from infra.kafka.publisher import publish
from infra.kafka.scan import about
from infra.redis.connection import connect
from infra.redis.keys import Keys
from schemas.events import (
    DecisionMade,
    DecisionRequested,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    PolicyPublished,
    PolicyRefused,
    PredictionMade,
    RetrainingRequested,
)
from schemas.topics import MODELS, OUTCOMES, POLICIES, PREDICTIONS, REQUESTS, RETRAINING
from schemas.values import Coordinates, Trigger
from tests.support.routing import CODEC, prediction
from tests.support.stand import Stand, wait_until
from tests.support.traffic import WORKFLOW, request

FIRST, SECOND, THIRD = "1f" * 32, "2e" * 32, "3d" * 32  # digests
AT = 1_790_000_000_000  # milliseconds


def ask(stand: Stand, request_ids: Sequence[str], *, confidence: float | None, text: str = "a garden") -> None:
    """Requests, and what a model makes of them; with no confidence it fails, and people decide."""
    asked = [request(name, text) for name in request_ids]
    publish(stand.log, CODEC, map(REQUESTS.message, asked))
    publish(stand.log, CODEC, [PREDICTIONS.message(_scored(stand, each, confidence)) for each in asked])


def outcomes(stand: Stand, request_id: str) -> list[DecisionMade]:
    """What was decided about a request."""
    found = about(stand.log, CODEC, request_id, [OUTCOMES.name])
    return [entry.event for entry in found if isinstance(entry.event, DecisionMade)]


def until_finished(stand: Stand, *request_ids: str) -> None:
    """People answer until nothing more can come of these requests (chance draws which of them are audited), and the
    read model knows it."""
    redis, keys = connect(stand.settings), Keys(stand.settings.topic_prefix)

    def are_finished() -> bool:
        stand.answer()
        return all(redis.call("ZSCORE", keys.finished, name) is not None for name in request_ids)

    def stay_so() -> bool:
        """An audit may be announced a moment after its decision."""
        if not are_finished():
            return False
        time.sleep(1)
        return are_finished()

    try:
        wait_until(stay_so, what=f"the end of {', '.join(request_ids)} in the read model")
    finally:
        redis.close()


def fit_models(stand: Stand) -> None:
    """One model by hand, one that was better, one that was not, and the first one again."""
    asked = RetrainingRequested(
        event_id="count:1", workflow=WORKFLOW, trigger=Trigger.COUNT, reason="60 new labels, 60 are asked for",
        feedback_end_offset=160, labels=60, correction_rate=0.1, requested_at=AT + 1_000,
    )  # fmt: skip
    publish(stand.log, CODEC, [RETRAINING.message(asked)])
    cause = Coordinates(topic=RETRAINING.name, partition=0, offset=_last(stand) - 1)
    publish(stand.log, CODEC, map(MODELS.message, lives(cause)))


def lives(cause: Coordinates) -> list[ModelTrained | ModelEvaluated | ModelPromoted | ModelRefused]:
    gate = {"improvement": 0.0312, "lower_bound": 0.0104, "labels": 240.0}
    return [
        _trained(FIRST, AT, None),
        ModelPromoted(
            event_id="p1", workflow=WORKFLOW, model_digest=FIRST, uri="file:1", version=1,
            reason="no model is running, the first one is promoted", feedback_end_offset=100, promoted_at=AT + 10,
        ),
        _trained(SECOND, AT + 2_000, cause),
        ModelEvaluated(
            event_id="e2", workflow=WORKFLOW, model_digest=SECOND, champion_digest=FIRST, figures=gate, cause=cause,
            evaluated_at=AT + 2_010,
        ),
        ModelPromoted(
            event_id="p2", workflow=WORKFLOW, model_digest=SECOND, uri="file:2", previous_digest=FIRST, version=2,
            reason="log-loss falls by 0.031, at least 0.010 with 90 % confidence", figures=gate,
            feedback_end_offset=160, cause=cause, promoted_at=AT + 2_020,
        ),
        _trained(THIRD, AT + 3_000, cause),
        ModelRefused(
            event_id="r3", workflow=WORKFLOW, model_digest=THIRD, champion_digest=SECOND,
            reason="<b>no better</b> than the running model", figures=gate, cause=cause, refused_at=AT + 3_010,
        ),
        ModelPromoted(
            event_id="p4", workflow=WORKFLOW, model_digest=FIRST, uri="file:1", previous_digest=SECOND, version=3,
            reason="rolled back by hand", feedback_end_offset=100, promoted_at=AT + 4_000,
        ),
    ]  # fmt: skip


def publish_policies(stand: Stand) -> None:
    """Two versions for a workflow of its own, and one that was refused."""
    first = 'name = "letters"\nclasses = ["reject", "approve"]\napproving_class = "approve"\nfeaturizer = "text"\n'
    documents = [first, first.replace('"text"', '"tabular"') + "[thresholds]\nauto_approve = 0.95\n"]
    published = [
        PolicyPublished(
            event_id=f"policy:letters:{at}", workflow="letters", version=at, digest=str(at) * 64, document=document,
            published_by="lea", published_at=AT + at * 60_000,
        )
        for at, document in enumerate(documents, 1)
    ]  # fmt: skip
    refused = PolicyRefused(
        event_id="refused:letters", workflow="letters", digest="e" * 64, line=3, published_by="max",
        reason="<i>approving_class</i> is none of the classes", refused_at=AT + 300_000,
    )  # fmt: skip
    publish(stand.log, CODEC, [*map(POLICIES.message, published), POLICIES.message(refused)])


def _trained(digest: str, at: int, cause: Coordinates | None) -> ModelTrained:
    return ModelTrained(
        event_id=f"t{digest[:2]}", workflow=WORKFLOW, model_digest=digest, uri=f"file:{digest[:2]}",
        classes=("reject", "approve"), feedback_end_offset=160, labels=160, profile="linear",
        figures={"log_loss": 0.2114, "accuracy": 0.93}, cause=cause, trained_at=at,
    )  # fmt: skip


def _last(stand: Stand) -> int:
    return stand.log.watermark(TopicPartition(RETRAINING.name, 0))


def _scored(stand: Stand, asked: DecisionRequested, confidence: float | None) -> PredictionMade:
    where = about(stand.log, CODEC, asked.request_id, [REQUESTS.name])[0]
    return prediction(
        asked, confidence=confidence, request=where.coordinates, requested_at=where.timestamp,
        predicted_at=where.timestamp + 5, config_offsets={},
    )  # fmt: skip
