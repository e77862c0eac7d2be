"""How often each question whose answer is known was asked, and how often the answer was right."""

from collections.abc import Iterable, Iterator
from typing import Final

from infra.kafka.stage import Message
from infra.redis.connection import Command
from infra.redis.keys import Keys
from schemas.events import GoldAnswered

KEPT: Final = 90 * 86_400_000  # milliseconds since the answer


def gold_counted(messages: Iterable[Message], *, keys: Keys, now: int) -> Iterator[Command]:
    """What Redis is told of answers to such questions; by request id, so that what is read twice counts once."""
    for message in messages:
        event = message.event
        if not isinstance(event, GoldAnswered) or event.answered_at <= now - KEPT:
            continue
        asked = keys.gold_asked(event.workflow, event.gold_id)
        names = (asked, keys.gold_right(event.workflow, event.gold_id)) if event.agrees else (asked,)
        for name in names:
            yield ("ZADD", name, str(event.answered_at), event.request_id)
            yield ("ZREMRANGEBYSCORE", name, "-inf", str(now - KEPT))
            yield ("PEXPIRE", name, str(KEPT))
