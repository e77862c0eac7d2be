"""A request id is decided once: which contents were seen within a window of append time, per partition."""

from collections import deque
from enum import Enum, auto
from hashlib import sha256
from typing import Final

from infra.kafka.stage import Keyed

HOUR: Final = 3_600_000  # milliseconds
DIGEST_BYTES: Final = 16

Seen = tuple[bytes, int]  # digest of the content, append time of the last request that had it (milliseconds)


class Sighting(Enum):
    """What an id is to the window that has it."""

    REPEAT = auto()
    CONFLICT = auto()


def content_digest(body: bytes, fingerprint: bytes) -> bytes:
    """Digest of a request as stored: its Avro body and the schema that wrote it."""
    return sha256(fingerprint + body).digest()[:DIGEST_BYTES]


class Window(Keyed[Seen]):
    """Ids seen within `width` milliseconds before the newest append time seen. About 310 bytes an id.

    A repeat renews its id, so that the window is the same whether it was kept or read back from any earlier point.
    """

    __slots__ = ("_pending_clock", "_queue", "clock", "width")

    def __init__(self, width: int = HOUR) -> None:
        super().__init__()
        self.width = width
        self.clock = self._pending_clock = 0  # newest append time seen
        self._queue: deque[tuple[int, str]] = deque()  # what was committed, to be forgotten in this order

    def sight(self, request_id: str, digest: bytes, at: int) -> Sighting | None:
        """What this content under this id, appended `at`, is to the window, None when it is new; changes nothing."""
        seen = self.get(request_id)
        if seen is None or seen[1] < max(self._pending_clock, at) - self.width:
            return None
        return Sighting.REPEAT if seen[0] == digest else Sighting.CONFLICT

    def note(self, request_id: str, digest: bytes, at: int) -> None:
        """Remember what was decided or was a repeat, within the open transaction."""
        self.put(request_id, (digest, at))
        if at > self._pending_clock:
            self._pending_clock = at

    def commit(self) -> None:
        for request_id, seen in self.pending.items():
            if seen is not None:
                self._queue.append((seen[1], request_id))
        super().commit()
        self.clock = self._pending_clock
        self._forget()

    def discard(self) -> None:
        super().discard()
        self._pending_clock = self.clock

    def _forget(self) -> None:
        """Drop what has left the window; decisions do not depend on when."""
        queue, committed, oldest = self._queue, self.committed, self.clock - self.width
        while queue and queue[0][0] < oldest:
            at, request_id = queue.popleft()
            seen = committed.get(request_id)
            if seen is not None and seen[1] == at:
                del committed[request_id]
