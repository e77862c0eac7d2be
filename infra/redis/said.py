"""What was answered to a request, as the read model keeps it. Times in milliseconds since the epoch."""

from enum import StrEnum

import msgspec


class Voice(StrEnum):
    """As what somebody answered."""

    MODEL = "model"
    ONE_OF_SEVERAL = "one_of_several"  # people who answered the same case
    BLIND = "blind"  # without knowing what the model had answered
    DECISION = "decision"
    VALIDATION = "validation"  # an expert about a finished decision that chance drew
    AMENDED = "amended"
    UPHELD = "upheld"


class Said(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One answer to a request, with which others may disagree; the model is nobody."""

    voice: Voice
    at: int
    label: str
    reviewer_id: str | None = None


def in_time(said: Said) -> tuple[int, str, str, str]:
    """The order of answers: by time, and at one time the same whatever was read first."""
    return said.at, said.voice.value, said.reviewer_id or "", said.label
