"""Policies, counts and dead letters.

Timestamps are milliseconds since the epoch; `avro/` holds the meaning of every field.
"""

import msgspec
from msgspec import field

from schemas.values import (
    Coordinates,
    OffsetRange,
    TallyRow,
)


class PolicyPublished(msgspec.Struct, frozen=True, kw_only=True):
    """From here on this policy is in force."""

    event_id: str
    workflow: str
    version: int
    digest: str
    document: str
    published_by: str
    published_at: int


class PolicyRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A policy file was not accepted; the running policy stays."""

    event_id: str
    workflow: str
    digest: str
    line: int | None = None
    reason: str
    published_by: str
    refused_at: int


class StageTallied(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction of a stage did, in counts."""

    event_id: str
    stage: str
    slot: str
    ranges: tuple[OffsetRange, ...]
    rows: tuple[TallyRow, ...]
    occurred_at: int


class DeadLettered(msgspec.Struct, frozen=True, kw_only=True):
    """A record could not be processed; nothing of it is lost."""

    event_id: str
    stage: str
    reason: str
    detail: str
    origin: Coordinates
    original_key: bytes | None = None
    original_value: bytes | None = None
    original_sha256: bytes
    original_size: int
    original_timestamp: int
    workflow: str | None = None
    request_id: str | None = None
    config_offsets: dict[str, int] = field(default_factory=dict)
    dead_lettered_at: int


class DeadLetterReplayed(msgspec.Struct, frozen=True, kw_only=True):
    """The original of a dead letter was sent again, as it was."""

    event_id: str
    reviewer_id: str
    letter: Coordinates
    origin: Coordinates
    sent: Coordinates
    request_id: str | None = None
    replayed_at: int
