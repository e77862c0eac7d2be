"""What an accepted answer leads to, alone or with others, at once or after its grace; and what its absence does."""

from collections import Counter
from typing import Final

from schemas.topics import AUDITS, EXPERT, FEEDBACK, OUTCOMES
from schemas.values import CaseStage, ClosedBy, EscalatedBy, GivenAnswer, PreviousAnswer, ReopenedBy, SampleKind
from streams.casework import announcing, changes, consequences
from streams.casework.case import Case, evolve
from streams.casework.consequences import Verdict
from streams.casework.feedback import MARK_WRONG
from streams.casework.overlap import TWO_PAIRS, Adjudicated, Given, OverlapPolicy, Resolved, Wanted, resolution
from streams.casework.recording import Turn
from streams.casework.sealing import Sealed, Sealer
from streams.casework.second_look import Ending, SecondLook

MOST_EXPERTS: Final = 3


class Settling:
    """Ends cases, counts answers, sends cases on; pure but for the sealer's key."""

    def __init__(self, sealer: Sealer, second_look: SecondLook) -> None:
        self._sealer, self._second_look = sealer, second_look

    def opened_seal(self, case: Case) -> Sealed:
        """What was sealed when the case was announced. Raises `SealBroken` when the key was changed since."""
        return self._sealer.open(case.sealed or b"", request_id=case.request_id, revision=case.revision)

    def settle(self, case: Case, given: GivenAnswer, turn: Turn) -> None:
        """An answer takes effect: it ends the case, counts beside others, or sends the case to an expert."""
        sealed = self.opened_seal(case)
        if given.label is None:
            self._pass_on(case, given, sealed, turn)
            return
        match resolution_of(case, given, given.label, sealed):
            case Resolved(label=label):
                self._finish(case, consequences.verdict_of(case, given, label), given, sealed, turn)
            case Wanted():
                counted = changes.answer_counted(case, given, turn.stamp)
                turn.record(evolve(case, counted, given), counted)
            case Adjudicated():
                counted = changes.answer_counted(case, given, turn.stamp)
                after = turn.record(evolve(case, counted, given), counted)
                self.escalate(after, EscalatedBy.DISAGREEMENT, None, turn)

    def escalate(self, case: Case, by: EscalatedBy, answer: PreviousAnswer | None, turn: Turn) -> None:
        """To an expert, with what was said so far; answers that came to nothing together are on record."""
        sealed = self.opened_seal(case)
        self._report(case, case.counted, None, sealed, turn)
        escalated = changes.case_escalated(case, by, answer, turn.stamp)
        asked = announcing.expert_asked(case, escalated, sealed, self._sealer)
        turn.send(EXPERT.message(asked))
        turn.record(evolve(case, escalated, asked), escalated)
        turn.count(case, "escalated")

    def expire(self, case: Case, turn: Turn) -> None:
        """What only tells something about automation, or about people, is over; an answer that came in time stands."""
        sealed = self.opened_seal(case)
        if (verdict := late_verdict(case)) is not None:
            self._finish(case, verdict, verdict.answer, sealed, turn)
            return
        self._report(case, case.counted, None, sealed, turn)
        if sealed.kind is SampleKind.AUDIT:
            turn.send(AUDITS.message(consequences.audit_expired(case, sealed, turn.stamp)))
        closed = changes.case_closed(case, ClosedBy.EXPIRED, turn.stamp)
        after = turn.record(evolve(case, closed), closed)
        turn.count(case, f"{sealed.kind}_expired")
        self._look_again(Ending(case, after, sealed), turn)

    def _finish(self, case: Case, verdict: Verdict, last: GivenAnswer, sealed: Sealed, turn: Turn) -> None:
        """The answer is the outcome, the audit's, a test's, or what becomes of a decision judged anew."""
        stamp, label, answer = turn.stamp, verdict.label, verdict.answer
        is_gold, is_audit = sealed.kind is SampleKind.GOLD, sealed.kind is SampleKind.AUDIT
        self._report(case, verdict.answers, label, sealed, turn)
        if is_gold:
            turn.send(AUDITS.message(consequences.gold_answered(case, last, label, sealed, stamp)))
        elif case.standing is not None and case.reopened_by is not None:
            self._judge_anew(case, verdict, sealed, turn)
        elif not is_audit:
            turn.send(OUTCOMES.message(consequences.decision_made(case, verdict, sealed, stamp)))
        if sealed.kind in consequences.DRAWN_KINDS:
            turn.send(AUDITS.message(consequences.audit_answered(case, answer, label, sealed, stamp)))
        if not is_gold:
            turn.send(FEEDBACK.message(consequences.feedback_recorded(case, answer, label, sealed, stamp)))
        standing = None if is_audit or is_gold else consequences.standing_after(case, answer, label, stamp)
        by = consequences.closed_by(case)
        closed = changes.case_closed(case, by, stamp, reviewer_id=last.reviewer_id, label=label, standing=standing)
        after = turn.record(evolve(case, closed), closed)
        turn.count(case, consequences.action_of(case, sealed, label))
        self._look_again(Ending(case, after, sealed, answer), turn)

    def _judge_anew(self, case: Case, verdict: Verdict, sealed: Sealed, turn: Turn) -> None:
        standing, answer, label = case.standing, verdict.answer, verdict.label
        assert standing is not None
        turn.send(OUTCOMES.message(consequences.judged_anew(case, answer, label, standing, turn.stamp)))
        if case.reopened_by is ReopenedBy.VALIDATION:
            validated = consequences.decision_validated(case, answer, label, standing, sealed, turn.stamp)
            turn.send(AUDITS.message(validated))

    def _pass_on(self, case: Case, given: GivenAnswer, sealed: Sealed, turn: Turn) -> None:
        """The case goes to an expert; that the model is wrong is learnt at once, the right answer later."""
        if given.action == MARK_WRONG:
            recorded = consequences.feedback_recorded(case, given, None, sealed, turn.stamp)
            turn.send(FEEDBACK.message(recorded))
        answer = PreviousAnswer(
            reviewer_id=given.reviewer_id, action=given.action, note=given.feedback, answered_at=given.answered_at
        )
        self.escalate(case, EscalatedBy.PERSON, answer, turn)

    def _report(
        self, case: Case, answers: tuple[GivenAnswer, ...], resolved: str | None, sealed: Sealed, turn: Turn
    ) -> None:
        for answered in consequences.overlap_answered(case, answers, resolved, sealed):
            turn.send(AUDITS.message(answered))

    def _look_again(self, ending: Ending, turn: Turn) -> None:
        self._second_look.after(ending, turn.stamp, turn.config.policies, turn.lane, turn.handled)


