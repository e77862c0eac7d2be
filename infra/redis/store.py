"""The writing side of the read model: one owner, and every batch in one step with the offsets that it comes from.

A batch is applied only for the present owner and only onto the offsets that it was computed from, so that a repeated
batch or one of a former owner changes nothing. Within a batch what is derived comes first, records second, offsets
last: were a server to fail between two commands, the repetition mends it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from infra.redis.connection import Command, Connection, Script
from infra.redis.keys import Keys
from infra.redis.records import LAYOUT, RequestRecord, decode_record

SCANNED: Final = 1_000  # keys a step while clearing

APPLY: Final = Script("""\
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return 'lost' end
if owner ~= ARGV[1] then return 'fenced' end
local moves = cmsgpack.unpack(ARGV[2])
for _, move in ipairs(moves) do
  local at = redis.call('HGET', KEYS[2], move[1])
  if not at then return 'lost' end
  if at ~= move[2] then return 'moved' end
end
for _, command in ipairs(cmsgpack.unpack(ARGV[3])) do redis.call(unpack(command)) end
for _, move in ipairs(moves) do redis.call('HSET', KEYS[2], move[1], move[3]) end
return 'applied'
""")
TAKE_OVER: Final = Script("""\
if redis.call('HGET', KEYS[1], 'layout') ~= ARGV[2] then return nil end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return redis.call('HGETALL', KEYS[2])
""")
CLEAR: Final = Script("""\
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 'fenced' end
for at = 2, #ARGV do redis.call('UNLINK', ARGV[at]) end
return 'applied'
""")
BEGIN: Final = Script("""\
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 'fenced' end
redis.call('HSET', KEYS[1], 'layout', ARGV[2], 'rebuilding_since', ARGV[3])
for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
return 'applied'
""")


class Result(StrEnum):
    """What became of a write."""

    APPLIED = "applied"
    FENCED = "fenced"  # another owner has taken over; nothing was changed
    LOST = "lost"  # the model is gone, or a part of it; nothing was changed
    MOVED = "moved"  # the offsets are not where the batch begins; nothing was changed


class Move(NamedTuple):
    """The offset of a partition before and after a batch."""

    partition: str
    expected: int
    offset: int


class Held(NamedTuple):
    """The model as it stands: its owner and its offsets by partition."""

    owner: str | None
    offsets: Mapping[str, int]


class IndexStore:
    """The read model for its writer, which names itself by a `token` of its own."""

    def __init__(self, redis: Connection, keys: Keys, token: str) -> None:
        self._redis, self.keys, self._token = redis, keys, token
        self._both = (keys.meta, keys.offsets)

    def take_over(self) -> dict[str, int] | None:
        """Become the owner of what is there: its offsets; None when nothing is there that could be gone on with."""
        found: list[bytes] | None = self._redis.run(TAKE_OVER, self._both, (self._token, LAYOUT))
        return _offsets(dict(zip(found[::2], found[1::2], strict=True))) if found else None

    def begin(self, offsets: Mapping[str, int], *, now: int) -> Result:
        """Become the owner of an empty model that begins at these offsets; whatever was there is deleted."""
        self._redis.together([("HSET", self.keys.meta, "owner", self._token), ("HDEL", self.keys.meta, "layout")])
        cursor, ours = 0, _literal(self.keys.prefix) + "*"
        while True:
            cursor, found = self._redis.call("SCAN", cursor, "MATCH", ours, "COUNT", SCANNED)
            doomed = [key for key in found if key != self.keys.meta.encode()]
            if doomed and (result := Result(self._text(CLEAR, *doomed))) is not Result.APPLIED:
                return result
            if not cursor:
                break
        pairs = [word for pair in offsets.items() for word in pair]
        return Result(self._text(BEGIN, LAYOUT, now, *pairs))

    def held(self) -> Held:
        """Who owns the model now, and how far it is."""
        owner, offsets = self._redis.together([("HGET", self.keys.meta, "owner"), ("HGETALL", self.keys.offsets)])
        return Held(owner.decode() if owner else None, _offsets(offsets))

    def is_of_another(self, held: Held) -> bool:
        """Whether someone else owns it."""
        return held.owner is not None and held.owner != self._token

    def load(self, request_ids: Sequence[str]) -> list[RequestRecord | None]:
        """The records of these requests."""
        if not request_ids:
            return []
        found = self._redis.call("MGET", *(self.keys.request(name) for name in request_ids))
        return [None if value is None else decode_record(value) for value in found]

    def finished_before(self, moment: int, limit: int) -> list[str]:
        """Request ids that were finished before (milliseconds since the epoch), at most so many."""
        found = self._redis.call("ZRANGE", self.keys.finished, "-inf", f"({moment}", "BYSCORE", "LIMIT", 0, limit)
        return [name.decode() for name in found]

    def apply(self, commands: Sequence[Command], moves: Sequence[Move] = ()) -> Result:
        """All commands and the offsets after them, or nothing."""
        plain = [(move.partition, str(move.expected), str(move.offset)) for move in moves]
        packed = [tuple(_binary(word) if type(word) is bytes else word for word in command) for command in commands]
        return Result(self._text(APPLY, msgspec.msgpack.encode(plain), msgspec.msgpack.encode(packed)))

    def caught_up(self) -> Result:
        """Note that the model knows everything that was in the log when it was begun."""
        return self.apply([("HDEL", self.keys.meta, "rebuilding_since")])

    def close(self) -> None:
        self._redis.close()

    def _text(self, script: Script, *arguments: str | bytes | int) -> str:
        answer: bytes = self._redis.run(script, self._both, (self._token, *arguments))
        return answer.decode()


def _binary(value: bytes) -> msgspec.Raw:
    """Bytes as cmsgpack takes them: it knows MessagePack's strings of any bytes, not its binary type."""
    return msgspec.Raw(b"\xdb" + len(value).to_bytes(4) + value)


def _offsets(found: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(offset) for name, offset in found.items()}


def _literal(text: str) -> str:
    r"""A text as SCAN's pattern takes it.

    >>> _literal("{a*}:")
    '{a\\*}:'
    """
    return "".join(f"\\{char}" if char in r"*?[]\^" else char for char in text)
