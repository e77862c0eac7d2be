"""What the clock alone does to a case: an answer takes effect, a lease ends, it escalates, expires, is forgotten."""

from dataclasses import replace
from enum import StrEnum

from schemas.topics import CASES
from schemas.values import CaseStage, CaseStatus, EndedBy, EscalatedBy, PendingAnswer
from streams.casework import changes
from streams.casework.announcing import expires
from streams.casework.case import Case, evolve
from streams.casework.recording import Turn
from streams.casework.sealing import Sealed
from streams.casework.settling import Settling


class Timeout(StrEnum):
    """What becomes of a case whose deadline is past."""

    ESCALATE = "escalate"
    EXPIRE = "expire"
    NOTHING = "nothing"


def timeout_of(case: Case, sealed: Sealed) -> Timeout:
    """What becomes of an open case whose deadline is past.

    An audit expires wherever it lies, and so does a gold question. Experts are never timed out: their cases only breach
    the service level.
    """
    if expires(sealed):
        return Timeout.EXPIRE
    return Timeout.ESCALATE if case.stage is CaseStage.HUMAN else Timeout.NOTHING


class Timing:
    """Carries out what is due."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling

    def run_out(self, case: Case, at: int, turn: Turn) -> bool:
        """What this time of the case (milliseconds), which has come, changes; False when it changes nothing."""
        lease, hold = case.lease, case.hold
        if case.status is CaseStatus.CLOSED:
            turn.send(CASES.tombstone(case.request_id))
            turn.lane.state.put(case.request_id, None)
        elif case.pending is not None and at == case.pending.leaves_at:
            self._settle(case, case.pending, turn)
        elif case.due_at == at and (late := self._late(case)) is not Timeout.NOTHING:
            if case.pending is not None:  # given in time: the deadline only shortens its grace
                self._settle(case, case.pending, turn)
            else:
                self._carry_out(late, case, turn)
        elif lease is not None and lease.expires_at == at:
            ended = changes.lease_ended(case, lease, EndedBy.EXPIRED, turn.stamp)
            turn.record(evolve(case, ended), ended)
        elif hold is not None and hold.resumes_at == at:
            resumed = changes.hold_ended(case, hold, EndedBy.EXPIRED, turn.stamp)
            turn.record(evolve(case, resumed), resumed)
        else:
            return False
        return True

    def _settle(self, case: Case, pending: PendingAnswer, turn: Turn) -> None:
        stamp = turn.stamp._replace(cause=pending.answer.cause)
        self._settling.settle(case, pending.answer, replace(turn, stamp=stamp))

    def _late(self, case: Case) -> Timeout:
        return timeout_of(case, self._settling.opened_seal(case))

    def _carry_out(self, late: Timeout, case: Case, turn: Turn) -> None:
        if late is Timeout.EXPIRE:
            self._settling.expire(case, turn)
        else:
            self._settling.escalate(case, EscalatedBy.TIMEOUT, None, turn)
