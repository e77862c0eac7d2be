"""Hashed word 1-2-grams and character 2-5-grams of a whole batch of texts at once, without a loop over tokens.

A batch becomes one byte array `NUL NUL NUL NUL " text " NUL NUL NUL NUL " text " ...`; the NULs are wider than any
n-gram, so no feature ever sees a neighbour. A character n-gram fits into one 64-bit word and is hashed by
multiply-shift (Dietzfelbinger et al. 1997); a word by differences of a prefix polynomial modulo 2^64 (Rabin-Karp).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from infra.models.bags import Bags, Inputs, Parameters

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]

GAP: Final = "\0" * 4  # the longest n-gram less one
CHARACTER_ORDERS: Final = (2, 3, 4, 5)
MULTIPLIERS: Final = tuple(
    np.uint64(m) for m in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
)
BASE: Final = 0x5851F42D4C957F2D  # 5 modulo 8: its powers modulo 2^64 have the longest period
END: Final = np.uint64(0xA0761D6478BD642F)  # stands for the word after the last one
SPACES: Final = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
WORD_BYTES: Final = b"abcdefghijklmnopqrstuvwxyz0123456789_'" + bytes(range(0x80, 0x100))
# Which page a post links to, or whom it addresses, says little and would be learnt by heart.
LINKS: Final = re.compile(r"https?://\S+")
MENTIONS: Final = re.compile(r"@\w+")
SMALLEST_POWERS: Final = 1 << 16


def _table(members: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(members)] = True
    return table


IS_WORD: Final = _table(WORD_BYTES)
TO_SPACE: Final = bytes(0x20 if byte in SPACES else byte for byte in range(256))


@lru_cache(maxsize=4)
def _powers(size: int) -> tuple[Words, Words]:
    """BASE^i and BASE^-i modulo 2^64 for i < size."""
    inverse = pow(BASE, -1, 1 << 64)
    powers = np.full(size, np.uint64(BASE))
    inverses = np.full(size, np.uint64(inverse))
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def _batch_bytes(texts: list[str]) -> Bytes:
    """The batch as one byte array, see the module's docstring."""
    if "\0" in "".join(texts):
        texts = [text.replace("\0", " ") for text in texts]
    joined = "".join([f"{GAP} {text} " for text in texts] + [GAP]).lower()
    joined = MENTIONS.sub("@", LINKS.sub("\x01", joined))
    raw = joined.encode("utf-8", "surrogatepass").translate(TO_SPACE)
    array = np.frombuffer(raw, np.uint8)
    space = array == 0x20
    space[1:] &= space[:-1]
    return np.asarray(array[~space])


def _character_columns(text: Bytes, inside: NDArray[np.bool_], bits: int) -> NDArray[np.int32]:
    """Columns `[n, 4]` of the 2-, 3-, 4- and 5-gram that start at each of the n bytes inside a text."""
    padded = np.zeros(text.size + 8, np.uint8)
    padded[: text.size] = text
    windows = np.ndarray(text.size, "<u8", padded, strides=(1,))[inside]
    columns = np.empty((windows.size, len(CHARACTER_ORDERS)), np.int32)
    scratch = np.empty_like(windows)
    for place, (order, multiplier) in enumerate(zip(CHARACTER_ORDERS, MULTIPLIERS, strict=True)):
        np.left_shift(windows, np.uint64(64 - 8 * order), out=scratch)
        scratch >>= np.uint64(64 - 8 * order)
        scratch *= multiplier
        scratch >>= np.uint64(64 - bits)
        columns[:, place] = scratch
    return columns


def _word_hashes(text: Bytes) -> tuple[NDArray[np.int64], Words]:
    """Where each word starts, and its hash."""
    in_word = np.zeros(text.size + 1, np.bool_)
    np.take(IS_WORD, text, out=in_word[1:])
    edges = np.flatnonzero(in_word[1:] != in_word[:-1])  # the last byte is NUL, so edges come in pairs
    starts, ends = edges[0::2], edges[1::2]
    powers, inverses = _powers(max(SMALLEST_POWERS, 1 << text.size.bit_length()))
    prefix = np.zeros(text.size + 1, np.uint64)
    np.cumsum(text * powers[: text.size], out=prefix[1:])
    return starts, (prefix[ends] - prefix[starts]) * inverses[starts]


def _word_columns(hashes: Words, last: NDArray[np.int64], bits: int) -> NDArray[np.int32]:
    """Columns `[n, 2]` of each word and of the pair with its follower; `last` are the words that end a text."""
    shift = np.uint64(64 - bits)
    mixed = (hashes ^ (hashes >> np.uint64(32))) * MULTIPLIERS[0]
    follower = np.empty_like(mixed)
    follower[:-1] = mixed[1:]
    follower[last] = END
    pair = (mixed ^ (mixed >> np.uint64(29))) * MULTIPLIERS[1] + follower * MULTIPLIERS[2]
    columns = np.empty((hashes.size, 2), np.int32)
    columns[:, 0] = mixed >> shift
    columns[:, 1] = ((pair ^ (pair >> np.uint64(32))) * MULTIPLIERS[3]) >> shift
    columns += np.int32(1 << bits)
    return columns


@dataclass(frozen=True, slots=True)
class TextFeaturizer:
    """Characters and words, `2**bits` columns each, scaled to counts / sqrt(number of n-grams)."""

    bits: int = 18
    word_weight: float = 0.5  # measured on davidson: characters generalise better from few labels

    @property
    def name(self) -> str:
        return "text"

    @property
    def parameters(self) -> Parameters:
        return {"bits": self.bits, "word_weight": self.word_weight}

    @property
    def width(self) -> int:
        return 2 << self.bits

    def fitted(self, _inputs: Inputs, /) -> Self:
        return self

    def sizes(self, inputs: Inputs) -> NDArray[np.int64]:
        return np.fromiter(map(len, inputs), np.int64, len(inputs))

    def example(self) -> Inputs:
        return ["warm up"]

    def bags(self, inputs: Inputs) -> Bags:
        texts = [str(text) for text in inputs]
        text = _batch_bytes(texts)
        inside = text != 0
        first = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
        characters = _character_columns(text, inside, self.bits)
        gap = np.arange(1, first.size + 1) * len(GAP)
        starts, hashes = _word_hashes(text)
        first_word = np.searchsorted(starts, first)
        bounds = np.append(first_word, starts.size)
        last = bounds[1:][bounds[1:] > bounds[:-1]] - 1
        words = _word_columns(hashes, last, self.bits)
        offsets = np.concatenate([(first - gap) * 4, characters.size + 2 * first_word])
        counts = np.diff(np.append(offsets, characters.size + words.size))
        scale = (1.0 / np.sqrt(np.maximum(counts, 1))).reshape(2, -1)
        scale[1] *= self.word_weight
        indices = np.concatenate([characters.reshape(-1), words.reshape(-1)])
        return Bags(indices, offsets.astype(np.int32), None, scale.astype(np.float32))
