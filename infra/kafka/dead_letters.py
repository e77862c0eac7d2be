"""Dead letters: what a record that cannot be processed becomes, and the limit beyond which a stage stops."""

from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from infra.kafka.errors import DeadLetterFlood, InvalidMessage, Reason
from infra.kafka.log import Record
from schemas.events import DeadLettered
from schemas.ids import derive_id
from schemas.topics import BY_NAME, DEAD_LETTERS, Outgoing
from schemas.values import Coordinates

WINDOW: Final = 1_000  # records over which the share of dead letters is watched
LIMIT: Final = 500  # dead letters within the window, or in a row, that stop a stage
LARGEST_KEY: Final = 64 * 1024  # bytes of a key that a dead letter keeps
ROOM: Final = 64 * 1024  # bytes a dead letter needs beside the key and the body
LONGEST_NAME: Final = 200  # characters that are kept of a workflow that nobody knows, in letters and in counts


def dead_letter(
    stage: str, record: Record, error: InvalidMessage, *, now: int, config_offsets: Mapping[str, int]
) -> Outgoing:
    """The dead letter of a record: whole, unless it is beyond the size its topic allows; then its digest only."""
    value, key = record.value or b"", record.key
    keeps_key = key is not None and len(key) <= LARGEST_KEY
    fits = len(value) <= min(BY_NAME[record.topic].max_value_bytes, DEAD_LETTERS.max_value_bytes - LARGEST_KEY - ROOM)
    letter = DeadLettered(
        event_id=derive_id("dead", stage, record.topic, record.partition, record.offset),
        stage=stage,
        reason=error.reason,
        detail=error.detail[:2_000],
        origin=Coordinates(topic=record.topic, partition=record.partition, offset=record.offset),
        original_key=key if keeps_key else None,
        original_value=record.value if fits else None,
        original_sha256=sha256(value).digest(),
        original_size=len(value),
        original_timestamp=record.timestamp,
        workflow=shortened(error.workflow),
        request_id=shortened(error.request_id),
        config_offsets=dict(config_offsets),
        dead_lettered_at=now,
    )
    return Outgoing(DEAD_LETTERS.name, (key or b"") if keeps_key else b"", letter, record.partition)


def shortened(name: str | None) -> str | None:
    """What a record calls something, at most `LONGEST_NAME` characters of it: a name may be as long as its record."""
    return name if name is None or len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


class FloodGate:
    """Counts dead letters among the last records; `accept` of them are let through uncounted.

    What an aborted transaction counted is counted again when it is done again: `keep` at a commit, `back` at an abort.
    """

    def __init__(self, stage: str, *, accept: int = 0) -> None:
        self._stage, self._accept = stage, accept
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._dead = self._in_a_row = 0
        self.keep()

    def keep(self) -> None:
        """The transaction was committed: what it counted stays."""
        self._kept = (self._recent.copy(), self._dead, self._in_a_row, self._accept)

    def back(self) -> None:
        """The transaction was aborted: what it counted never was."""
        recent, self._dead, self._in_a_row, self._accept = self._kept
        self._recent = recent.copy()

    def good(self, count: int) -> None:
        """Records that could be processed."""
        if count:
            self._in_a_row = 0
        if not self._dead:
            return  # nothing to forget: good records alone never stop a stage
        for _ in range(min(count, WINDOW)):
            self._push(False)

    def dead(self, reason: Reason) -> None:
        """One dead letter. Raises `DeadLetterFlood` when it is one too many."""
        if self._accept:
            self._accept -= 1
            return
        self._push(True)
        self._in_a_row += 1
        if self._in_a_row >= LIMIT or self._dead > LIMIT:
            raise DeadLetterFlood(
                f"{self._stage} stopped: {self._dead} of the last {WINDOW} records could not be processed, "
                f"{self._in_a_row} in a row, the last one {reason}. Look at them with `hitl dead-letters list`, mend "
                f"the sender, then resume with `hitl run {self._stage} --accept-dead-letters N`."
            )

    def _push(self, dead: bool) -> None:
        if len(self._recent) == WINDOW:
            self._dead -= self._recent[0]
        self._recent.append(dead)
        self._dead += dead
