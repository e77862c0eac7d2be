"""The records of one request as the story that they tell, whoever read them and in whatever order."""

import base64
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from infra.kafka.scan import Entry
from schemas.topics import TOPICS
from schemas.values import Coordinates
from streams.workflow.story import Record, RequestStory
from streams.workflow.timeline import story_of

RANK: Final = {topic.name: number for number, topic in enumerate(TOPICS)}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The story of one request, and the records of the log that tell it."""

    story: RequestStory
    records: tuple[Coordinates, ...]


def told_by(entries: Sequence[Entry]) -> Told | None:
    """What the records about one request tell; None when they tell nothing."""
    story = story_of(Record(entry.event, entry.timestamp) for entry in entries if entry.event is not None)
    if story is None:
        return None
    return Told(story=story, records=tuple(entry.coordinates for entry in in_order(entries)))


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """As they came into the log; what came in one millisecond in the order of the catalogue."""
    return sorted(entries, key=lambda entry: (entry.timestamp, RANK[entry.topic], entry.partition, entry.offset))


def plain(entry: Entry) -> dict[str, object]:
    """Any record as machines read it, bytes in base64."""
    made: dict[str, object] = {
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "timestamp": entry.timestamp,
        "key": None if entry.key is None else entry.key.decode(errors="replace"),
        "type": None if entry.event is None else type(entry.event).__name__,
        "event": None if entry.event is None else msgspec.to_builtins(entry.event),
    }
    if entry.event is None:
        value = None if entry.value is None else base64.b64encode(entry.value).decode()
        made |= {"unreadable": entry.unreadable, "value": value}
    return made
