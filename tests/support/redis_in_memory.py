"""Redis as the read model asks it, over dictionaries: `Tables` that answer. Passes the suite that a real one passes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any

from infra.redis.connection import Command, Connection, Script, Word
from tests.support.tables import Tables


def _bytes(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


class RedisInMemory(Connection):
    """What was applied to its tables, and hashes by name. It runs no scripts."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.hashes: dict[str, dict[str, bytes]] = {}

    def call(self, *words: Word) -> Any:
        name, key, *rest = words
        match name:
            case "GET":
                return self._string(key)
            case "MGET":
                return [self._string(each) for each in (key, *rest)]
            case "SMEMBERS":
                return {_bytes(each) for each in self.tables.sets.get(key, ())}
            case "SCARD":
                return len(self.tables.sets.get(key, ()))
            case "ZCARD":
                return len(self.tables.sorted_sets.get(key, {}))
            case "ZCOUNT":
                low, high = _range(self._scores(key), rest[0], rest[1])
                return max(0, high - low)
            case "ZRANGE":
                return self._range(key, [_text(word) for word in rest])
            case "HMGET":
                return [self.hashes.get(_text(key), {}).get(_text(each)) for each in rest]
            case "HVALS":
                return list(self.hashes.get(_text(key), {}).values())
        raise AssertionError(f"the read model is not asked by {name!r}")

    def together(self, commands: Sequence[Command]) -> list[Any]:
        return [self.call(*command) for command in commands]

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        raise AssertionError("no script runs here")

    def close(self) -> None: ...

    def _string(self, key: Word) -> bytes | None:
        found = self.tables.strings.get(key)
        return None if found is None else _bytes(found)

    def _ranked(self, key: Word) -> list[tuple[float, bytes]]:
        return sorted((score, _bytes(member)) for member, score in self.tables.sorted_sets.get(key, {}).items())

    def _scores(self, key: Word) -> list[float]:
        return [score for score, _ in self._ranked(key)]

    def _range(self, key: Word, words: list[str]) -> list[bytes]:
        first, last, *options = words
        ranked = self._ranked(key)
        if "BYSCORE" in options:
            ends = (last, first) if "REV" in options else (first, last)
            low, high = _range([score for score, _ in ranked], *ends)
            found = ranked[low:high][:: -1 if "REV" in options else 1]
            if "LIMIT" in options:
                offset, count = map(int, options[options.index("LIMIT") + 1 :][:2])
                found = found[offset : offset + count]
        else:
            stop = int(last)
            found = ranked[int(first) : stop + 1 if stop >= 0 else len(ranked) + stop + 1]
        return list(_words(found, with_scores="WITHSCORES" in options))


def _words(found: Iterable[tuple[float, bytes]], *, with_scores: bool) -> Iterable[bytes]:
    for score, member in found:
        yield member
        if with_scores:
            yield str(score).encode()


def _range(scores: Sequence[float], first: Word, last: Word) -> tuple[int, int]:
    """Ranks from the first score to the last, which a bracket before it leaves out."""
    low, high = _text(first), _text(last)
    start = bisect_right(scores, _number(low)) if low.startswith("(") else bisect_left(scores, _number(low))
    end = bisect_left(scores, _number(high)) if high.startswith("(") else bisect_right(scores, _number(high))
    return start, end


def _number(text: str) -> float:
    text = text.removeprefix("(")
    return {"-inf": -inf, "+inf": inf}.get(text) or float(text)


def _text(word: Word) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
