"""Chance of the simulation: numbers that depend on nothing but what is named, so that every run can be repeated."""

import hashlib


def unit_draw(seed: int, purpose: str, record_id: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.sha256(f"{seed}\x1f{purpose}\x1f{record_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)
