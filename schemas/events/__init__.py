"""Every event of the log, as frozen values."""

from schemas.events.cases import (
    AppealNoted,
    AppealRefused,
    CaseAnnounced,
    CaseClosed,
    CaseEscalated,
    CaseOpened,
    CaseReopened,
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
    AppealFiled,
    AutoApproved,
    DecisionMade,
    DecisionRequested,
    OutcomeAmended,
    OutcomeUpheld,
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
    | AppealFiled
    | OutcomeAmended
    | OutcomeUpheld
    | ReviewRequested
    | ExpertReviewRequested
    | ReviewDecided
    | CaseOpened
    | CaseAnnounced
    | CaseEscalated
    | CaseClosed
    | CaseReopened
    | AppealNoted
    | AppealRefused
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
    AppealFiled,
    OutcomeAmended,
    OutcomeUpheld,
    ReviewRequested,
    ExpertReviewRequested,
    ReviewDecided,
    CaseOpened,
    CaseAnnounced,
    CaseEscalated,
    CaseClosed,
    CaseReopened,
    AppealNoted,
    AppealRefused,
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
    "AppealFiled",
    "AppealNoted",
    "AppealRefused",
    "AuditAnswered",
    "AuditDrawn",
    "AuditExpired",
    "AutoApproved",
    "CaseAnnounced",
    "CaseClosed",
    "CaseEscalated",
    "CaseOpened",
    "CaseReopened",
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
    "OutcomeAmended",
    "OutcomeUpheld",
    "PolicyPublished",
    "PolicyRefused",
    "PredictionMade",
    "RetrainingRequested",
    "ReviewDecided",
    "ReviewRequested",
    "StageTallied",
]
