"""Reads every answer of people once, and asks for a fit when one is due."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.feedback.triggers import RetrainingState, RetrainingVerdict, is_due, learnt, requested
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, one_by_one, tally
from schemas.events import FeedbackRecorded, RetrainingRequested
from schemas.ids import derive_id
from schemas.topics import FEEDBACK, POLICIES, RETRAINING, Topic
from schemas.values import FeedbackKind, Trigger
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

State = Keyed[RetrainingState]  # by workflow


class FeedbackStage:
    """Remembers per workflow what was learnt since the last request for a fit."""

    name = "feedback"
    inputs: Sequence[Topic[Any]] = (FEEDBACK,)
    config_topics: Sequence[Topic[Any]] = (POLICIES,)

    def initial_config(self) -> Policies:
        return NO_POLICIES

    def fold_config(self, config: Policies, message: Message) -> Policies:
        return fold_policies(config, message.event)

    def initial_state(self, partition: int) -> State:
        return Keyed()

    def restore(self, state: State, source: Source) -> None:
        """Fold again what was processed. When fits were asked for stands in `retraining`: the policies of then may be
        others than those of now."""
        if source.partition != 0:
            return
        ends = {
            (message.event.workflow, message.event.feedback_end_offset)
            for message in source.up_to_watermark(RETRAINING.name)
            if isinstance(message.event, RetrainingRequested)
        }
        for message in source.up_to_committed(FEEDBACK.name):
            feedback = _feedback(message)
            after = learnt(state.get(feedback.workflow) or RetrainingState(), feedback)
            asked = (feedback.workflow, message.offset + 1) in ends
            state.put(feedback.workflow, requested(after) if asked else after)
        state.commit()

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[State]], config: Policies) -> Batch:
        """One request for a fit where the answer that makes it due stands."""

        def decide(message: Message, handled: Handled) -> None:
            feedback, lane = _feedback(message), lanes[message.partition]
            state = learnt(lane.state.get(feedback.workflow) or RetrainingState(), feedback)
            policy = config.get(feedback.workflow)
            if policy is not None and feedback.kind is not FeedbackKind.IMPORTED:
                verdict = is_due(state, policy.workflow_type.retraining)
                if verdict.trigger is not None:
                    handled.outgoing.append(RETRAINING.message(_request(message, verdict, verdict.trigger, lane.now)))
                    state = requested(state)
            lane.state.put(feedback.workflow, state)
            handled.tallies.append(
                tally(feedback.workflow, lane.now, f"feedback_{feedback.type}", None, message.timestamp)
            )

        return one_by_one(messages, decide)

    def tick(self, lane: Lane[State], config: Policies) -> Handled:
        return Handled()


def _request(message: Message, verdict: RetrainingVerdict, trigger: Trigger, now: int) -> RetrainingRequested:
    workflow, end = _feedback(message).workflow, message.offset + 1
    return RetrainingRequested(
        event_id=derive_id("retraining", workflow, end),
        workflow=workflow,
        trigger=trigger,
        reason=verdict.reason,
        feedback_end_offset=end,
        labels=verdict.labels,
        correction_rate=verdict.correction_rate,
        cause=message.coordinates,
        requested_at=now,
    )


def _feedback(message: Message) -> FeedbackRecorded:
    assert isinstance(message.event, FeedbackRecorded)
    return message.event
