"""Each event of a request in a sentence for people."""

from schemas.events import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    AutoApproved,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    DeadLettered,
    DecisionMade,
    DecisionRefused,
    DecisionRequested,
    Event,
    ExpertReviewRequested,
    FeedbackRecorded,
    PredictionMade,
    ReviewDecided,
    ReviewRequested,
)


def sentence(event: Event) -> str:
    """What happened, in words; the name of the event where there are none."""
    return _model(event) or _people(event) or _audit(event) or type(event).__name__


def _model(event: Event) -> str:
    match event:
        case DecisionRequested(workflow=workflow, source=source):
            return f"asked for a decision in {workflow}" + (f" by {source}" if source else "")
        case PredictionMade(failure=str() as failure):
            return f"no prediction: {failure}"
        case PredictionMade(label=label, confidence=float() as confidence, level=level, model_digest=digest):
            return f"the model {_short(digest)} says {label} at {confidence:.1%} ({level})"
        case AutoApproved(label=label, grounds=grounds):
            return f"the model's answer {label} stands: {grounds.reason} (policy v{grounds.policy_version})"
        case DecisionMade(outcome=outcome, label=label, decided_by=by, reviewer_id=who, grounds=grounds):
            by_whom = f"{by} {who}" if who else by.value
            return f"{outcome}: {label}, decided by {by_whom}; routed because: {grounds.reason}"
        case DeadLettered(stage=stage, reason=reason, detail=detail):
            return f"dead-lettered by {stage}: {reason} ({detail})"
    return ""


def _people(event: Event) -> str:
    match event:
        case ReviewRequested(priority=priority, reason=reason, recommendation=shown):
            return f"a reviewer is asked, {priority}: {reason}" + ("" if shown else " (without a recommendation)")
        case ExpertReviewRequested(priority=priority, reason=reason):
            return f"an expert is asked, {priority}: {reason}"
        case ReviewDecided(reviewer_id=who, action=action, confidence=sure, feedback=text):
            return f"{who} says {action} ({sure:.0%} sure)" + (f": {text}" if text else "")
        case CaseOpened(stage=stage, priority=priority):
            return f"the case is open for {'an expert' if stage == 'expert' else 'a reviewer'}, {priority}"
        case CaseAnnounced(revision=revision):
            return f"revision {revision} of the case can be answered"
        case CaseEscalated(escalated_by=by):
            return f"the case goes to an expert (by {by})"
        case CaseClosed(closed_by=by, label=label):
            return f"the case is closed by {by}" + (f": {label}" if label else "")
        case DecisionRefused(reviewer_id=who, reason=reason, detail=detail):
            return f"the answer of {who} is refused: {reason} ({detail})"
    return ""


def _audit(event: Event) -> str:
    match event:
        case AuditDrawn(kind=kind, inclusion_probability=share):
            return f"chance drew a {kind} (1 in {1 / share:.0f})"
        case AuditAnswered(label=label, agrees=agrees, reviewer_id=who):
            return f"{who} answered blind: {label}, {'as' if agrees else 'unlike'} the model"
        case AuditExpired():
            return "nobody answered the audit in time; it counts as an error"
        case FeedbackRecorded(type=kind, weight=weight, split=split):
            return f"learnt as {kind}, weight {weight:g}, for {split}"
    return ""


def _short(digest: str | None) -> str:
    return (digest or "?")[:12]
