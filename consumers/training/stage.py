"""Answers each request for a fit with a model that is promoted or refused on its figures.

The fit runs beside the loop; until it is done the request is held, and with it those behind it. A request that waits
and has a successor of its workflow in the same batch is answered by the successor, which knows its labels and more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consumers.training.events import outcome_of
from consumers.training.refit import Champion, RefitJob
from consumers.training.running import JobRunner
from infra.kafka.errors import InvalidMessage, NotReady, Reason
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, one_by_one
from schemas.events import Event, ModelPromoted, RetrainingRequested
from schemas.topics import FEEDBACK, MODELS, POLICIES, RETRAINING, Topic
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

State = Keyed[Champion]  # by workflow: what this stage promoted itself and may not have read back yet
CONFIG_LAG: Final = 10_000  # milliseconds within which a policy that was published must have been read


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The policies in force, and the model that runs for each workflow."""

    policies: Policies = field(default_factory=lambda: NO_POLICIES)
    champions: Mapping[str, Champion] = field(default_factory=dict)


def fold_training(config: TrainingConfig, event: Event) -> TrainingConfig:
    """The configuration after one more event of `models` or `policies`."""
    if not isinstance(event, ModelPromoted):
        return replace(config, policies=fold_policies(config.policies, event))
    champion = Champion(digest=event.model_digest, uri=event.uri, version=event.version)
    return replace(config, champions={**config.champions, event.workflow: champion})


class TrainingStage:
    """Refits through `runner`, which starts them and says when they are done."""

    name = "training"
    inputs: Sequence[Topic[Any]] = (RETRAINING,)
    config_topics: Sequence[Topic[Any]] = (MODELS, POLICIES)

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._feedback_end = 0  # the highest watermark of `feedback` seen so far: it only grows

    def initial_config(self) -> TrainingConfig:
        return TrainingConfig()

    def fold_config(self, config: TrainingConfig, message: Message) -> TrainingConfig:
        return fold_training(config, message.event)

    def initial_state(self, partition: int) -> State:
        return Keyed()

    def restore(self, state: State, source: Source) -> None:
        """Nothing: what this stage promoted was read with the configuration, up to its high watermark."""

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[State]], config: TrainingConfig) -> Batch:
        """All events of a fit at once, or the request is held."""
        newest = {
            _request(message).workflow: message.offset
            for message in messages
            if self._is_written(_request(message), lanes[message.partition])
        }

        def decide(message: Message, handled: Handled) -> None:
            request, lane = _request(message), lanes[message.partition]
            if not self._is_written(request, lane):
                raise InvalidMessage(
                    Reason.INVALID,
                    f"it asks for the labels before offset {request.feedback_end_offset} of {FEEDBACK.name}, which "
                    f"ends at {self._feedback_end}",
                    workflow=request.workflow,
                )
            job = self._job(message, lane, config)
            if message.offset < newest[request.workflow] and not self._runner.started(job):
                return
            found = self._runner.result(job)
            if found is None:
                raise NotReady
            events, champion = outcome_of(found, job, cause=message.coordinates, at=lane.now, forced_reason=None)
            handled.outgoing.extend(MODELS.message(event) for event in events)
            if champion is not None:
                lane.state.put(request.workflow, champion)

        return one_by_one(messages, decide)

    def tick(self, lane: Lane[State], config: TrainingConfig) -> Handled:
        return Handled()

    def _is_written(self, request: RetrainingRequested, lane: Lane[State]) -> bool:
        """Whether `feedback` reaches as far as the request names; to wait for the rest could take for ever."""
        if request.feedback_end_offset > self._feedback_end:
            self._feedback_end = max(self._feedback_end, lane.watermark(FEEDBACK.name))
        return request.feedback_end_offset <= self._feedback_end

    def _job(self, message: Message, lane: Lane[State], config: TrainingConfig) -> RefitJob:
        """The fit that a request asks for, as things stand: with another champion it is another fit."""
        request = _request(message)
        policy = config.policies.get(request.workflow)
        if policy is None:
            if lane.now - message.timestamp < CONFIG_LAG:
                raise NotReady
            raise InvalidMessage(
                Reason.UNKNOWN_WORKFLOW, f"no policy is published for {request.workflow!r}", workflow=request.workflow
            )
        return RefitJob(
            workflow_type=policy.workflow_type,
            feedback_end_offset=request.feedback_end_offset,
            champion=_newer(lane.state.get(request.workflow), config.champions.get(request.workflow)),
        )


def _newer(own: Champion | None, read: Champion | None) -> Champion | None:
    if own is None or (read is not None and read.version >= own.version):
        return read
    return own


def _request(message: Message) -> RetrainingRequested:
    assert isinstance(message.event, RetrainingRequested)
    return message.event
