"""Every event of one request, fetched from where the read model says that it lies.

The log is read from one end to the other where the read model cannot tell of all: by `infra.kafka.scan.about`.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Protocol

from infra.kafka.log import Fetcher, Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry, about, decoded, name_of, partitions_of
from infra.redis.places import PLACED, Places, coordinates_of, topics_in
from infra.redis.reading import Kept
from infra.redis.records import RequestRecord
from schemas.codec import Codec
from schemas.events import DeadLettered
from schemas.topics import BY_NAME, PREDICTIONS, REQUESTS, Keyed
from schemas.values import Coordinates

PATIENCE: Final = 10.0  # seconds for the brokers' answer
KEPT: Final = 4  # connections that wait for the next question


class Untraced(StrEnum):
    """Why the read model cannot say where all events of a request lie."""

    UNKNOWN = "unknown"  # it never heard of it, or it was finished too long ago
    REBUILDING = "rebuilding"
    TOO_MANY = "too_many"  # events, to keep all their places
    NO_BEGINNING = "no_beginning"  # it knows the end only: the request was forgotten once, and came back


class Model(Protocol):
    """What is asked of the read model; `infra.redis.reading.ReadModel` answers."""

    def kept(self, request_id: str) -> Kept: ...


class Tracing:
    """May be asked from many threads. `log`: a connection that gives up after a few seconds."""

    def __init__(self, log: Log, codec: Codec, model: Model) -> None:
        self._log, self._codec, self._model = log, codec, model
        self._lock = threading.Lock()
        self._idle: list[Fetcher] = []

    def trace(self, request_id: str, topics: Collection[str] = PLACED) -> list[Entry] | Untraced:
        """Every event about it in these topics as of now, or why that cannot be told without reading them all.

        What the read model has not seen is read behind it. Raises `RedisUnavailable`, `LogUnavailable` or the like.
        """
        kept = self._model.kept(request_id)
        if not kept.is_whole:
            return Untraced.REBUILDING
        record = kept.record
        if record is None or not record.is_known:
            return Untraced.UNKNOWN
        if record.places is None:
            return Untraced.TOO_MANY
        if not has_beginning(record, record.places):
            return Untraced.NO_BEGINNING
        fetched = self.fetched(request_id, record.places, topics)
        there = {entry.coordinates for entry in fetched}
        return fetched + [entry for entry in self._behind(request_id, topics, kept) if entry.coordinates not in there]

    def fetched(self, request_id: str, places: Places, topics: Collection[str] = PLACED) -> list[Entry]:
        """The events at these places; with those that the dead letters among them are about, which no stage took."""
        key = request_id.encode()
        own = partition_of(key, self._log.partitions(REQUESTS.name))
        known = {at for number in places if (at := coordinates_of(number, own)).topic in topics}
        found = self._fetch(known, request_id)
        letters = [entry.event for entry in found if isinstance(entry.event, DeadLettered)]
        origins = {each.origin for each in letters if _may_be_of(each.origin, own) and each.origin.topic in topics}
        return found + self._fetch(origins - known, request_id)

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed when they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
        for fetcher in idle:
            fetcher.close()

    def _behind(self, request_id: str, topics: Collection[str], kept: Kept) -> list[Entry]:
        after = {place: kept.offsets.get(name_of(place), 0) for place in partitions_of(self._log, topics)}
        return about(self._log, self._codec, request_id, topics, after=after)

    def _fetch(self, places: Collection[Coordinates], request_id: str) -> list[Entry]:
        wanted: dict[TopicPartition, list[int]] = {}
        for at in places:
            wanted.setdefault(TopicPartition(at.topic, at.partition), []).append(at.offset)
        with self._fetcher() as fetcher:
            entries = (decoded(record, self._codec) for record in fetcher.fetch(wanted, PATIENCE))
            return [entry for entry in entries if _is_about(entry, request_id)]

    @contextmanager
    def _fetcher(self) -> Iterator[Fetcher]:
        with self._lock:
            fetcher = self._idle.pop() if self._idle else self._log.fetcher()
        try:
            yield fetcher
        finally:
            with self._lock:
                if keeps := len(self._idle) < KEPT:
                    self._idle.append(fetcher)
            if not keeps:
                fetcher.close()


def has_beginning(record: RequestRecord, places: Places) -> bool:
    """Whether the first events are among those whose places are kept: the request, or the opening of a case for which
    there is none."""
    topics = topics_in(places)
    return REQUESTS.name in topics or (
        record.opened is not None and not record.opened.restored and PREDICTIONS.name not in topics
    )


def _may_be_of(origin: Coordinates, own: int) -> bool:
    """Whether a record at this place may be of a request with this partition."""
    return origin.topic in PLACED and (BY_NAME[origin.topic].keyed is not Keyed.REQUEST or origin.partition == own)


def _is_about(entry: Entry, request_id: str) -> bool:
    if BY_NAME[entry.topic].keyed is Keyed.REQUEST and entry.key != request_id.encode():
        return False
    return getattr(entry.event, "request_id", None) == request_id
