"""Chance that can be replayed: draws by keyed hash of the request id, which nobody outside can foresee."""

import hmac
from typing import Final

from schemas.values import Split

AUDIT: Final = "audit"
BLIND: Final = "blind"
SPLIT: Final = "split"
BITS: Final = 53  # of a float's mantissa: with all 256 the quotient could round to 1


def draw(salt: bytes, purpose: str, request_id: str) -> float:
    """Uniform in [0, 1): HMAC-SHA256(salt, purpose ‖ 0 ‖ request id) / 2^256. A purpose contains no zero byte."""
    digest = hmac.digest(salt, f"{purpose}\0{request_id}".encode(), "sha256")
    return (int.from_bytes(digest[:8]) >> (64 - BITS)) / (1 << BITS)


def split_of(u: float) -> Split:
    """Which use a blind answer has: 40 % train, 30 % gate, 30 % certificate."""
    if u < 0.4:
        return Split.TRAIN
    return Split.GATE if u < 0.7 else Split.CERTIFICATE
