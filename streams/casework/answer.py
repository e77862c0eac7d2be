"""What a person's answer says about a case: a class, or that it must go on, or nothing that could be accepted."""

from typing import Final, NamedTuple

from schemas.events import ReviewDecided
from schemas.values import CaseStage, Coordinates, GivenAnswer
from streams.casework.case import Case
from streams.casework.feedback import ESCALATE, MARK_WRONG
from streams.casework.refusal import Refusal, Refused, quote

APPROVE: Final = "approve"
REJECT: Final = "reject"
LABEL: Final = "label"  # names a class, where approving and rejecting are no words for it
MAX_NOTE_BYTES: Final = 16 * 1024
MAX_ID_BYTES: Final = 256
LONGEST_GRACE: Final = 60  # seconds that an answer may wait to be taken back


class Answered(NamedTuple):
    """The person chose this class."""

    label: str


class PassedOn(NamedTuple):
    """The person wants an expert to answer; `model_is_wrong` where they know that much."""

    model_is_wrong: bool


def read_answer(case: Case, decision: ReviewDecided) -> Answered | PassedOn | Refused:
    """What an answer to an open case, at its right coordinates, says."""
    if refused := _bad_value(decision):
        return refused
    match decision.action:
        case "approve":
            return _approved(case, decision.label)
        case "reject":
            return _rejected(case, decision.label)
        case "label":
            return _labelled(case, decision.label)
        case "escalate" | "mark_wrong":
            return _passed_on(case, decision)
        case _:
            known = f"{APPROVE}, {REJECT}, {LABEL}, {ESCALATE}, {MARK_WRONG}"
            return _bad(f"action {quote(decision.action)} is none of {known}")


def given_answer(
    decision: ReviewDecided, said: Answered | PassedOn, *, cause: Coordinates, at: int
) -> GivenAnswer:
    """An accepted answer as the case keeps it; `at` is casework's clock (milliseconds)."""
    return GivenAnswer(
        decision_id=decision.decision_id,
        reviewer_id=decision.reviewer_id,
        action=decision.action,
        label=said.label if isinstance(said, Answered) else None,
        confidence=decision.confidence,
        feedback=decision.feedback,
        cause=cause,
        answered_at=at,
    )


def _bad_value(decision: ReviewDecided) -> Refused | None:
    if not 0 <= decision.confidence <= 1:  # NaN compares false
        return _bad(f"confidence {decision.confidence} is not between 0 and 1: say how sure the reviewer is")
    if not 0 <= decision.grace_seconds <= LONGEST_GRACE:
        return _bad(f"grace_seconds {decision.grace_seconds} is not between 0 and {LONGEST_GRACE}")
    if (size := len(decision.feedback.encode())) > MAX_NOTE_BYTES:
        return _bad(f"feedback has {size} bytes: shorten it to {MAX_NOTE_BYTES}")
    for name, value in (("reviewer_id", decision.reviewer_id), ("decision_id", decision.decision_id)):
        if not 0 < len(value.encode()) <= MAX_ID_BYTES:
            return _bad(f"{name} has {len(value.encode())} bytes: give one of 1 to {MAX_ID_BYTES}")
    return None


def _approved(case: Case, label: str | None) -> Answered | Refused:
    if label is None or label == case.approving_class:
        return Answered(case.approving_class)
    return _bad(
        f"approving means {quote(case.approving_class)}, but the label is {quote(label)}: "
        "leave the label out, or reject with it"
    )


def _rejected(case: Case, label: str | None) -> Answered | Refused:
    others = [name for name in case.classes if name != case.approving_class]
    if label is None and len(others) == 1:
        return Answered(others[0])
    if label in others:
        return Answered(label)
    named = ", ".join(map(quote, others[:10]))
    said = "no label is given" if label is None else f"the label is {quote(label)}"
    return _bad(f"rejecting needs one of the classes {named}, but {said}")


def _labelled(case: Case, label: str | None) -> Answered | Refused:
    if label is not None and label in case.classes:
        return Answered(label)
    named = ", ".join(map(quote, case.classes[:10]))
    return _bad(f"label is {quote(label or '')}: give one of the classes {named}")


def _passed_on(case: Case, decision: ReviewDecided) -> PassedOn | Refused:
    if decision.label is not None:
        return _bad(f"{decision.action} names no class, but the label is {quote(decision.label)}: leave it out")
    if case.stage is CaseStage.EXPERT:
        return Refused(
            Refusal.NOT_ALLOWED, f"an expert's answer is the last: {APPROVE} or {REJECT} instead of {decision.action}"
        )
    if decision.action == MARK_WRONG and case.recommendation is None:
        return Refused(
            Refusal.NO_RECOMMENDATION,
            f"the case shows no recommendation that could be wrong: {APPROVE}, {REJECT} or {ESCALATE}",
        )
    return PassedOn(model_is_wrong=decision.action == MARK_WRONG)


def _bad(detail: str) -> Refused:
    return Refused(Refusal.BAD_VALUE, detail)
