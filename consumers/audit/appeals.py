"""How often an appeal changed the decision: of a workflow, and of each who took what was appealed."""

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from consumers.audit.ledger import belongs
from infra.kafka.scan import Entry
from schemas.events import CaseReopened, OutcomeAmended, OutcomeUpheld
from schemas.values import Appeal, StandingDecision
from streams.assurance.intervals import clopper_pearson

AppealKey = tuple[str, str]  # request id, appeal id


class Overturned(msgspec.Struct, frozen=True, kw_only=True):
    """Appeals that an expert judged, and the share of them that changed the decision, with its exact 95 % interval."""

    judged: int = 0
    amended: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None


class Appealed(msgspec.Struct, frozen=True, kw_only=True):
    """All appeals of a workflow, and those against decisions of automation and of each person.

    Whoever loses is likelier to appeal: a rate says how appeals end, not how often decisions are wrong.
    """

    all: Overturned = Overturned()
    automation: Overturned = Overturned()
    people: dict[str, Overturned] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Appeals:
    """Appeals of which anything is known. Topics may be read in any order, records more than once."""

    contested: dict[AppealKey, StandingDecision] = field(default_factory=dict)
    judged: dict[AppealKey, tuple[str, bool]] = field(default_factory=dict)  # workflow, whether it was amended

    def add(self, entry: Entry) -> None:
        """Remember what one more record says of an appeal."""
        if not belongs(entry.topic, entry.key, entry.event):
            return
        match entry.event:
            case CaseReopened(request_id=request_id, appeal=Appeal(appeal_id=name), standing=standing):
                self.contested[request_id, name] = standing
            case OutcomeAmended(request_id=request_id, appeal_id=str(name), workflow=workflow):
                self.judged[request_id, name] = workflow, True
            case OutcomeUpheld(request_id=request_id, appeal_id=str(name), workflow=workflow):
                self.judged[request_id, name] = workflow, False

    def of(self, workflow: str) -> Appealed:
        """The rates of one workflow; a decision whose reopening the log has lost counts for nobody in particular."""
        verdicts: defaultdict[str | None, list[bool]] = defaultdict(list)
        whole: list[bool] = []
        for key, (name, amended) in self.judged.items():
            if name == workflow:
                whole.append(amended)
                if key in self.contested:
                    verdicts[self.contested[key].reviewer_id].append(amended)
        automation = overturned(verdicts.pop(None, []))
        people = {person: overturned(found) for person, found in verdicts.items() if person is not None}
        return Appealed(all=overturned(whole), automation=automation, people=dict(sorted(people.items())))


def overturned(verdicts: list[bool]) -> Overturned:
    """The share of appeals that changed a decision (`True`)."""
    judged, amended = len(verdicts), sum(verdicts)
    if not judged:
        return Overturned()
    interval = clopper_pearson(amended, judged)
    return Overturned(
        judged=judged, amended=amended, rate=round(amended / judged, 6), low=interval.low, high=interval.high
    )
