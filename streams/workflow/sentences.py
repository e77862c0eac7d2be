"""Each event of a request in a sentence for people."""

from schemas.events import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    AppealFiled,
    AppealNoted,
    AppealRefused,
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    AutoApproved,
    CaseActionRequested,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseHeld,
    CaseNoted,
    CaseOpened,
    CaseReopened,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    DecisionValidated,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
    GoldAnswered,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
    OutcomeAmended,
    OutcomeUpheld,
    OverlapAnswered,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)
from schemas.values import CaseStage, DecidedBy, EndedBy, EscalatedBy, ReopenedBy

WHY_EXPERT = {
    EscalatedBy.POLICY: "the policy asks for one",
    EscalatedBy.PERSON: "a reviewer passed it on",
    EscalatedBy.TIMEOUT: "nobody answered in time",
    EscalatedBy.DISAGREEMENT: "people disagree",
}
WHY_REOPENED = {
    ReopenedBy.APPEAL: "the decision is appealed",
    ReopenedBy.AUDIT: "a blind audit contradicts the decision",
    ReopenedBy.VALIDATION: "needs expert judgement",
}
WHY_ENDED = {EndedBy.RELEASED: "was given back", EndedBy.EXPIRED: "ran out"}


def sentence(event: Event) -> str:
    """What happened, in words; the name of the event where there are none."""
    return _decided(event) or _of_case(event) or _of_work(event) or _learnt(event) or type(event).__name__


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
        case DecisionMade(reviewers=(_, _, *_)):
            return f"The outcome is {event.outcome}: {', '.join(event.reviewers)} answered, in the end {event.label}."
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
            return f"{event.reviewer_id} answered {(event.action == 'label' and event.label) or event.action}."
        case CaseOpened():
            return f"The case was opened for {'an expert' if event.stage is CaseStage.EXPERT else 'a reviewer'}."
        case CaseAnnounced():
            return f"Revision {event.revision} of the case can be answered."
        case CaseEscalated():
            return f"The case went to an expert: {WHY_EXPERT[event.escalated_by]}."
        case CaseReturned():
            return f"{event.reviewer_id} returned the case to reviewers{_noted(event.note)}."
        case CaseReprioritised():
            return f"{event.reviewer_id} gave the case {event.priority} priority{_noted(event.note)}."
        case CaseClosed():
            return f"The case was closed: {f'answered {event.label}' if event.label else 'nobody answered in time'}."
        case CaseReopened():
            return f"The case was reopened for an expert: {WHY_REOPENED[event.reopened_by]}."
        case DecisionRefused():
            return f"The answer of {event.reviewer_id} was refused ({event.reason}): {event.detail}."
    return _of_appeal(event)


def _of_work(event: Event) -> str:
    """What people do about a case beside answering it, and answers that do not settle it alone, or not yet."""
    match event:
        case LeaseGranted(handed_over_by=str(giver)):
            return f"{giver} handed the case over to {event.reviewer_id}."
        case LeaseGranted():
            return f"{event.reviewer_id} has the case for themselves."
        case LeaseExtended():
            return f"{event.reviewer_id} keeps the case for longer."
        case LeaseEnded():
            return f"The lease of {event.reviewer_id} {WHY_ENDED[event.ended_by]}; the case is free again."
        case CaseHeld():
            return f"{event.reviewer_id} set the case aside{_noted(event.note)}."
        case HoldEnded():
            return f"What {event.reviewer_id} had set aside is free again: the hold {WHY_ENDED[event.ended_by]}."
        case CaseNoted():
            return f"{event.reviewer_id} wrote beside the case{_noted(event.note)}."
        case AnswerReceived():
            return f"The answer of {event.reviewer_id} was accepted and can still be taken back."
        case AnswerWithdrawn():
            return f"{event.reviewer_id} took their answer back."
        case AnswerCounted():
            return f"The answer of {event.reviewer_id} counts as number {event.answers}; a further person is asked."
        case CaseActionRequested():
            return f"{event.reviewer_id} asked to {event.action.replace('_', ' ')} the case."
        case CommandRefused():
            what = event.action.replace("_", " ")
            return f"What {event.reviewer_id} asked for, {what}, was refused ({event.reason}): {event.detail}."
    return ""


def _noted(note: str) -> str:
    return f": {note}" if note else ""


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
        case GoldAnswered():
            right = "right" if event.agrees else f"wrong, {event.right_label} is right"
            return f"It is a question whose answer is known: {event.reviewer_id} answered {event.label}, {right}."
        case OverlapAnswered():
            alone = "" if event.resolved_label is None else f"; together people answered {event.resolved_label}"
            return f"Of several people {event.reviewer_id} answered {event.label}{alone}."
        case DecisionValidated():
            said = "confirms" if event.agrees else "contradicts"
            return f"Expert {event.expert_id} {said} the decision {event.standing_label}, drawn to be judged anew."
        case FeedbackRecorded():
            return f"The answer teaches as {event.type} feedback, with weight {event.weight:g}."
    return ""
