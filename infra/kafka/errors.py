"""What can go wrong between a stage and the log.

TransactionError            the open transaction is over
├── TransactionAborted      abort, rewind, go on with the same producer
│   └── ConfigurationNewer  so on purpose: what was decided rests on what no longer holds
├── ProducerFenced          a newer producer has our id: rebuild and restore
└── CommitIndefinite        nobody knows whether it was committed: rebuild and restore
InvalidMessage              this record becomes a dead letter
NotReady                    this record is held until others were read
RecordsLost                 the log ends before, or begins after, what was processed
FatalConfiguration
├── InstanceFenced          a second process runs in this slot: exit, do not restart
└── DeadLetterFlood         too many dead letters: exit, say how to resume
"""

from enum import StrEnum

from infra.errors import FatalConfiguration, HitlError


class TransactionError(Exception):
    """The open transaction cannot be committed."""


class TransactionAborted(TransactionError):
    """The transaction must be aborted; the producer stays usable."""


class ConfigurationNewer(TransactionAborted):
    """The configuration changed since it was decided; it is decided again."""


class ProducerFenced(TransactionError):
    """Another producer with the same transactional id was started."""


class CommitIndefinite(TransactionError):
    """The result of the commit is unknown; it may still take effect."""


class Reason(StrEnum):
    """Why a record became a dead letter."""

    EMPTY = "empty"
    UNDECODABLE = "undecodable"
    UNKNOWN_SCHEMA = "unknown_schema"
    INVALID = "invalid"
    WRONG_EVENT = "wrong_event"
    WRONG_KEY = "wrong_key"
    WRONG_PARTITION = "wrong_partition"
    TOO_LARGE = "too_large"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    ID_CONFLICT = "id_conflict"


class InvalidMessage(Exception):
    """A record that cannot be processed, ever: it becomes a dead letter with this reason."""

    def __init__(
        self, reason: Reason, detail: str, *, workflow: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.workflow, self.request_id = reason, detail, workflow, request_id


class NotReady(Exception):
    """A record that can be processed only after others were read: it and its partition are held until then."""


class InstanceFenced(FatalConfiguration):
    """Another process runs in this slot: stop it, or give this one a slot of its own (HITL_SLOT)."""


class DeadLetterFlood(FatalConfiguration):
    """More than half of the last 1,000 records, or 500 in a row, could not be processed."""


class RecordsLost(HitlError):
    """Records after the committed position are no longer kept; restore them, or move the group's positions by hand."""