def resolution_of(case: Case, given: GivenAnswer, label: str, sealed: Sealed) -> Resolved | Wanted | Adjudicated:
    """What follows from this answer and those before it at this stage.

    An expert's answer is the last, alone; but of a class that needs four eyes a second expert is asked, and of three
    who come to nothing the last settles it.
    """
    answers = [Given(a.reviewer_id, a.label) for a in (*case.counted, given) if a.label is not None]
    four_eyes = tuple(case.classes[at] for at in sealed.four_eyes if at < len(case.classes))
    if case.stage is CaseStage.EXPERT:
        found = resolution(answers, OverlapPolicy(people=1, adaptive=True, at_most=MOST_EXPERTS, four_eyes=four_eyes))
        return Resolved(label, "the last of three experts") if isinstance(found, Adjudicated) else found
    policy = OverlapPolicy(
        people=sealed.overlap,
        adaptive=sealed.adaptive,
        at_most=max(sealed.most_answers, sealed.overlap, TWO_PAIRS if sealed.four_eyes else 1),
        four_eyes=four_eyes,
    )
    return resolution(answers, policy)


def late_verdict(case: Case) -> Verdict | None:
    """What those who answered in time came to, where more of them gave one class than any other."""
    votes = Counter(given.label for given in case.counted if given.label is not None).most_common(2)
    if not votes or (len(votes) == 2 and votes[0][1] == votes[1][1]):
        return None
    label = str(votes[0][0])
    last = [given for given in case.counted if given.label == label][-1]
    return Verdict(label, last, case.counted)
