"""The catalogue: every topic as a typed value. Creation, access rights, checks and the readers' table come from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from schemas import events as e
from schemas.values import Priority

E = TypeVar("E", bound=e.Event, contravariant=True)

MIB: Final = 1 << 20
DAY: Final = 86_400_000  # milliseconds
DEFAULT_PARTITIONS: Final = 4  # of request-keyed topics, for a laptop
RECORD_OVERHEAD: Final = 64 * 1024  # bytes a broker counts beyond the value: key, headers, batch


class Keyed(StrEnum):
    """What a topic's records are keyed by; request-keyed topics share one partition count."""

    REQUEST = "request id"
    WORKFLOW = "workflow"
    REVIEWER = "reviewer id"
    KEY = "signing key id"
    STAGE = "stage"
    ORIGINAL = "original key"


KEY_FIELDS: Final[Mapping[Keyed, str]] = {
    Keyed.REQUEST: "request_id",
    Keyed.WORKFLOW: "workflow",
    Keyed.REVIEWER: "reviewer_id",
    Keyed.KEY: "key_id",
    Keyed.STAGE: "stage",
}


def _no_key(event: Any) -> str:
    raise TypeError("a dead letter is written under its original key: build the Outgoing with it")


_KEY_OF: Final[Mapping[Keyed, Callable[[Any], str]]] = {
    **{keyed: attrgetter(name) for keyed, name in KEY_FIELDS.items()},
    Keyed.ORIGINAL: _no_key,
}


class Outgoing(Struct, frozen=True, gc=False):
    """A record to be written: where, under which key, what; `partition` overrides the partitioner."""

    topic: str
    key: bytes
    event: e.Event | None  # None is a tombstone: compaction forgets the key
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Generic[E]):
    """One topic: what may be written to it, by whom, who reads it, and how long it is kept.

    `operator` is whoever runs `hitl`: commands read every topic, and write what people publish, import, decide and send
    again from the dead letters.
    """

    name: str
    keyed: Keyed
    events: tuple[type[e.Event], ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    max_value_bytes: int = 2 * MIB
    append_time: bool = False  # outsiders write it: the broker's clock rules
    compacted: bool = False
    retention_ms: int = -1
    config: bool = False  # stages read it whole and follow it
    arbitrated: bool = False  # a wrong key or partition is answered with a refusal, not with a dead letter
    _key_of: Callable[[Any], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key_of", _KEY_OF[self.keyed])

    @property
    def partitioned(self) -> bool:
        """True when it has the installation's partition count, else one partition."""
        return self.keyed in (Keyed.REQUEST, Keyed.ORIGINAL)

    def message(self, event: E, *, partition: int | None = None) -> Outgoing:
        """A record of this topic, keyed as the catalogue says. Writing a foreign event is a type error."""
        return Outgoing(self.name, self.key_of(event).encode(), event, partition)

    def tombstone(self, key: str) -> Outgoing:
        """A record that removes a key from a compacted topic."""
        if not self.compacted:
            raise ValueError(f"{self.name} is not compacted: nothing of it can be removed")
        return Outgoing(self.name, key.encode(), None)

    def key_of(self, event: E) -> str:
        """The record key of an event of this topic."""
        return self._key_of(event)

    def settings(self) -> Mapping[str, str]:
        """The broker's topic settings."""
        made = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_value_bytes + RECORD_OVERHEAD),
            "message.timestamp.type": "LogAppendTime" if self.append_time else "CreateTime",
        }
        if self.compacted:
            made["delete.retention.ms"] = str(DAY)
        else:
            made["retention.ms"] = str(self.retention_ms)
            made["retention.bytes"] = "-1"
        return made


REQUESTS: Final[Topic[e.DecisionRequested]] = Topic(
    name="requests", keyed=Keyed.REQUEST, events=(e.DecisionRequested,), max_value_bytes=MIB, append_time=True,
    writers=("upstream", "gateway", "desk", "operator"),  # the desk only what was there once: dead letters, sent again
    readers=("inference", "index", "gateway", "desk", "operator", "audit"),
)  # fmt: skip
PREDICTIONS: Final[Topic[e.PredictionMade]] = Topic(
    name="predictions", keyed=Keyed.REQUEST, events=(e.PredictionMade,),
    writers=("inference", "operator"), readers=("router", "index", "desk", "operator", "audit"),
)  # fmt: skip
AUTO_APPROVE: Final[Topic[e.AutoApproved]] = Topic(
    name="auto-approve", keyed=Keyed.REQUEST, events=(e.AutoApproved,),
    writers=("router",), readers=("index", "desk", "operator", "audit"),
)  # fmt: skip


