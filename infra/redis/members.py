"""What stands in the sorted sets and sets of the read model. Times in milliseconds since the epoch."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from infra.redis.records import readable
from schemas.values import CaseStage

NEVER: Final = "+inf"  # the deadline of a case that has none, as a score
LaneKey = tuple[str, CaseStage, tuple[str, ...]]  # workflow, stage, skills in alphabetical order


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One answer in the account of a reviewer; `waited_ms` from the case's opening at that stage to the answer."""

    stage: CaseStage
    workflow: str
    sequence: int
    waited_ms: int
    request_id: str


class Over(StrEnum):
    """In which way people disagreed about a request."""

    SEVERAL = "several"  # those who answered the same case
    MODEL = "model"  # a person and the model
    VALIDATION = "validation"  # an expert and a finished decision that chance drew
    AMENDED = "amended"  # the decision was changed
    UPHELD = "upheld"  # it was contested, and confirmed


class DisagreementRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A finished request on which people disagreed: over what, the labels that were answered, and who answered."""

    request_id: str
    over: tuple[Over, ...]
    labels: tuple[str, ...]
    people: tuple[str, ...]


encode_row = _encode = msgspec.json.Encoder().encode
_rows = msgspec.json.Decoder(AnswerRow)
_lanes: msgspec.json.Decoder[LaneKey] = msgspec.json.Decoder(LaneKey)


_disagreements = msgspec.json.Decoder(DisagreementRow)


def decode_disagreement(value: bytes) -> DisagreementRow:
    """Raises `RecordUnreadable`."""
    return readable(_disagreements.decode, value)


def decode_row(value: bytes) -> AnswerRow:
    """A row of a reviewer's account. Raises `RecordUnreadable`."""
    return readable(_rows.decode, value)


def queue_member(opened_at: int, request_id: str) -> str:
    """A case among others with the same deadline: the older first, then by id.

    >>> queue_member(1_700_000_000_000, "r1")
    '1700000000000:r1'
    """
    return f"{opened_at:013d}:{request_id}"


def lane_name(workflow: str, stage: CaseStage, skills: Sequence[str]) -> str:
    """Cases that the same people are able to do, as the model names them.

    >>> lane_name("posts", CaseStage.HUMAN, ("french",))
    '["posts","human",["french"]]'
    """
    return _encode((workflow, stage, tuple(skills))).decode()


def lane_of(name: bytes) -> LaneKey:
    """The lane of a name. Raises `RecordUnreadable`."""
    return readable(_lanes.decode, name)


def queue_score(due_at: int | None) -> str:
    """The deadline as a score; cases without one come last."""
    return NEVER if due_at is None else str(due_at)


def flat(found: Sequence[object]) -> list[bytes]:
    """Members and scores in turn: redis-py hands them out flat or in pairs, as the protocol has it."""
    made: list[bytes] = []
    for each in found:
        made += each if isinstance(each, tuple | list) else (each,)
    return made
