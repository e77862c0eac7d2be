"""The router: every request goes to the model alone, to a person, or to an expert, once; chance draws audits."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.kafka.errors import InvalidMessage, NotReady, Reason
from infra.kafka.stage import Batch, Handled, Lane, Message, Source, one_by_one, tally
from schemas.codec import Codec, Undecodable
from schemas.events import DeadLettered, DecisionRequested, PredictionMade
from schemas.topics import AUDITS, AUTO_APPROVE, DEAD_LETTERS, EXPERT, OUTCOMES, POLICIES, PREDICTIONS, REVIEW, Topic
from schemas.values import Priority, SampleKind
from streams.casework.sealing import Sealer
from streams.routing import draws
from streams.routing.consequences import (
    Answer,
    Decision,
    Sample,
    audit_drawn,
    automatic,
    expert_asked,
    review_asked,
)
from streams.routing.dedup import HOUR, Sighting, Window, content_digest
from streams.routing.policy import Action, Route, restricted, route, without_answer
from streams.routing.risk import Risk, assess
from streams.workflow.policies import NO_POLICIES, Policies, Policy, fold_policies
from streams.workflow.types import WorkflowType

NAME: Final = "router"
DUPLICATE: Final = "duplicate"
AUTOMATICALLY: Final = Action.AUTO_APPROVE  # Python 3.11 takes 0.1 µs to look up a member of an enumeration
LAST_MOMENT: Final = 1 << 43  # milliseconds: the year 2248
LONGEST_DIGEST: Final = 100  # characters of a model's digest and a calibrator's version
CLOCK_SLACK: Final = 60_000  # milliseconds that inference's clock may lag behind the broker's


class RouterStage:
    """Pure but for its secrets: `sealer` hides what reviewers must not see, `salt` makes draws unforeseeable."""

    name: str = NAME
    inputs: Sequence[Topic[Any]] = (PREDICTIONS,)
    config_topics: Sequence[Topic[Any]] = (POLICIES,)

    def __init__(self, *, codec: Codec, sealer: Sealer, salt: bytes, window_ms: int = HOUR) -> None:
        self._codec, self._sealer, self._salt, self._window_ms = codec, sealer, salt, window_ms

    def initial_config(self) -> Policies:
        return NO_POLICIES

    def fold_config(self, config: Policies, message: Message) -> Policies:
        return fold_policies(config, message.event)

    def initial_state(self, partition: int) -> Window:
        return Window(self._window_ms)

    def tick(self, lane: Lane[Window], config: Policies) -> Handled:
        """Nothing is due by the clock alone."""
        return Handled()

    def restore(self, state: Window, source: Source) -> None:
        """Read back the ids of the window: what was processed, less what became a dead letter of this stage."""
        since = self._since(source)
        if since is None:
            return
        dead = dead_offsets(source, since=max(0, since - CLOCK_SLACK))
        for message in source.up_to_committed(PREDICTIONS.name, since=since):
            prediction = message.event
            if isinstance(prediction, PredictionMade) and message.offset not in dead:
                digest = content_digest(prediction.request_body, prediction.request_fingerprint)
                state.note(prediction.request_id, digest, prediction.requested_at)
        state.commit()

    def _since(self, source: Source) -> int | None:
        """From which record time on the window can have entries: a prediction is never older than its request.

        The last record says how far requests had come, which may be long before its own time.
        """
        last = source.timestamp_before(PREDICTIONS.name)
        if last is None:
            return None
        clocks = [
            message.event.requested_at
            for message in source.up_to_committed(PREDICTIONS.name, since=last)
            if isinstance(message.event, PredictionMade)
        ]
        return max(0, min(last, *clocks) - self._window_ms - CLOCK_SLACK) if clocks else 0

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Window]], config: Policies) -> Batch:
        """Route a batch of predictions, one after the other."""
        return one_by_one(
            messages, lambda message, handled: self._take(message, lanes[message.partition], config, handled)
        )

    def _take(self, message: Message, lane: Lane[Window], policies: Policies, handled: Handled) -> None:
        """1. is it ours to decide now, 2. was it decided before, 3. decide, 4. remember."""
        prediction = message.event
        if not isinstance(prediction, PredictionMade):
            raise InvalidMessage(Reason.WRONG_EVENT, f"{type(prediction).__name__} is no prediction")
        _check(prediction)
        policy = self._policy(prediction, lane, policies)
        window, request_id, at = lane.state, prediction.request_id, prediction.requested_at
        digest = content_digest(prediction.request_body, prediction.request_fingerprint)
        sighting = window.sight(request_id, digest, at)
        if sighting is None:
            self._carry_out(self._decide(prediction, message, lane, policy), handled)
        elif sighting is Sighting.REPEAT:
            handled.tallies.append(tally(prediction.workflow, lane.now, DUPLICATE, None, at))
        else:
            raise _invalid(prediction, Reason.ID_CONFLICT, "its id was decided before, for another content")
        window.note(request_id, digest, at)

    def _policy(self, prediction: PredictionMade, lane: Lane[Window], policies: Policies) -> Policy:
        """The policy in force. Raises `NotReady` when the prediction was made under a newer configuration."""
        topic = POLICIES.name
        if prediction.config_offsets.get(topic, 0) > lane.config_offsets.get(topic, 0):
            raise NotReady
        policy = policies.get(prediction.workflow)
        if policy is None:
            detail = f"no policy is in force for {prediction.workflow!r}: publish one (`hitl policy publish`)"
            raise _invalid(prediction, Reason.UNKNOWN_WORKFLOW, detail)
        return policy

    def _decide(self, prediction: PredictionMade, message: Message, lane: Lane[Window], policy: Policy) -> Decision:
        request = self._request(prediction)
        risk = assess(request, policy.workflow_type)
        answer = answer_of(prediction, policy.workflow_type)
        return Decision(
            prediction=prediction,
            request=request,
            cause=message.coordinates,
            policy=policy,
            answer=answer,
            risk=risk,
            route=routed(prediction, answer, risk, policy.workflow_type),
            now=lane.now,
            config_offsets=lane.config_offsets,
        )

    def _request(self, prediction: PredictionMade) -> DecisionRequested:
        try:
            request = self._codec.decode_body(prediction.request_body, prediction.request_fingerprint)
        except Undecodable as error:
            raise _invalid(prediction, Reason.UNDECODABLE, f"the request inside: {error.detail}") from error
        if not isinstance(request, DecisionRequested):
            raise _invalid(prediction, Reason.WRONG_EVENT, f"it carries a {type(request).__name__}, no request")
        return request

    def _carry_out(self, decision: Decision, handled: Handled) -> None:
        workflow, requested_at = decision.prediction.workflow, decision.prediction.requested_at
        action, priority = decision.route.action, decision.route.priority
        if action is AUTOMATICALLY and decision.answer is not None:
            self._approve(decision, decision.answer, handled)
        elif action is Action.HUMAN_REVIEW:
            share = decision.policy.workflow_type.blind_share
            sample = decision.answer and self._drawn(decision, draws.BLIND, SampleKind.BLIND, share)
            priority = self._ask(decision, sample or Sample(SampleKind.REVIEW), handled)
        else:
            sample = Sample(SampleKind.EXPERT, validated=self._validated(decision))
            handled.outgoing.append(EXPERT.message(expert_asked(decision, sample, self._sealer)))
        handled.tallies.append(tally(workflow, decision.now, action, priority, requested_at))

    def _approve(self, decision: Decision, answer: Answer, handled: Handled) -> None:
        approved, made = automatic(decision, answer)
        handled.outgoing.append(AUTO_APPROVE.message(approved))
        handled.outgoing.append(OUTCOMES.message(made))
        sample = self._drawn(decision, draws.AUDIT, SampleKind.AUDIT, decision.policy.workflow_type.audit_share)
        if sample is not None:
            self._ask(decision, sample, handled)

    def _ask(self, decision: Decision, sample: Sample, handled: Handled) -> Priority:
        """Ask a person, or several one after the other; the priority announced."""
        sample = sample._replace(overlaps=self._overlaps(decision), validated=self._validated(decision))
        asked = review_asked(decision, sample, self._sealer)
        handled.outgoing.append(REVIEW[asked.priority].message(asked))
        if sample.blind:
            handled.outgoing.append(AUDITS.message(audit_drawn(decision, sample)))
        return asked.priority

    def _drawn(self, decision: Decision, purpose: str, kind: SampleKind, share: float) -> Sample | None:
        request_id = decision.prediction.request_id
        if share <= 0 or draws.draw(self._salt, purpose, request_id) >= share:
            return None
        split = draws.split_of(draws.draw(self._salt, draws.SPLIT, request_id))
        return Sample(kind, share, split)

    def _overlaps(self, decision: Decision) -> bool:
        """Whether several people answer. Of audits and blind reviews as of all others, so that it tells nothing."""
        review, request_id = decision.policy.workflow_type.review, decision.prediction.request_id
        return review.overlap > 1 and draws.draw(self._salt, draws.OVERLAP, request_id) < review.overlap_share

    def _validated(self, decision: Decision) -> bool:
        """Whether an expert judges anew what people decide."""
        share = decision.policy.workflow_type.review.validation_share
        return share > 0 and draws.draw(self._salt, draws.VALIDATION, decision.prediction.request_id) < share


def routed(prediction: PredictionMade, answer: Answer | None, risk: Risk, workflow: WorkflowType) -> Route:
    """The default policy, then what the workflow's classes and rules forbid."""
    if answer is None:
        found = without_answer(prediction.failure or f"{prediction.label!r} is no answer under this policy")
    else:
        found = route(
            answer.confidence, high_risk=risk.high_risk, compliance=risk.compliance, thresholds=workflow.thresholds
        )
    return restricted(
        found,
        label=prediction.label,
        never_automate=workflow.never_automate,
        forced=risk.action,
        priority=risk.priority,
    )


