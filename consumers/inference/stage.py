"""Scores every request with the promoted model of its workflow; one that cannot be scored goes on with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consumers.inference.inputs import content
from consumers.inference.loading import Models, Wanted
from consumers.inference.scoring import (
    MODEL_UNAVAILABLE,
    NO_MODEL,
    OTHER_CLASSES,
    Answer,
    Failed,
    Scored,
    Scorer,
    answers,
)
from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, tally
from schemas.codec import Codec
from schemas.events import DecisionRequested, ModelPromoted, PredictionMade
from schemas.ids import derive_id
from schemas.topics import MODELS, POLICIES, PREDICTIONS, REQUESTS, Topic
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies
from streams.workflow.types import WorkflowType

LOADABLE: Final = 3  # promoted models that are kept in mind, should the newest be damaged


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """The policies in force, and the promoted models of each workflow, newest first."""

    policies: Policies = field(default_factory=lambda: NO_POLICIES)
    promoted: Mapping[str, tuple[Wanted, ...]] = field(default_factory=dict)


class InferenceStage:
    """Remembers nothing of requests; `models` holds what was loaded."""

    name = "inference"
    inputs: Sequence[Topic[Any]] = (REQUESTS,)
    config_topics: Sequence[Topic[Any]] = (MODELS, POLICIES)

    def __init__(self, codec: Codec, models: Models) -> None:
        self._codec, self._models = codec, models

    def initial_config(self) -> InferenceConfig:
        return InferenceConfig()

    def fold_config(self, config: InferenceConfig, message: Message) -> InferenceConfig:
        event = message.event
        if not isinstance(event, ModelPromoted):
            return replace(config, policies=fold_policies(config.policies, event))
        before = config.promoted.get(event.workflow, ())
        wanted = (Wanted(event.uri, event.model_digest), *before)[:LOADABLE]
        self._models.want(event.workflow, *wanted)  # loading begins here, so that the swap does not wait for a request
        return replace(config, promoted={**config.promoted, event.workflow: wanted})

    def initial_state(self, partition: int) -> Keyed[bool]:
        return Keyed()

    def restore(self, state: Keyed[bool], source: Source) -> None:
        """There is nothing to bring back."""

    def tick(self, lane: Lane[Keyed[bool]], config: InferenceConfig) -> Handled:
        return Handled()

    def handle(
        self, messages: Sequence[Message], lanes: Mapping[int, Lane[Keyed[bool]]], config: InferenceConfig
    ) -> Batch:
        """One prediction per request, in the order of the requests; one call of the model per workflow."""
        batch = Batch()
        rows: dict[str, list[int]] = {}
        for row, message in enumerate(messages):
            workflow = _request(message).workflow
            if workflow in config.policies:
                rows.setdefault(workflow, []).append(row)
            else:
                batch.invalid.append((message, _unknown(_request(message))))
        made: list[PredictionMade | None] = [None] * len(messages)
        for workflow, of_workflow in rows.items():
            some = [messages[row] for row in of_workflow]
            for row, prediction in zip(of_workflow, self._predictions(workflow, some, lanes, config), strict=True):
                made[row] = prediction
        for event in made:
            if event is not None:
                action = "predicted" if event.failure is None else "prediction_failed"
                batch.outgoing.append(PREDICTIONS.message(event))
                batch.tallies.append(tally(event.workflow, event.predicted_at, action, None, event.requested_at))
        return batch

    def _predictions(
        self,
        workflow: str,
        messages: Sequence[Message],
        lanes: Mapping[int, Lane[Keyed[bool]]],
        config: InferenceConfig,
    ) -> list[PredictionMade]:
        workflow_type = config.policies[workflow].workflow_type
        scorer = self._scorer(workflow, workflow_type, config)
        if isinstance(scorer, Failed):
            return [self._event(m, lanes[m.partition], workflow_type, None, scorer) for m in messages]
        found = zip(messages, _answers(scorer, messages, workflow_type), strict=True)
        return [self._event(m, lanes[m.partition], workflow_type, scorer, answer) for m, answer in found]

    def _scorer(self, workflow: str, workflow_type: WorkflowType, config: InferenceConfig) -> Scorer | Failed:
        wanted = config.promoted.get(workflow)
        if not wanted:
            return NO_MODEL
        scorer = self._models.scorer(workflow, *wanted)
        if scorer is None:
            return MODEL_UNAVAILABLE
        return scorer if set(scorer.classes) == set(workflow_type.classes) else OTHER_CLASSES

    def _event(
        self,
        message: Message,
        lane: Lane[Keyed[bool]],
        workflow_type: WorkflowType,
        scorer: Scorer | None,
        answer: Answer,
    ) -> PredictionMade:
        request = _request(message)
        body, fingerprint = self._codec.body(message.value)
        scored = answer if isinstance(answer, Scored) else None
        return PredictionMade(
            event_id=derive_id("prediction", request.request_id),
            request_id=request.request_id,
            workflow=request.workflow,
            request=message.coordinates,
            request_body=body,
            request_fingerprint=fingerprint,
            requested_at=message.timestamp,
            classes=scorer.classes if scorer else workflow_type.classes,
            probabilities=scored.probabilities if scored else (),
            label=scored.label if scored else None,
            confidence=scored.confidence if scored else None,
            level=scored.level if scored else None,
            entropy=scored.entropy if scored else None,
            margin=scored.margin if scored else None,
            least_confident=scored.least_confident if scored else None,
            model_digest=scorer.digest if scorer else None,
            calibrator=scorer.calibrator_version if scorer else None,
            failure=answer.reason if isinstance(answer, Failed) else None,
            config_offsets=lane.config_offsets,
            predicted_at=lane.now,
        )


def _answers(scorer: Scorer, messages: Sequence[Message], workflow_type: WorkflowType) -> list[Answer]:
    contents = [content(_request(message), workflow_type, scorer.featurizer_name) for message in messages]
    scored = iter(answers(scorer, [one for one in contents if not isinstance(one, Failed)]))
    return [one if isinstance(one, Failed) else next(scored) for one in contents]


def _request(message: Message) -> DecisionRequested:
    assert isinstance(message.event, DecisionRequested)
    return message.event


def _unknown(request: DecisionRequested) -> InvalidMessage:
    return InvalidMessage(
        Reason.UNKNOWN_WORKFLOW,
        f"no policy is published for the workflow {request.workflow!r}: publish it (`hitl policy publish`), then "
        "replay the dead letter",
        workflow=request.workflow,
        request_id=request.request_id,
    )
