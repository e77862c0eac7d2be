"""Which events are about a request, and where they lie: whatever the record is not told, a timeline is."""

from collections.abc import Iterable
from typing import Final

from infra.kafka.stage import Message
from infra.redis.places import PLACED, Places, place_number, with_places
from schemas.topics import BY_NAME, Keyed

PLACED_ONES: Final = frozenset(PLACED)
UNDER_ITS_ID: Final = frozenset(name for name in PLACED if BY_NAME[name].keyed is Keyed.REQUEST)


def about(message: Message) -> str | None:
    """The request that an event is about; None for one that lies under another key, which is refused."""
    name = getattr(message.event, "request_id", None)
    if not isinstance(name, str) or message.topic not in PLACED_ONES:
        return None
    return name if message.topic not in UNDER_ITS_ID or message.key == name.encode() else None


def placed(known: Places | None, messages: Iterable[Message]) -> Places | None:
    """With the places of these events."""
    return with_places(known, (place_number(m.coordinates) for m in messages if m.topic in PLACED_ONES))
