"""Which events are about a request, and where they lie: whatever the record is not told, a timeline is."""

from collections.abc import Iterable
from typing import Final

from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Message
from infra.redis.places import PLACED, Places, place_number, with_places
from schemas.topics import BY_NAME

PLACED_ONES: Final = frozenset(PLACED)
ANYWHERE: Final = frozenset(name for name in PLACED if BY_NAME[name].arbitrated)


def about(message: Message, partitions: int) -> str | None:
    """The request that an event is about; None for one that lies where none of that request may: it is refused.

    `partitions`: of the topics that are keyed by request. Whoever read the message has judged where the others lie.
    """
    name = getattr(message.event, "request_id", None)
    if not isinstance(name, str) or message.topic not in PLACED_ONES:
        return None
    if message.topic in ANYWHERE and not _is_in_place(message, name.encode(), partitions):
        return None
    return name


def _is_in_place(message: Message, key: bytes, partitions: int) -> bool:
    return message.key == key and message.partition == partition_of(key, partitions)


def placed(known: Places | None, messages: Iterable[Message]) -> Places | None:
    """With the places of these events."""
    return with_places(known, (place_number(m.coordinates) for m in messages if m.topic in PLACED_ONES))
