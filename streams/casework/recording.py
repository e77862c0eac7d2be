"""A change of a case in all the places where it is on record."""

from dataclasses import dataclass

from infra.kafka.stage import Handled, Lane, tally
from schemas.events import AppealNoted
from schemas.topics import APPEALS, ASSIGNMENTS, CASES, Outgoing
from streams.casework.case import Case, CaseEvent
from streams.casework.cases import Cases
from streams.casework.changes import Stamp
from streams.casework.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One decision of casework: why and when, under which configuration, on which cases, and what it leads to."""

    stamp: Stamp
    config: Config
    lane: Lane[Cases]
    handled: Handled

    def send(self, outgoing: Outgoing) -> None:
        """One more record of this decision."""
        self.handled.outgoing.append(outgoing)

    def record(self, case: Case, event: CaseEvent) -> Case:
        """The change on record; the case after it."""
        record(case, event, self.lane, self.handled)
        return case

    def count(self, case: Case, action: str) -> None:
        """One more in the tally."""
        count(case, action, self.stamp, self.handled)


def record(case: Case, event: CaseEvent, lane: Lane[Cases], handled: Handled) -> None:
    """The event on record, the case after it in `cases`, and in the state once the transaction commits.

    That an appeal waits tells that the decision was made, and of an audit what it was: reviewers cannot read `appeals`.
    """
    out = APPEALS.message(event) if isinstance(event, AppealNoted) else ASSIGNMENTS.message(event)
    handled.outgoing.append(out)
    handled.outgoing.append(CASES.message(case))
    lane.state.put(case.request_id, case)


def count(case: Case, action: str, stamp: Stamp, handled: Handled) -> None:
    """One more in the tally."""
    handled.tallies.append(tally(case.workflow, stamp.now, action, case.priority, case.requested_at))
