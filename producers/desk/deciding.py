"""An answer into the log, and what casework makes of it."""

import msgspec

from infra.kafka.scan import Entry
from producers.desk.asking import PATIENCE, Door, ask
from schemas.events import AnswerCounted, AnswerReceived, CaseClosed, CaseEscalated, DecisionRefused, ReviewDecided
from schemas.topics import REVIEW_DECISIONS
from schemas.values import Coordinates


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an answer; `label` when it decided the case, `leaves_at` (ms) when it can still be taken back."""

    request_id: str
    decision_id: str
    accepted: bool
    became: str  # closed, escalated, counted, received or refused
    reason: str = ""
    detail: str = ""
    label: str | None = None
    answers: int | None = None  # so many people have answered, and a further one is asked
    leaves_at: int | None = None


def decide(door: Door, decision: ReviewDecided, *, patience_seconds: float = PATIENCE) -> Judgement:
    """Write an answer and wait until it was accepted or refused. Raises as `ask` does."""
    record = REVIEW_DECISIONS.message(decision)
    return ask(
        door, record, lambda entry, at: judged(entry, decision, at), is_last=is_last, patience_seconds=patience_seconds
    )


def is_last(judgement: Judgement) -> bool:
    """Only when it counts beside others may more follow: where people disagree, the case goes to an expert."""
    return judgement.became != "counted"


def judged(entry: Entry, decision: ReviewDecided, at: Coordinates) -> Judgement | None:
    """What a change of a case says about this answer, which lies `at`; None when it is about something else."""
    match entry.event:
        case DecisionRefused(decision_id=decision.decision_id, reason=reason, detail=detail):
            return _judgement(decision, "refused", reason=reason, detail=detail)
        case AnswerReceived(decision_id=decision.decision_id, leaves_at=leaves_at):
            return _judgement(decision, "received", leaves_at=leaves_at)
        case AnswerCounted(decision_id=decision.decision_id, answers=answers):
            return _judgement(decision, "counted", answers=answers)
        case CaseClosed(cause=cause, label=label) if cause == at:
            return _judgement(decision, "closed", label=label)
        case CaseEscalated(cause=cause) if cause == at:
            return _judgement(decision, "escalated")
    return None


def _judgement(
    decision: ReviewDecided,
    became: str,
    *,
    reason: str = "",
    detail: str = "",
    label: str | None = None,
    answers: int | None = None,
    leaves_at: int | None = None,
) -> Judgement:
    return Judgement(
        request_id=decision.request_id,
        decision_id=decision.decision_id,
        accepted=became != "refused",
        became=became,
        reason=reason,
        detail=detail,
        label=label,
        answers=answers,
        leaves_at=leaves_at,
    )
