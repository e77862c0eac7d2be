"""What confluent_kafka raises, turned into our errors.

HitlError
├── LogUnavailable          no answer in time
├── TopicMissing            a topic of the catalogue was not created
├── RecordsLost             a position points at records that are no longer kept
├── WriteRefused            the cluster will never take this record
└── FatalConfiguration
    └── AccessDenied        the credentials may not do this
"""

from enum import Enum, auto

from confluent_kafka import KafkaError, KafkaException

from infra.errors import FatalConfiguration, HitlError
from infra.kafka.client_log import LOGGER
from infra.kafka.errors import CommitIndefinite, InstanceFenced, ProducerFenced, RecordsLost, TransactionAborted

FATAL = frozenset({KafkaError._FENCED, KafkaError._FATAL})
DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)
REFUSED = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.POLICY_VIOLATION})
MISSING = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION})
STALE_MEMBER = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
    }
)
PASSING = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REQUEST_TIMED_OUT,
    }
)


class LogUnavailable(HitlError):
    """No broker answered in time; start the local stack with `hitl up`, or correct HITL_BOOTSTRAP_SERVERS (a cluster
    with TLS or passwords also wants HITL_KAFKA_SECURITY_PROTOCOL and so on)."""


class TopicMissing(HitlError):
    """A topic does not exist; create the topics with `hitl topics apply`."""


class WriteRefused(HitlError):
    """The cluster refuses a record for good; compare the topics with the catalogue by `hitl topics check`."""


class AccessDenied(FatalConfiguration):
    """The cluster denies access; correct the credentials (HITL_KAFKA_…) or the access rights (`hitl topics acl`)."""


class Heard:
    """Why the brokers do not let a client in, as its connections say by the way; a question just gets no answer."""

    def __init__(self) -> None:
        self._refused: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """The callback for librdkafka's errors."""
        LOGGER.warning("%s", error.str(), extra={"action": "client_error"})
        # A broker that goes down in the middle of a greeting is no refusal.
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL) and "disconnected" not in error.str().lower():
            self._refused = error

    def forget(self) -> None:
        """Ask anew: what was heard before does not count."""
        self._refused = None

    def refusal(self, about: str) -> "AccessDenied | None":
        """The error, once a broker refused us."""
        return None if self._refused is None else _denied(f"{about}: {self._refused.str()}")


class Phase(Enum):
    """What a producer was doing when it failed."""

    WRITING = auto()  # nothing can have been committed
    ENDING = auto()  # commit or abort: it may have taken effect


def kafka_error(raised: KafkaException) -> KafkaError:
    """The error inside the exception."""
    error = raised.args[0]
    return error if isinstance(error, KafkaError) else KafkaError(KafkaError._FAIL, str(raised))


def is_passing(error: KafkaError) -> bool:
    """Whether asking again may help."""
    return error.code() in PASSING or error.retriable()


def refusal(error: KafkaError, about: str) -> HitlError | None:
    """Our error when trying again is of no use; `about` says what was tried."""
    code, said = error.code(), f"{about}: {error.str()}"
    if code == KafkaError.CLUSTER_AUTHORIZATION_FAILED:  # a broker's own words are its whole request
        return _denied(f"{about}: {KafkaError(code).str()}")
    if code in DENIED:
        return _denied(said)
    if code in REFUSED:
        return WriteRefused(f"{said}. Compare the topics with the catalogue by `hitl topics check`.")
    if code in MISSING:
        return TopicMissing(f"{said}. Create the topics with `hitl topics apply`.")
    if code in OUT_OF_RANGE:
        return RecordsLost(f"{said}. {RecordsLost.__doc__}")
    return None


def unavailable(
    error: KafkaError, about: str, servers: str, seconds: float, heard: Heard | None = None
) -> HitlError:
    """Our error for a question that was not answered within `seconds`; what was `heard` may say why."""
    meaning = " ".join((LogUnavailable.__doc__ or "").split())
    return (
        refusal(error, about)
        or (heard.refusal(about) if heard else None)
        or LogUnavailable(f"{about}: {servers} gave no answer within {seconds:g} s ({error.str()}). {meaning}")
    )


def _denied(said: str) -> AccessDenied:
    return AccessDenied(
        f"{said.rstrip('.')}. Correct the credentials (HITL_KAFKA_…) or the access rights; see `hitl topics acl`."
    )


def consumer_failure(error: KafkaError, about: str) -> HitlError | None:
    """Our error for one that a consumer reports in place of a record; None when it recovers by itself."""
    # The code of a fatal error is _FATAL, whatever the cause; only its text tells. The classic protocol has one cause.
    if error.code() == KafkaError.FENCED_INSTANCE_ID or (
        error.code() == KafkaError._FATAL and "group.instance.id" in error.str()
    ):
        return InstanceFenced()
    if error.code() == KafkaError._FATAL or error.fatal():
        return HitlError(f"{about}: {error.str()}")
    return refusal(error, about)


def producer_failure(error: KafkaError, phase: Phase) -> Exception:
    """Which way out of the open transaction is left: one of `TransactionError`, or a refusal."""
    code, said = error.code(), error.str()
    if code in DENIED | REFUSED and (refused := refusal(error, "writing")):
        return refused
    if code in FATAL or error.fatal():
        return ProducerFenced(said)
    # FENCED_INSTANCE_ID proves no second process here: our own former membership gives it, too. The consumer will know.
    if error.txn_requires_abort() or phase is Phase.WRITING:
        return TransactionAborted(said)
    return CommitIndefinite(said)
