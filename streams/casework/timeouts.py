"""What the clock alone does to a case: escalate it, let its audit expire, forget its stub, or nothing."""

from enum import StrEnum

from schemas.values import CaseStage, CaseStatus, SampleKind
from streams.casework.case import Case


class Timeout(StrEnum):
    """What becomes of a case whose time has come."""

    ESCALATE = "escalate"
    EXPIRE = "expire"
    FORGET = "forget"
    NOTHING = "nothing"


def timeout_of(case: Case, kind: SampleKind | None) -> Timeout:
    """What becomes of a due case; `kind` is the sealed one, None once closed.

    An audit expires wherever it lies. Experts are never timed out: their cases only breach the service level.
    """
    if case.status is CaseStatus.CLOSED:
        return Timeout.FORGET
    if kind is SampleKind.AUDIT:
        return Timeout.EXPIRE
    return Timeout.ESCALATE if case.stage is CaseStage.HUMAN else Timeout.NOTHING
