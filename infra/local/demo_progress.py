"""What the demo must know beyond the live screen: which model decided what, and when nothing is left to do. Pure."""

from collections import Counter

from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry
from infra.observe.flow import FlowState
from schemas.events import CaseEscalated, DecisionMade, ModelPromoted, ModelRefused
from schemas.topics import REQUESTS, RETRAINING
from schemas.values import DecidedBy, EscalatedBy

FITS = TopicPartition(RETRAINING.name, 0)


class DemoState(FlowState):
    """The state behind the live screen, with what tells that the demo is over. Topics may come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.by_model: Counter[str] = Counter()  # automatic decisions, by digest of the model
        self.workflow_of_model: dict[str, str] = {}  # by digest, of those models
        self.escalated: str | None = None  # the first request that a reviewer passed on to an expert
        self.reviewed: str | None = None  # the first request that a reviewer decided
        self.fitted = -1  # offset of the last request for a fit that was answered
        self.learnt_after: list[int] = []  # requests that were in the log when each promotion was seen

    def add(self, entry: Entry) -> None:
        super().add(entry)
        match entry.event:
            case DecisionMade() as made:
                self._note_decision(made)
            case CaseEscalated(escalated_by=EscalatedBy.PERSON) as case if self.escalated is None:
                self.escalated = case.request_id
            case ModelPromoted() | ModelRefused() as verdict if verdict.cause is not None:
                self.fitted = max(self.fitted, verdict.cause.offset)
                if isinstance(verdict, ModelPromoted):
                    self.learnt_after.append(self.records[REQUESTS.name])

    def is_done(self, requests: int) -> bool:
        """Whether this many requests are decided, no case is open, every audit is answered, no model is fitted."""
        audited = len(self.automatic_audits) + self.audits_expired
        fits_asked = self.last.get(FITS, -1)
        return (
            self.decisions >= requests
            and not self.open_cases
            and audited >= self.audits_drawn
            and self.fitted >= fits_asked
        )

    def story(self) -> str | None:
        """A request worth telling: one that went from the model to a reviewer to an expert, else a reviewed one."""
        return self.escalated or self.reviewed

    def _note_decision(self, made: DecisionMade) -> None:
        digest = made.grounds.model_digest
        if made.decided_by is DecidedBy.AUTOMATION and digest is not None:
            self.by_model[digest] += 1
            self.workflow_of_model[digest] = made.workflow
        elif made.decided_by is DecidedBy.REVIEWER and self.reviewed is None:
            self.reviewed = made.request_id
