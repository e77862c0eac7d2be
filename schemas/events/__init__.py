"""Every event of the log, as frozen values."""

from schemas.events.access import (
    AccessRefused,
    DeedDone,
    PersonSignedIn,
    PersonSignedOut,
    RequestViewed,
    SessionsEnded,
)
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
from schemas.events.leases import (
    AnswerCounted,
    AnswerReceived,
    AnswerWithdrawn,
    CaseActionRequested,
    CaseHeld,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    CommandRefused,
    HoldEnded,
    LeaseEnded,
    LeaseExtended,
    LeaseGranted,
)
from schemas.events.people import (
    DecisionValidated,
    GoldAdded,
    GoldAnswered,
    GoldRetired,
    OverlapAnswered,
    ReviewerAssessed,
    ReviewerEnrolled,
    SigningKeyPublished,
    SigningKeyRetired,
    TokenRevoked,
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
    DeadLetterReplayed,
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
    | CaseActionRequested
    | LeaseGranted
    | LeaseExtended
    | LeaseEnded
    | CaseHeld
    | HoldEnded
    | CaseNoted
    | CaseReprioritised
    | CaseReturned
    | AnswerReceived
    | AnswerWithdrawn
    | AnswerCounted
    | CommandRefused
    | GoldAdded
    | GoldRetired
    | GoldAnswered
    | OverlapAnswered
    | DecisionValidated
    | ReviewerEnrolled
    | ReviewerAssessed
    | SigningKeyPublished
    | SigningKeyRetired
    | TokenRevoked
    | PersonSignedIn
    | PersonSignedOut
    | SessionsEnded
    | AccessRefused
    | RequestViewed
    | DeedDone
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
    | DeadLetterReplayed
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
    CaseActionRequested,
    LeaseGranted,
    LeaseExtended,
    LeaseEnded,
    CaseHeld,
    HoldEnded,
    CaseNoted,
    CaseReprioritised,
    CaseReturned,
    AnswerReceived,
    AnswerWithdrawn,
    AnswerCounted,
    CommandRefused,
    GoldAdded,
    GoldRetired,
    GoldAnswered,
    OverlapAnswered,
    DecisionValidated,
    ReviewerEnrolled,
    ReviewerAssessed,
    SigningKeyPublished,
    SigningKeyRetired,
    TokenRevoked,
    PersonSignedIn,
    PersonSignedOut,
    SessionsEnded,
    AccessRefused,
    RequestViewed,
    DeedDone,
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
    DeadLetterReplayed,
)

__all__ = [
    "EVENT_TYPES",
    "AccessRefused",
    "AnswerCounted",
    "AnswerReceived",
    "AnswerWithdrawn",
    "AppealFiled",
    "AppealNoted",
    "AppealRefused",
    "AuditAnswered",
    "AuditDrawn",
    "AuditExpired",
    "AutoApproved",
    "CaseActionRequested",
    "CaseAnnounced",
    "CaseClosed",
    "CaseEscalated",
    "CaseHeld",
    "CaseNoted",
    "CaseOpened",
    "CaseReopened",
    "CaseReprioritised",
    "CaseReturned",
    "CaseSnapshot",
    "CommandRefused",
    "DeadLetterReplayed",
    "DeadLettered",
    "DecisionMade",
    "DecisionRefused",
    "DecisionRequested",
    "DecisionValidated",
    "DeedDone",
    "Event",
    "ExpertReviewRequested",
    "FeedbackRecorded",
    "GoldAdded",
    "GoldAnswered",
    "GoldRetired",
    "HoldEnded",
    "LeaseEnded",
    "LeaseExtended",
    "LeaseGranted",
    "ModelEvaluated",
    "ModelPromoted",
    "ModelRefused",
    "ModelTrained",
    "OutcomeAmended",
    "OutcomeUpheld",
    "OverlapAnswered",
    "PersonSignedIn",
    "PersonSignedOut",
    "PolicyPublished",
    "PolicyRefused",
    "PredictionMade",
    "RequestViewed",
    "RetrainingRequested",
    "ReviewDecided",
    "ReviewRequested",
    "ReviewerAssessed",
    "ReviewerEnrolled",
    "SessionsEnded",
    "SigningKeyPublished",
    "SigningKeyRetired",
    "StageTallied",
    "TokenRevoked",
]
