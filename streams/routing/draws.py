"""Chance that can be replayed: draws by keyed hash of the request id, which nobody outside can foresee."""

from functools import cache
from hashlib import sha256
from typing import Final, Protocol, Self

from schemas.values import Split

AUDIT: Final = "audit"
BLIND: Final = "blind"
SPLIT: Final = "split"
OVERLAP: Final = "overlap"
VALIDATION: Final = "validation"
BLOCK: Final = 64  # bytes that SHA-256 takes at once
BITS: Final = 53  # of a float's mantissa: with all 256 the quotient could round to 1


class _Hash(Protocol):
    def copy(self) -> Self: ...

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def draw(salt: bytes, purpose: str, request_id: str) -> float:
    """Uniform in [0, 1): HMAC-SHA256(salt, purpose ‖ 0 ‖ request id) / 2^256. A purpose contains no zero byte."""
    keyed_inner, keyed_outer = _keyed(salt)
    inner, outer = keyed_inner.copy(), keyed_outer.copy()
    inner.update(f"{purpose}\0{request_id}".encode())
    outer.update(inner.digest())
    return (int.from_bytes(outer.digest()[:8]) >> (64 - BITS)) / (1 << BITS)


@cache
def _keyed(salt: bytes) -> tuple[_Hash, _Hash]:
    """Inner and outer hash of HMAC (RFC 2104) with the key taken in: `hmac.digest` sets it up anew, at 3 × the cost."""
    key = (sha256(salt).digest() if len(salt) > BLOCK else salt).ljust(BLOCK, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in key)), sha256(bytes(byte ^ 0x5C for byte in key))


def split_of(u: float) -> Split:
    """Which use a blind answer has: 40 % train, 30 % gate, 30 % certificate."""
    if u < 0.4:
        return Split.TRAIN
    return Split.GATE if u < 0.7 else Split.CERTIFICATE
