"""What people write, answers and commands: in its place, from whom it says, allowed, and what it then leads to."""

from typing import assert_never

from msgspec.structs import replace

from infra.kafka.errors import NotReady
from infra.kafka.stage import Lane, Message, tally
from schemas.events import CaseActionRequested, ReviewDecided
from schemas.topics import ASSIGNMENTS, Outgoing
from schemas.values import Coordinates, EndedBy
from streams.casework import announcing, changes, refusal
from streams.casework.answer import given_answer, read_answer
from streams.casework.case import Case, evolve
from streams.casework.cases import Cases
from streams.casework.identity import Identity, NotVouched, Scope, identify
from streams.casework.lease import (
    Act,
    Annotate,
    Extend,
    GiveBack,
    Grant,
    Release,
    Reprioritise,
    SetAside,
    Withdraw,
    fence,
    rule_on,
)
from streams.casework.recording import Turn
from streams.casework.refusal import Refused
from streams.casework.rights import Who, may_work_on, out_of_scope, who_is
from streams.casework.sealing import Sealer
from streams.casework.settling import Settling

UNKNOWN_WORKFLOW = "_unknown"  # in counts, where an answer names no case of ours
Written = ReviewDecided | CaseActionRequested


class Judging:
    """Accepts or refuses what one record says. `topic_prefix` may stand before topic names: apps see it there."""

    def __init__(
        self, sealer: Sealer, settling: Settling, *, partitions: int, topic_prefix: str, installation: str
    ) -> None:
        self._sealer, self._settling = sealer, settling
        self._partitions, self._prefix, self._installation = partitions, topic_prefix, installation

    def answer(self, message: Message, decision: ReviewDecided, turn: Turn) -> None:
        """Accept an answer or refuse it. Raises `NotReady` while the announcement it names has not been read."""
        decision = replace(decision, review=self._without_prefix(decision.review))
        case = _case_of(message, decision, turn.lane)
        said = self._misplaced(message, decision, decision.review, case, turn.lane)
        who = said or self._who(message, decision, case, turn)
        if isinstance(who, Who):
            said = self._judge(message, case, decision, who, turn)
        elif said is None:
            said = who
        if said is not None:
            refused = changes.decision_refused(case, decision, said, turn.stamp)
            self._refuse(case, ASSIGNMENTS.message(refused), said, message, turn)

    def command(self, message: Message, command: CaseActionRequested, turn: Turn) -> None:
        """Carry a command out or refuse it. Raises `NotReady` while the announcement it names has not been read."""
        review = None if command.review is None else self._without_prefix(command.review)
        case = _case_of(message, command, turn.lane)
        ruled: Act | Refused | Who | None = self._misplaced(message, command, review, case, turn.lane)
        ruled = ruled or self._who(message, command, case, turn)
        if isinstance(ruled, Who):
            ruled = self._rule(message, case, command, ruled, turn)
        if isinstance(ruled, Refused):
            refused = changes.command_refused(case, command, ruled, turn.stamp)
            self._refuse(case, ASSIGNMENTS.message(refused), ruled, message, turn)
        elif case is not None:
            self._act(case, command, ruled, turn, at=message.timestamp)

    # ---- in its place, and from whom ----

    def _misplaced(
        self, message: Message, written: Written, review: Coordinates | None, case: Case | None, lane: Lane[Cases]
    ) -> Refused | None:
        """Refuse a wrong key, partition or place; hold what names an announcement that is still to be read."""
        if case is not None and (review is None or review == case.review):
            return None  # where the case was announced to us, everything is in its place
        refused = refusal.wrong_key(message, written)
        if refused is None and case is None:
            refused = refusal.wrong_partition(message, self._partitions)
        if refused is not None or review is None:
            return refused
        refused = refusal.impossible_review(review, message.partition)
        if refused is not None or review.offset < lane.reached(review.topic):
            return refused
        watermark = lane.watermark(review.topic)
        if review.offset < watermark:
            raise NotReady
        return refusal.beyond_the_log(review, watermark)

    def _who(self, message: Message, written: Written, case: Case | None, turn: Turn) -> Who | Refused:
        """Whoever the record's token vouches for, where it lets its app do this."""
        config = turn.config
        known = identify(
            written.token, written.reviewer_id, config.identities, at=message.timestamp, installation=self._installation
        )
        if isinstance(known, Identity):
            needed = Scope.DECIDE if isinstance(written, ReviewDecided) else Scope.WORK
            return out_of_scope(known, needed, case) or who_is(known, config.people)
        return Refused(known.reason, known.detail)

    def _without_prefix(self, review: Coordinates) -> Coordinates:
        if not self._prefix or not review.topic.startswith(self._prefix):
            return review
        return replace(review, topic=review.topic.removeprefix(self._prefix))

    # ---- answers ----

    def _judge(
        self, message: Message, case: Case | None, decision: ReviewDecided, who: Who, turn: Turn
    ) -> Refused | None:
        """Carry an answer out, or say why it is refused."""
        if (refused := refusal.not_open(case)) is not None or case is None:
            return refused
        refused = fence(case, decision.reviewer_id, decision.lease, at=message.timestamp)
        if refused is None and decision.lease is None:  # a lease in force says that its holder saw the case
            refused = refusal.other_review(case, decision.review)
        refused = refused or may_work_on(case, who, turn.config.rules(case.workflow))
        said = refused or read_answer(case, decision)
        if isinstance(said, Refused):
            return said
        given = given_answer(decision, said, cause=message.coordinates, at=turn.stamp.now)
        if decision.grace_seconds > 0:
            leaves_at = message.timestamp + round(decision.grace_seconds * 1_000)
            received = changes.answer_received(case, given, turn.stamp, leaves_at=leaves_at)
            turn.record(evolve(case, received, given), received)
        else:
            self._settling.settle(case, given, turn)
        return None

    # ---- commands ----

    def _rule(
        self, message: Message, case: Case | None, command: CaseActionRequested, who: Who, turn: Turn
    ) -> Act | Refused:
        config = turn.config
        heir = None if command.to_reviewer is None else who_is(Identity(command.to_reviewer), config.people)
        rules = config.rules(case.workflow if case is not None else UNKNOWN_WORKFLOW)
        return rule_on(case, command, who, heir, rules, at=message.timestamp)

    def _act(self, case: Case, command: CaseActionRequested, act: Act | None, turn: Turn, *, at: int) -> None:
        """What a command of a record appended `at` a time changes, on record.

        A lease is judged by such times, so its term begins there, if casework's clock is behind the brokers'.
        """
        stamp = turn.stamp
        expires_at = max(stamp.now, at) + turn.config.rules(case.workflow).review.lease_ms
        match act:
            case Grant(reviewer_id=who, handed_over_by=by):
                self._grant(case, who, turn, expires_at=expires_at, handed_over_by=by)
            case Extend() if case.lease is not None:
                extended = changes.lease_extended(case, case.lease, stamp, expires_at=expires_at)
                turn.record(evolve(case, extended), extended)
            case Release() if case.lease is not None:
                ended = changes.lease_ended(case, case.lease, EndedBy.RELEASED, stamp)
                turn.record(evolve(case, ended), ended)
            case Release() if case.hold is not None:
                resumed = changes.hold_ended(case, case.hold, EndedBy.RELEASED, stamp)
                turn.record(evolve(case, resumed), resumed)
            case SetAside(resumes_at=resumes_at):
                held = changes.case_held(case, command, resumes_at, stamp)
                turn.record(evolve(case, held), held)
            case Annotate():
                noted = changes.case_noted(case, command, stamp)
                turn.record(evolve(case, noted), noted)
            case Reprioritise() | GiveBack():
                self._announce_anew(case, command, act, turn)
            case Withdraw() if case.pending is not None:
                withdrawn = changes.answer_withdrawn(case, case.pending.answer, stamp)
                free = turn.record(evolve(case, withdrawn), withdrawn)
                self._grant(free, command.reviewer_id, turn, expires_at=expires_at)
            case None | Extend() | Release() | Withdraw():
                raise AssertionError("ruled on what is not there")
            case _:
                assert_never(act)

    def _grant(
        self, case: Case, who: str, turn: Turn, *, expires_at: int, handed_over_by: str | None = None
    ) -> None:
        granted = changes.lease_granted(
            case, who, turn.stamp, expires_at=expires_at, handed_over_by=handed_over_by
        )
        turn.record(evolve(case, granted), granted)

    def _announce_anew(
        self, case: Case, command: CaseActionRequested, act: Reprioritise | GiveBack, turn: Turn
    ) -> None:
        """Under its next revision; who has a case keeps it when only its priority changes."""
        sealed = self._settling.opened_seal(case)
        if isinstance(act, Reprioritise):
            changed = changes.case_reprioritised(case, command, act.priority, turn.stamp)
            asked = announcing.with_priority(case, changed, sealed, self._sealer)
            turn.send(announcing.announced(asked))
            turn.record(evolve(case, changed, asked), changed)
            return
        returned = changes.case_returned(case, command, turn.stamp)
        due_at = case.due_at if case.due_at is not None else self._first_deadline(case, turn)
        again = announcing.returned_to_reviewers(case, returned, sealed, self._sealer, due_at=due_at)
        turn.send(announcing.announced(again))
        turn.record(evolve(case, returned, again), returned)
        turn.count(case, "returned")

    def _first_deadline(self, case: Case, turn: Turn) -> int | None:
        """Of a case that came to experts at once. Any other keeps its own: if only an audit's stayed, it would tell."""
        policy = turn.config.policies.get(case.workflow)
        return None if policy is None else turn.stamp.now + policy.workflow_type.deadline_ms(case.priority)

    # ---- refused ----

    def _refuse(self, case: Case | None, refused: Outgoing, said: Refused, message: Message, turn: Turn) -> None:
        """On record, and counted: apart where somebody pretends to be somebody."""
        turn.send(refused)
        action = "forged" if isinstance(said.reason, NotVouched) else "refused"
        workflow, priority = (case.workflow, case.priority) if case is not None else (UNKNOWN_WORKFLOW, None)
        turn.handled.tallies.append(tally(workflow, turn.stamp.now, action, priority, message.timestamp))


def _case_of(message: Message, written: Written, lane: Lane[Cases]) -> Case | None:
    return lane.state.get(written.request_id) if message.key == written.request_id.encode() else None

