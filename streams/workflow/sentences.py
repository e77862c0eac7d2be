"""Each event of a request in a sentence for people."""

from schemas.events import (
    AppealFiled,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    AutoApproved,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
    OutcomeAmended,
    OutcomeUpheld,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)
from schemas.values import CaseStage, DecidedBy, EscalatedBy, ReopenedBy

WHY_EXPERT = {
    EscalatedBy.POLICY: "the policy asks for one",
    EscalatedBy.PERSON: "a reviewer passed it on",
    EscalatedBy.TIMEOUT: "nobody answered in time",
    EscalatedBy.DISAGREEMENT: "people disagree",
}
WHY_REOPENED = {
    ReopenedBy.APPEAL: "the decision is appealed",
    ReopenedBy.AUDIT: "a blind audit contradicts the decision",
    ReopenedBy.VALIDATION: "needs expert validation",
}


def sentence(event: Event) -> str:
    """What happened, in words; the name of the event where there are none."""
    return _decided(event) or _of_case(event) or _learnt(event) or type(event).__name__


def _decided(event: Event) -> str:
    match event:
        case DecisionRequested():
            return f"A decision was asked for{f' by {event.source}' if event.source else ''}."
        case PredictionMade(failure=str(failure)):
            return f"The model gave no answer: {failure}."
        case PredictionMade():
            return f"The model answered {event.label} with confidence {event.confidence or 0:.3f}."
        case AutoApproved():
            return f"The model's answer {event.label} stands: {event.grounds.reason}."
        case DecisionMade(decided_by=DecidedBy.AUTOMATION):
            return f"The outcome is {event.outcome}, without a person."
        case DecisionMade():
            return f"The outcome is {event.outcome}: {event.decided_by} {event.reviewer_id} answered {event.label}."
        case OutcomeAmended():
            change = f"from {event.previous_outcome} to {event.outcome}"
            return f"The outcome is amended {change}: {event.decided_by} {event.reviewer_id} answered {event.label}."
        case OutcomeUpheld():
            who = f"{event.decided_by} {event.reviewer_id}"
            return f"The outcome {event.outcome} is upheld: {who} answered {event.label}."
        case DeadLettered():
            return f"{event.stage} could not process a record ({event.reason}): {event.detail}."
    return ""


def _of_case(event: Event) -> str:
    match event:
        case ReviewRequested():
            return f"A person was asked, with {event.priority} priority: {event.reason}."
        case ExpertReviewRequested():
            return f"An expert was asked, with {event.priority} priority: {event.reason}."
        case ReviewDecided():
            return f"{event.reviewer_id} answered {event.action}."
        case CaseOpened():
            return f"The case was opened for {'an expert' if event.stage is CaseStage.EXPERT else 'a reviewer'}."
        case CaseAnnounced():
            return f"Revision {event.revision} of the case can be answered."
        case CaseEscalated():
            return f"The case went to an expert: {WHY_EXPERT[event.escalated_by]}."
        case CaseClosed():
            return f"The case was closed: {f'answered {event.label}' if event.label else 'nobody answered in time'}."
        case CaseReopened():
            return f"The case was reopened for an expert: {WHY_REOPENED[event.reopened_by]}."
        case DecisionRefused():
            return f"The answer of {event.reviewer_id} was refused ({event.reason}): {event.detail}."
    return _of_appeal(event)


def _of_appeal(event: Event) -> str:
    match event:
        case AppealFiled():
            return f"The decision was appealed{f' by {event.filed_by}' if event.filed_by else ''}."
        case AppealNoted():
            return "The appeal waits until the review that is under way is over."
        case AppealRefused():
            return f"The appeal {event.appeal_id} was refused ({event.reason}): {event.detail}."
    return ""


def _learnt(event: Event) -> str:
    match event:
        case AuditDrawn():
            return f"Chance drew it for a blind answer, with probability {event.inclusion_probability:g}."
        case AuditAnswered():
            return f"The blind answer is {event.label}: {'as' if event.agrees else 'unlike'} the model's."
        case AuditExpired():
            return "Nobody gave the blind answer in time; it counts as an error."
        case FeedbackRecorded():
            return f"The answer teaches as {event.type} feedback, with weight {event.weight:g}."
    return ""
