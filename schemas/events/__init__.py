"""Every event of the log, as frozen values."""

from schemas.events.cases import (
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseSnapshot,
    DecisionRefused,
    ExpertReviewRequested,
    ReviewDecided,
    ReviewRequested,
)
from schemas.events.learning import (
    AuditAnswered,
    AuditDrawn,
    AuditExpired,
    FeedbackRecorded,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    RetrainingRequested,
)
from schemas.events.requests import (
    AutoApproved,
    DecisionMade,
    DecisionRequested,
    PredictionMade,
)
from schemas.events.running import (
    DeadLettered,
    PolicyPublished,
    PolicyRefused,
    StageTallied,
)

Event = (
    DecisionRequested
    | PredictionMade
    | AutoApproved
    | DecisionMade
    | ReviewRequested
    | ExpertReviewRequested
    | ReviewDecided
    | CaseOpened
    | CaseAnnounced
    | CaseEscalated
    | CaseClosed
    | DecisionRefused
    | CaseSnapshot
    | AuditDrawn
    | AuditAnswered
    | AuditExpired
    | FeedbackRecorded
    | RetrainingRequested
    | ModelTrained
    | ModelEvaluated
    | ModelPromoted
    | ModelRefused
    | PolicyPublished
    | PolicyRefused
    | StageTallied
    | DeadLettered
)

EVENT_TYPES: tuple[type[Event], ...] = (
    DecisionRequested,
    PredictionMade,
    AutoApproved,
    DecisionMade,
    ReviewRequested,
    ExpertReviewRequested,
    ReviewDecided,
    CaseOpened,
    CaseAnnounced,
    CaseEscalated,
    CaseClosed,
    DecisionRefused,
    CaseSnapshot,
    AuditDrawn,
    AuditAnswered,
    AuditExpired,
    FeedbackRecorded,
    RetrainingRequested,
    ModelTrained,
    ModelEvaluated,
    ModelPromoted,
    ModelRefused,
    PolicyPublished,
    PolicyRefused,
    StageTallied,
    DeadLettered,
)

__all__ = [
    "EVENT_TYPES",
    "AuditAnswered",
    "AuditDrawn",
    "AuditExpired",
    "AutoApproved",
    "CaseAnnounced",
    "CaseClosed",
    "CaseEscalated",
    "CaseOpened",
    "CaseSnapshot",
    "DeadLettered",
    "DecisionMade",
    "DecisionRefused",
    "DecisionRequested",
    "Event",
    "ExpertReviewRequested",
    "FeedbackRecorded",
    "ModelEvaluated",
    "ModelPromoted",
    "ModelRefused",
    "ModelTrained",
    "PolicyPublished",
    "PolicyRefused",
    "PredictionMade",
    "RetrainingRequested",
    "ReviewDecided",
    "ReviewRequested",
    "StageTallied",
]