def _review(priority: Priority) -> Topic[e.ReviewRequested]:
    return Topic(
        name=f"review.{priority}", keyed=Keyed.REQUEST, events=(e.ReviewRequested,),
        writers=("router", "casework", "operator"),
        readers=("casework", "reviewer-apps", "desk", "gateway", "index", "operator", "audit"),
    )  # fmt: skip


REVIEW: Final[Mapping[Priority, Topic[e.ReviewRequested]]] = {p: _review(p) for p in Priority}
EXPERT: Final[Topic[e.ExpertReviewRequested]] = Topic(
    name="expert", keyed=Keyed.REQUEST, events=(e.ExpertReviewRequested,),
    writers=("router", "casework", "operator"),
    readers=("casework", "expert-apps", "desk", "gateway", "index", "operator", "audit"),
)  # fmt: skip
REVIEW_DECISIONS: Final[Topic[e.ReviewDecided]] = Topic(
    name="review-decisions", keyed=Keyed.REQUEST, events=(e.ReviewDecided,), max_value_bytes=MIB, append_time=True,
    arbitrated=True,
    writers=("desk", "reviewer-apps", "expert-apps", "operator"),
    readers=("casework", "index", "desk", "operator", "audit"),
)  # fmt: skip
REVIEW_COMMANDS: Final[Topic[e.CaseActionRequested]] = Topic(
    name="review-commands", keyed=Keyed.REQUEST, events=(e.CaseActionRequested,), max_value_bytes=MIB, append_time=True,
    arbitrated=True,
    writers=("desk", "reviewer-apps", "expert-apps", "operator"),
    readers=("casework", "index", "desk", "operator", "audit"),
)  # fmt: skip
APPEALS: Final[Topic[e.AppealFiled | e.AppealNoted | e.AppealRefused]] = Topic(  # reviewers must not read it
    name="appeals", keyed=Keyed.REQUEST, events=(e.AppealFiled, e.AppealNoted, e.AppealRefused), append_time=True,
    writers=("gateway", "casework", "operator"), readers=("casework", "gateway", "index", "desk", "operator", "audit"),
)  # fmt: skip
ASSIGNMENTS: Final[
    Topic[
        e.CaseOpened | e.CaseAnnounced | e.CaseEscalated | e.CaseClosed | e.CaseReopened | e.DecisionRefused
        | e.LeaseGranted | e.LeaseExtended | e.LeaseEnded | e.CaseHeld | e.HoldEnded | e.CaseNoted
        | e.CaseReprioritised | e.CaseReturned | e.AnswerReceived | e.AnswerWithdrawn | e.AnswerCounted
        | e.CommandRefused
    ]
] = Topic(
    name="assignments", keyed=Keyed.REQUEST,
    events=(
        e.CaseOpened, e.CaseAnnounced, e.CaseEscalated, e.CaseClosed, e.CaseReopened, e.DecisionRefused,
        e.LeaseGranted, e.LeaseExtended, e.LeaseEnded, e.CaseHeld, e.HoldEnded, e.CaseNoted,
        e.CaseReprioritised, e.CaseReturned, e.AnswerReceived, e.AnswerWithdrawn, e.AnswerCounted,
        e.CommandRefused,
    ),
    writers=("casework",),
    readers=("desk", "reviewer-apps", "expert-apps", "gateway", "index", "insights", "operator", "audit"),
)  # fmt: skip
OUTCOMES: Final[Topic[e.DecisionMade | e.OutcomeAmended | e.OutcomeUpheld]] = Topic(
    name="outcomes", keyed=Keyed.REQUEST, events=(e.DecisionMade, e.OutcomeAmended, e.OutcomeUpheld),
    writers=("router", "casework"), readers=("upstream", "gateway", "index", "desk", "operator", "audit"),
)  # fmt: skip
AUDITS: Final[
    Topic[
        e.AuditDrawn | e.AuditAnswered | e.AuditExpired | e.GoldAnswered | e.OverlapAnswered | e.DecisionValidated
    ]
] = Topic(
    name="audits", keyed=Keyed.WORKFLOW,
    events=(
        e.AuditDrawn, e.AuditAnswered, e.AuditExpired, e.GoldAnswered, e.OverlapAnswered, e.DecisionValidated,
    ),
    writers=("router", "casework", "operator"), readers=("assurance", "insights", "index", "desk", "operator", "audit"),
)  # fmt: skip
FEEDBACK: Final[Topic[e.FeedbackRecorded]] = Topic(
    name="feedback", keyed=Keyed.WORKFLOW, events=(e.FeedbackRecorded,),
    writers=("casework", "operator"),
    readers=("feedback", "training", "insights", "index", "desk", "operator", "audit"),
)  # fmt: skip
RETRAINING: Final[Topic[e.RetrainingRequested]] = Topic(
    name="retraining", keyed=Keyed.WORKFLOW, events=(e.RetrainingRequested,), max_value_bytes=MIB,
    writers=("feedback", "operator"), readers=("training", "feedback", "desk", "operator", "audit"),
)  # fmt: skip
MODELS: Final[Topic[e.ModelTrained | e.ModelEvaluated | e.ModelPromoted | e.ModelRefused]] = Topic(
    name="models", keyed=Keyed.WORKFLOW, events=(e.ModelTrained, e.ModelEvaluated, e.ModelPromoted, e.ModelRefused),
    max_value_bytes=MIB, config=True,
    writers=("training", "operator"), readers=("inference", "training", "desk", "insights", "operator", "audit"),
)  # fmt: skip
POLICIES: Final[Topic[e.PolicyPublished | e.PolicyRefused]] = Topic(
    name="policies", keyed=Keyed.WORKFLOW, events=(e.PolicyPublished, e.PolicyRefused), max_value_bytes=MIB,
    config=True,
    writers=("operator",),
    readers=(
        "inference", "router", "casework", "feedback", "training", "assurance", "gateway", "desk", "insights",
        "operator", "audit",
    ),
)  # fmt: skip
REVIEWERS: Final[Topic[e.ReviewerEnrolled | e.ReviewerAssessed]] = Topic(
    name="reviewers", keyed=Keyed.REVIEWER, events=(e.ReviewerEnrolled, e.ReviewerAssessed), max_value_bytes=MIB,
    config=True,
    writers=("assurance", "desk", "operator"),
    readers=("casework", "assurance", "desk", "insights", "operator", "audit"),
)  # fmt: skip
GOLD: Final[Topic[e.GoldAdded | e.GoldRetired]] = Topic(
    name="gold", keyed=Keyed.WORKFLOW, events=(e.GoldAdded, e.GoldRetired), config=True,
    writers=("desk", "operator"), readers=("casework", "desk", "operator", "audit"),
)  # fmt: skip
IDENTITIES: Final[Topic[e.SigningKeyPublished | e.SigningKeyRetired | e.TokenRevoked]] = Topic(
    name="identities", keyed=Keyed.KEY, events=(e.SigningKeyPublished, e.SigningKeyRetired, e.TokenRevoked),
    max_value_bytes=MIB, config=True,
    writers=("operator",), readers=("casework", "gateway", "desk", "operator", "audit"),
)  # fmt: skip
ACCESS: Final[
    Topic[
        e.PersonSignedIn | e.PersonSignedOut | e.SessionsEnded | e.AccessRefused | e.RequestViewed | e.DeedDone
    ]
] = Topic(
    name="access", keyed=Keyed.REVIEWER, append_time=True,
    events=(
        e.PersonSignedIn, e.PersonSignedOut, e.SessionsEnded, e.AccessRefused, e.RequestViewed, e.DeedDone,
    ),
    writers=("desk", "operator"), readers=("operator", "audit"),
)  # fmt: skip
TALLIES: Final[Topic[e.StageTallied]] = Topic(
    name="tallies", keyed=Keyed.STAGE, events=(e.StageTallied,),
    writers=("inference", "router", "casework", "feedback", "training", "assurance"),
    readers=("insights", "operator", "audit"),
)  # fmt: skip
DEAD_LETTERS: Final[Topic[e.DeadLettered]] = Topic(
    name="dead-letters", keyed=Keyed.ORIGINAL, events=(e.DeadLettered,),
    writers=("inference", "router", "casework", "feedback", "training", "assurance"),
    readers=("router", "operator", "gateway", "desk", "index", "insights", "audit"),
)  # fmt: skip
REPLAYS: Final[Topic[e.DeadLetterReplayed]] = Topic(
    name="replays", keyed=Keyed.REVIEWER, events=(e.DeadLetterReplayed,), max_value_bytes=MIB, append_time=True,
    writers=("desk", "operator"), readers=("desk", "operator", "audit"),
)  # fmt: skip
CASES: Final[Topic[e.CaseSnapshot]] = Topic(
    name="cases", keyed=Keyed.REQUEST, events=(e.CaseSnapshot,), compacted=True,
    writers=("casework",), readers=("casework", "index", "operator", "audit"),
)  # fmt: skip

TOPICS: Final[tuple[Topic[Any], ...]] = (
    REQUESTS, PREDICTIONS, AUTO_APPROVE, *REVIEW.values(), EXPERT, REVIEW_DECISIONS, REVIEW_COMMANDS, APPEALS,
    ASSIGNMENTS, OUTCOMES, AUDITS, FEEDBACK, RETRAINING, MODELS, POLICIES, REVIEWERS, GOLD, IDENTITIES, ACCESS,
    TALLIES, DEAD_LETTERS, REPLAYS, CASES,
)  # fmt: skip
BY_NAME: Final[Mapping[str, Topic[Any]]] = {topic.name: topic for topic in TOPICS}
