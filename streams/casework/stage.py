"""Casework arbitrates: one case a request, one owner at a time, one effect of every answer; everything on record.

Announcements open cases, people claim and answer them, the clock ends leases, lets answers take effect, escalates and
expires. Everything that one message or one deadline leads to is in one transaction. Appeals, audits that contradict
automation, and chance bring a case back for a second look.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.kafka.errors import InvalidMessage, Reason
from infra.kafka.stage import Batch, Handled, Lane, Message, Source, one_by_one
from schemas.codec import Codec
from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    CaseActionRequested,
    CaseSnapshot,
    ExpertReviewRequested,
    ReviewDecided,
    ReviewRequested,
)
from schemas.topics import (
    APPEALS,
    CASES,
    EXPERT,
    GOLD,
    IDENTITIES,
    POLICIES,
    REVIEW,
    REVIEW_COMMANDS,
    REVIEW_DECISIONS,
    REVIEWERS,
    Topic,
)
from streams.casework.case import Case
from streams.casework.cases import Cases, Look
from streams.casework.changes import Stamp
from streams.casework.config import Config
from streams.casework.identity import issuer
from streams.casework.judging import Judging
from streams.casework.opening import Opening
from streams.casework.recording import Turn
from streams.casework.sealing import Sealer
from streams.casework.second_look import SecondLook
from streams.casework.settling import Settling
from streams.casework.timeouts import Timing

MAX_TIMEOUTS: Final = 500  # cases that one tick changes, so that answers never wait long behind the clock
WRITTEN: Final = (REVIEW_DECISIONS.name, REVIEW_COMMANDS.name)  # what people wrote in time comes before the clock


class CaseworkStage:
    """The stage of cases. `topic_prefix` may stand before topic names in answers: reviewer apps see it there."""

    name: str = "casework"
    inputs: Sequence[Topic[Any]] = (*REVIEW.values(), EXPERT, REVIEW_DECISIONS, REVIEW_COMMANDS, APPEALS)
    config_topics: Sequence[Topic[Any]] = (POLICIES, REVIEWERS, GOLD, IDENTITIES)

    def __init__(
        self, sealer: Sealer, codec: Codec, *, partitions: int, salt: bytes, topic_prefix: str = ""
    ) -> None:
        self._second_look = SecondLook(sealer, codec)
        self._settling = Settling(sealer, self._second_look)
        self._opening = Opening(sealer, codec, salt=salt, partitions=partitions)
        self._judging = Judging(
            sealer, self._settling,
            partitions=partitions, topic_prefix=topic_prefix, installation=issuer(topic_prefix),
        )  # fmt: skip
        self._timing = Timing(self._settling)

    def initial_config(self) -> Config:
        """No policy, nobody enrolled, no gold question, identity off."""
        return Config()

    def fold_config(self, config: Config, message: Message) -> Config:
        """The configuration after one more record of a config topic."""
        return config.with_event(message.event)

    def initial_state(self, partition: int) -> Cases:
        """No case is known before the first announcement."""
        return Cases()

    def restore(self, state: Cases, source: Source) -> None:
        """The last snapshot of each case, up to the high watermark of now."""
        for message in source.latest(CASES.name):
            if isinstance(message.event, CaseSnapshot):
                state.put(message.event.request_id, message.event)
        state.commit()

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Cases]], config: Config) -> Batch:
        """Take announcements on, judge answers and commands, one after the other."""
        return one_by_one(
            messages, lambda message, handled: self._decide(message, lanes[message.partition], config, handled)
        )

    def tick(self, lane: Lane[Cases], config: Config) -> Handled:
        """What is due by the clock, at most `MAX_TIMEOUTS` cases, the earliest first.

        What people wrote in time but waits to be read, as after a standstill, comes before the clock.
        """
        handled, cases = Handled(), lane.state
        if not cases.is_any_due(lane.now):
            return handled
        if cases.look is None:
            cases.look = Look(lane.now, {topic: lane.watermark(topic) for topic in WRITTEN})
        if any(lane.reached(topic) < end for topic, end in cases.look.ends.items()):
            return handled
        at, cases.look = cases.look.at, None

        def run_out(case: Case, due: int) -> bool:
            stamp = Stamp(case.review or case.request, lane.now, lane.config_offsets)
            return self._timing.run_out(case, due, Turn(stamp=stamp, config=config, lane=lane, handled=handled))

        cases.take_due(at, MAX_TIMEOUTS, run_out)
        return handled

    def _decide(self, message: Message, lane: Lane[Cases], config: Config, handled: Handled) -> None:
        stamp = Stamp(message.coordinates, lane.now, lane.config_offsets)
        turn = Turn(stamp=stamp, config=config, lane=lane, handled=handled)
        match message.event:
            case ReviewDecided() as decision:
                self._judging.answer(message, decision, turn)
            case CaseActionRequested() as command:
                self._judging.command(message, command, turn)
            case AppealFiled() as filed:
                self._second_look.take_on(message, filed, lane, config.policies, handled)
            case ReviewRequested() | ExpertReviewRequested() as announcement:
                self._opening.take_on(message, announcement, turn)
            case AppealNoted() | AppealRefused():
                pass  # what casework itself said to an appeal, beside it
            case other:
                raise InvalidMessage(Reason.WRONG_EVENT, f"{type(other).__name__} is nothing that casework reads")