def answer_of(prediction: PredictionMade, workflow: WorkflowType) -> Answer | None:
    """The model's answer, its probabilities in the order of the policy's classes; None when it is no answer to it."""
    label, confidence, level = prediction.label, prediction.confidence, prediction.level
    if prediction.failure is not None or label is None or confidence is None or level is None:
        return None
    classes, probabilities = prediction.classes, prediction.probabilities
    if classes != workflow.classes:
        if sorted(classes) != sorted(workflow.classes) or len(probabilities) != len(classes):
            return None
        probabilities = tuple(probabilities[classes.index(name)] for name in workflow.classes)
    if label not in workflow.classes:
        return None
    return Answer(label, confidence, level, probabilities)


def dead_offsets(source: Source, *, since: int) -> frozenset[int]:
    """Offsets of predictions that this stage buried `since` (record time, ms): they do not count as seen."""
    return frozenset(
        letter.origin.offset
        for letter in (message.event for message in source.up_to_watermark(DEAD_LETTERS.name, since=since))
        if isinstance(letter, DeadLettered)
        and letter.stage == NAME
        and letter.origin.topic == PREDICTIONS.name
        and letter.origin.partition == source.partition
    )


def _check(prediction: PredictionMade) -> None:
    """What no inference of ours writes, and what could not be recorded or remembered."""
    if not 0 <= prediction.requested_at < LAST_MOMENT:
        raise _invalid(prediction, Reason.INVALID, f"requested_at {prediction.requested_at} is no time of this age")
    if len(prediction.model_digest or "") > LONGEST_DIGEST:
        raise _invalid(prediction, Reason.INVALID, f"model_digest is longer than {LONGEST_DIGEST} characters")
    if len(prediction.calibrator or "") > LONGEST_DIGEST:
        raise _invalid(prediction, Reason.INVALID, f"calibrator is longer than {LONGEST_DIGEST} characters")


def _invalid(prediction: PredictionMade, reason: Reason, detail: str) -> InvalidMessage:
    return InvalidMessage(reason, detail, workflow=prediction.workflow, request_id=prediction.request_id)
