"""Reads every answer that tells how reliable a person is, and says so when there is something new to say."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, one_by_one, tally
from schemas.events import GoldAnswered, OverlapAnswered, ReviewerAssessed
from schemas.ids import derive_id
from schemas.topics import AUDITS, POLICIES, REVIEWERS, Topic
from streams.assurance.crowd import Answer, Crowd, with_answer
from streams.assurance.reliability import Assessment, Record, Told, assess, is_material, with_gold, with_overlap
from streams.workflow.policies import NO_POLICIES, Policies, fold_policies

Answered = GoldAnswered | OverlapAnswered
ASSESSED = "assessed"


class Known(Struct, frozen=True, kw_only=True):
    """A person in one workflow: the record, and what the last assessment on the topic says."""

    record: Record = Record()
    told: Told | None = None


class People(Keyed[Known]):
    """Everybody by workflow and reviewer id, and by workflow what they answered together."""

    __slots__ = ("crowds",)

    def __init__(self) -> None:
        super().__init__()
        self.crowds: Keyed[Crowd] = Keyed()

    def commit(self) -> None:
        super().commit()
        self.crowds.commit()

    def discard(self) -> None:
        super().discard()
        self.crowds.discard()


class AssuranceStage:
    """Counts per person and workflow. Restored by folding `audits` again: a few microseconds a record, once a start."""

    name = "assurance"
    inputs: Sequence[Topic[Any]] = (AUDITS,)
    config_topics: Sequence[Topic[Any]] = (POLICIES,)

    def initial_config(self) -> Policies:
        return NO_POLICIES

    def fold_config(self, config: Policies, message: Message) -> Policies:
        return fold_policies(config, message.event)

    def initial_state(self, partition: int) -> People:
        return People()

    def restore(self, state: People, source: Source) -> None:
        """Fold again what was processed. What was told stands in `reviewers`: the policies of then may be others than
        those of now."""
        if source.partition != 0:
            return
        for message in source.up_to_committed(AUDITS.name):
            if isinstance(message.event, Answered):
                learn(state, message.event)
        for message in source.up_to_watermark(REVIEWERS.name):
            if isinstance(message.event, ReviewerAssessed):
                key = key_of(message.event)
                state.put(key, replace(state.get(key) or Known(), told=told_by(message.event)))
        state.commit()

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[People]], config: Policies) -> Batch:
        """An assessment where the answer that makes it due stands; draws and audits of the model tell of no person."""

        def decide(message: Message, handled: Handled) -> None:
            if isinstance(message.event, Answered):
                self._take(message, message.event, lanes[message.partition], config, handled)

        return one_by_one(messages, decide)

    def tick(self, lane: Lane[People], config: Policies) -> Handled:
        """Nothing is due by the clock alone."""
        return Handled()

    def _take(
        self, message: Message, event: Answered, lane: Lane[People], policies: Policies, handled: Handled
    ) -> None:
        known = learn(lane.state, event)
        policy = policies.get(event.workflow)
        action = "gold_answered" if isinstance(event, GoldAnswered) else "overlap_answered"
        if policy is not None:
            workflow = policy.workflow_type
            found = assess(known.record, workflow.reliability, classes=len(workflow.classes))
            if is_material(known.told, found):
                crowd = lane.state.crowds.get(event.workflow) or Crowd()
                said = assessed(event, found, crowd, offsets={**lane.config_offsets, AUDITS.name: message.offset + 1},
                                at=message.timestamp)  # fmt: skip
                handled.outgoing.append(REVIEWERS.message(said))
                lane.state.put(key_of(event), replace(known, told=told_by(said)))
                action = ASSESSED
        handled.tallies.append(tally(event.workflow, lane.now, action, None, message.timestamp))


def learn(state: People, event: Answered) -> Known:
    """Take one answer into the state; what is known of the person then."""
    key = key_of(event)
    known = state.get(key) or Known()
    match event:
        case GoldAnswered():
            record = with_gold(known.record, gold_id=event.gold_id, label=event.label, right=event.agrees)
        case OverlapAnswered():
            record = known.record
            if event.resolved_label is not None:  # what came to nothing says of nobody that they were wrong
                record = with_overlap(record, agreed=event.label == event.resolved_label)
            crowd = state.crowds.get(event.workflow) or Crowd()
            answer = Answer(event.request_id, event.reviewer_id, event.label)
            state.crowds.put(event.workflow, with_answer(crowd, answer))
    after = replace(known, record=record)
    state.put(key, after)
    return after


def assessed(
    event: Answered, found: Assessment, crowd: Crowd, *, offsets: dict[str, int], at: int
) -> ReviewerAssessed:
    """What the record says of the person who answered; `at` in milliseconds."""
    record, accuracy, consistency = found.record, found.accuracy, found.consistency
    return ReviewerAssessed(
        event_id=derive_id("assessed", event.workflow, event.reviewer_id, offsets[AUDITS.name]),
        reviewer_id=event.reviewer_id,
        workflow=event.workflow,
        gold_answers=record.gold,
        gold_right=record.right,
        overlap_answers=record.overlaps,
        overlap_agreed=record.agreed,
        accuracy=round(record.right / record.gold, 4) if record.gold else None,
        accuracy_lower=accuracy.low if accuracy else None,
        accuracy_upper=accuracy.high if accuracy else None,
        estimated_accuracy=crowd.accuracies.get(event.reviewer_id),
        consistency=None if consistency is None else round(consistency, 4),
        repeats=record.repeats,
        suspect=found.suspect,
        may_adjudicate=found.adjudicates.granted,
        reason=found.adjudicates.reason,
        offsets=offsets,
        assessed_at=at,
    )


def told_by(event: ReviewerAssessed) -> Told:
    """What the next assessment is compared with."""
    return Told(
        evidence=event.gold_answers + event.repeats + event.overlap_answers,
        suspect=event.suspect,
        adjudicates=event.may_adjudicate,
    )


def key_of(event: Answered | ReviewerAssessed) -> str:
    """A workflow's name contains no slash."""
    return f"{event.workflow}/{event.reviewer_id}"
