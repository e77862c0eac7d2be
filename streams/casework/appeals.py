"""What becomes of an appeal: judged anew by an expert, at once or after the review that is under way, or refused."""

from enum import StrEnum
from typing import Final, NamedTuple

from schemas.events import AppealFiled, DecisionMade
from schemas.values import CaseStatus, DecidedBy, ReopenedBy, SampleKind, Split, StandingDecision
from streams.casework.answer import MAX_ID_BYTES, MAX_NOTE_BYTES
from streams.casework.case import Case, waiting_appeal
from streams.casework.sealing import Sealed, fitting

FIRST_ANNOUNCED: Final = 1  # the revision that the router announces; an appeal that opens a case comes after it


class AppealRefusal(StrEnum):
    """Every reason for which an appeal can be refused."""

    NOT_DECIDED = "not_decided"
    ALREADY_APPEALED = "already_appealed"
    REPEATED = "repeated"
    BAD_VALUE = "bad_value"
    UNKNOWN_WORKFLOW = "unknown_workflow"


class RefusedAppeal(NamedTuple):
    """A refusal: the reason for machines, a sentence for people."""

    reason: AppealRefusal
    detail: str


class Ruling(StrEnum):
    """What becomes of an appeal that is taken on."""

    WAITS = "waits"  # a review of the decision is under way: it stays as it was drawn, the appeal comes after it
    REOPENS = "reopens"


def rule(case: Case | None, kind: SampleKind | None, filed: AppealFiled) -> Ruling | RefusedAppeal:
    """What becomes of an appeal; `kind` is the sealed one of an open case.

    One appeal a request. An open audit stays blind, so an appeal, which says what was decided, must not join it.
    """
    if refused := _bad_value(filed):
        return refused
    if case is None:
        return Ruling.REOPENS
    if case.appeal is not None:
        return _appealed_before(case, filed)
    if case.status is CaseStatus.CLOSED:
        return Ruling.REOPENS
    if case.reopened_by is not None or kind is SampleKind.AUDIT:
        return Ruling.WAITS
    return RefusedAppeal(
        AppealRefusal.NOT_DECIDED, "the request is still with people: appeal its outcome once there is one"
    )


def _appealed_before(case: Case, filed: AppealFiled) -> RefusedAppeal:
    assert case.appeal is not None
    if case.appeal.appeal_id == filed.appeal_id:
        return RefusedAppeal(AppealRefusal.REPEATED, "this appeal was taken on before: it need not be sent again")
    if case.status is CaseStatus.CLOSED:
        said = "was judged, and an expert's answer to an appeal is the last"
    elif waiting_appeal(case) is not None:
        said = "waits to be judged"
    else:
        said = "is being judged"
    return RefusedAppeal(AppealRefusal.ALREADY_APPEALED, f"appeal {case.appeal.appeal_id!r} {said}")


def _bad_value(filed: AppealFiled) -> RefusedAppeal | None:
    for name, value, least, most in (
        ("appeal_id", filed.appeal_id, 1, MAX_ID_BYTES),
        ("filed_by", filed.filed_by, 0, MAX_ID_BYTES),
        ("statement", filed.statement, 0, MAX_NOTE_BYTES),
    ):
        if not least <= (size := len(value.encode())) <= most:
            return RefusedAppeal(AppealRefusal.BAD_VALUE, f"{name} has {size} bytes: give one of {least} to {most}")
    return None


def contested(case: Case | None, made: DecisionMade) -> StandingDecision:
    """The decision that an appeal contests: what the case knows to be in force, else the original."""
    if case is not None and case.standing is not None:
        return case.standing
    return StandingDecision(
        original=made.event_id,
        outcome=made.outcome,
        label=made.label,
        decided_by=made.decided_by,
        reviewer_id=made.reviewer_id,
        decided_at=made.decided_at,
    )


def sealed_for_appeal(made: DecisionMade) -> Sealed:
    """What is sealed of a case that an appeal opens: the model's answer is known where it decided."""
    automatic, grounds = made.decided_by is DecidedBy.AUTOMATION, made.grounds
    return Sealed(
        kind=SampleKind.EXPERT,
        model_label=made.label if automatic else None,
        confidence=made.confidence if automatic else None,
        model_digest=grounds.model_digest if automatic else None,
        calibrator=grounds.calibrator if automatic else None,
        certificate=grounds.certificate,
        inclusion_probability=1.0,
        split=Split.TRAIN,
        routed_reason=fitting(grounds.reason),
        risk_score=grounds.risk_score,
    )


def is_contradicted(case: Case, sealed: Sealed, label: str) -> bool:
    """Whether a person's answer to an audit is not what automation decided."""
    return case.reopened_by is None and sealed.kind is SampleKind.AUDIT and label != sealed.model_label


def next_cause(case: Case, *, contradicted: bool, drawn: bool) -> ReopenedBy | None:
    """Why a case that ends now is reopened at once, if it is."""
    if waiting_appeal(case) is not None:
        return ReopenedBy.APPEAL
    if contradicted:
        return ReopenedBy.AUDIT
    return ReopenedBy.VALIDATION if drawn and case.reopened_by is None else None
