"""Where the events of a request lie in the log, as its record keeps them: one number an event, five bytes as a rule.

The partition follows from the request id, and is kept only where it does not. A number is the offset, for such topics
followed by 16 bits of the partition, then 5 bits for the topic: below an offset of 2^27 it takes five bytes of
MessagePack, above it nine.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.topics import (
    APPEALS,
    ASSIGNMENTS,
    AUDITS,
    AUTO_APPROVE,
    DEAD_LETTERS,
    EXPERT,
    FEEDBACK,
    OUTCOMES,
    PREDICTIONS,
    REQUESTS,
    REVIEW,
    REVIEW_COMMANDS,
    REVIEW_DECISIONS,
    Keyed,
    Topic,
)
from schemas.values import Coordinates, Priority

# By number: only ever appended to, unless the layout of the records is raised.
TOPICS: Final[tuple[Topic[Any], ...]] = (
    REQUESTS, PREDICTIONS, AUTO_APPROVE, REVIEW[Priority.URGENT], REVIEW[Priority.HIGH], REVIEW[Priority.NORMAL],
    REVIEW[Priority.LOW], EXPERT, REVIEW_DECISIONS, REVIEW_COMMANDS, APPEALS, ASSIGNMENTS, OUTCOMES, AUDITS, FEEDBACK,
    DEAD_LETTERS,
)  # fmt: skip
PLACED: Final = tuple(topic.name for topic in TOPICS)
MOST_PLACES: Final = 2_000  # of one request; who sends more about one has the log read for it
TOPIC_BITS: Final = 5
PARTITION_BITS: Final = 16
_TOPIC_MASK: Final = (1 << TOPIC_BITS) - 1
_PARTITION_MASK: Final = (1 << PARTITION_BITS) - 1
_NUMBERS: Final[Mapping[str, int]] = {name: number for number, name in enumerate(PLACED)}
_TELLS_PARTITION: Final = frozenset(topic.name for topic in TOPICS if topic.keyed is Keyed.ORIGINAL)
_ONE_PARTITION: Final = frozenset(topic.name for topic in TOPICS if not topic.partitioned)

Places = tuple[int, ...]


def place_number(at: Coordinates) -> int:
    """A place as a record keeps it.

    >>> place_number(Coordinates(topic="predictions", partition=3, offset=10)) == 10 << 5 | 1
    True
    """
    number = _NUMBERS[at.topic]
    if at.topic in _TELLS_PARTITION:
        return (at.offset << PARTITION_BITS | at.partition) << TOPIC_BITS | number
    return at.offset << TOPIC_BITS | number


def coordinates_of(number: int, own_partition: int) -> Coordinates:
    """The place again; `own_partition`: of the request id, in topics that are keyed by it."""
    topic, rest = PLACED[number & _TOPIC_MASK], number >> TOPIC_BITS
    if topic in _TELLS_PARTITION:
        return Coordinates(topic=topic, partition=rest & _PARTITION_MASK, offset=rest >> PARTITION_BITS)
    return Coordinates(topic=topic, partition=0 if topic in _ONE_PARTITION else own_partition, offset=rest)


def topics_in(places: Places) -> set[str]:
    """The topics in which something lies."""
    return {PLACED[number & _TOPIC_MASK] for number in places}


def with_places(known: Places | None, more: Iterable[int]) -> Places | None:
    """These places, too, each once; None, for good, when they are too many to be kept."""
    if known is None:
        return None
    found = {*known, *more}
    if len(found) == len(known):
        return known
    return tuple(sorted(found)) if len(found) <= MOST_PLACES else None
