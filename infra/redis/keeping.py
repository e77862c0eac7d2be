"""Small values that end by themselves, as sessions do: in Redis for several processes, in memory for one.

They lie beside the read model and never in it: the index deletes what begins with its own prefix, and not these.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from infra.redis.connection import Connection

MOST_IN_MEMORY: Final = 50_000  # values of about a kilobyte


class Keeping(Protocol):
    """Values by name, each for so many milliseconds. Every call may raise `RedisUnavailable`."""

    def put(self, name: str, value: bytes, *, keep_ms: int) -> None:
        """Keep it, whatever was there."""

    def replace(self, name: str, value: bytes, *, keep_ms: int) -> bool:
        """Keep it if something is there, and say whether it was: what has ended meanwhile does not come back."""

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """What is there under each name."""

    def take(self, name: str) -> bytes | None:
        """What is there, and end it, in one step: of all who take it one gets it."""


class RedisKeeping:
    """In Redis or Valkey, one installation apart from another by its topic prefix."""

    def __init__(self, redis: Connection, topic_prefix: str) -> None:
        self._redis, self._prefix = redis, f"{{{topic_prefix}desk}}:"

    def put(self, name: str, value: bytes, *, keep_ms: int) -> None:
        self._redis.call("SET", self._prefix + name, value, "PX", keep_ms)

    def replace(self, name: str, value: bytes, *, keep_ms: int) -> bool:
        return self._redis.call("SET", self._prefix + name, value, "PX", keep_ms, "XX") is not None

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = self._redis.call("MGET", *(self._prefix + name for name in names))
        return found

    def take(self, name: str) -> bytes | None:
        found: bytes | None = self._redis.call("GETDEL", self._prefix + name)
        return found


class MemoryKeeping:
    """In this process, and gone with it. `clock` in milliseconds; when it is full, what ends first has to go."""

    def __init__(self, clock: Callable[[], int], *, most: int = MOST_IN_MEMORY) -> None:
        self._clock, self._most = clock, most
        self._kept: dict[str, tuple[int, bytes]] = {}

    def put(self, name: str, value: bytes, *, keep_ms: int) -> None:
        if name not in self._kept and len(self._kept) >= self._most:
            self._make_room()
        self._kept[name] = (self._clock() + keep_ms, value)

    def replace(self, name: str, value: bytes, *, keep_ms: int) -> bool:
        there = self._standing(name) is not None
        if there:
            self.put(name, value, keep_ms=keep_ms)
        return there

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        return [self._standing(name) for name in names]

    def take(self, name: str) -> bytes | None:
        found = self._standing(name)
        self._kept.pop(name, None)
        return found

    def _standing(self, name: str) -> bytes | None:
        ends, value = self._kept.get(name, (0, b""))
        return value if ends > self._clock() else None

    def _make_room(self) -> None:
        now = self._clock()
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) >= self._most:
            del self._kept[min(self._kept, key=lambda name: self._kept[name][0])]
