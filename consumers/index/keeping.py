"""How a fact is kept: which of two, and whether it says anything new."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec.structs import replace

from infra.kafka.stage import Message
from infra.redis.records import Place, RequestRecord
from schemas.values import Coordinates

T = TypeVar("T")
Rule = Callable[[RequestRecord, Any, Message], RequestRecord]  # the facts after one more event


def place_of(coordinates: Coordinates) -> Place:
    """Coordinates as the model keeps them."""
    return Place(topic=coordinates.topic, partition=coordinates.partition, offset=coordinates.offset)


def changed(record: RequestRecord, *, updated_at: int, **facts: object) -> RequestRecord:
    """The record with these facts; the very same when they say nothing new."""
    if updated_at <= record.updated_at and all(getattr(record, name) == value for name, value in facts.items()):
        return record
    return replace(record, updated_at=max(updated_at, record.updated_at), **facts)


def greatest(there: T | None, new: T, key: Callable[[T], Any]) -> T:
    return new if there is None or key(new) > key(there) else there
