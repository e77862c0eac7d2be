"""Every event of one request, fetched from where the read model says that it lies.

The log is read from one end to the other where the read model cannot tell of all: by `infra.kafka.scan.about`.
"""

import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Protocol

from infra.kafka.log import Fetcher, Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.scan import Entry, about, decoded, may_be_about, name_of, places_of
from infra.redis.places import PLACED, Places, coordinates_of, topics_in
from infra.redis.reading import Kept
from infra.redis.records import RequestRecord
from schemas.codec import Codec
from schemas.events import DeadLettered
from schemas.topics import BY_NAME, PREDICTIONS, REQUESTS, Keyed
from schemas.values import Coordinates

PATIENCE: Final = 10.0  # seconds for the brokers' answer
PENDING: Final = 20.0  # seconds; the brokers end a transaction after 15
MOST_BEHIND: Final = 5_000  # records that the read model has not seen; more are read at full speed
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

    def trace(
        self, request_id: str, topics: Collection[str] = PLACED, *, pending_seconds: float = PENDING
    ) -> list[Entry] | Untraced:
        """Every event about it in these topics as of now, or why that cannot be told without reading them all.

        What the read model has not seen is read behind it. An open transaction is waited for, since it may be about
        the request, but for `pending_seconds` only: then what it writes is left out. Raises `RedisUnavailable`,
        `LogUnavailable` or the like.
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
        behind = self._behind(request_id, topics, kept.offsets)
        is_long = sum(map(len, behind.values())) > MOST_BEHIND
        fetched = self._fetched(request_id, record.places, topics, {} if is_long else behind, pending_seconds)
        if not is_long:
            return fetched
        there, after = {entry.coordinates for entry in fetched}, {place: each.start for place, each in behind.items()}
        late = about(self._log, self._codec, request_id, topics, after=after)
        return fetched + [entry for entry in late if entry.coordinates not in there]

    def _fetched(
        self,
        request_id: str,
        places: Places,
        topics: Collection[str],
        behind: Mapping[TopicPartition, range],
        pending_seconds: float,
    ) -> list[Entry]:
        """The events at these places and among those behind; with those that the dead letters among them are about,
        which no stage took."""
        own = partition_of(request_id.encode(), self._log.partitions(REQUESTS.name))
        wanted: dict[TopicPartition, set[int]] = {place: set(offsets) for place, offsets in behind.items()}
        for at in (coordinates_of(number, own) for number in places):
            if at.topic in topics:
                wanted.setdefault(TopicPartition(at.topic, at.partition), set()).add(at.offset)
        found = self._fetch(wanted, request_id, pending_seconds)
        origins: dict[TopicPartition, set[int]] = {}
        for letter in (entry.event for entry in found):
            if isinstance(letter, DeadLettered) and _may_be_of(letter.origin, own) and letter.origin.topic in topics:
                place = TopicPartition(letter.origin.topic, letter.origin.partition)
                if letter.origin.offset not in wanted.get(place, ()):
                    origins.setdefault(place, set()).add(letter.origin.offset)
        return found + self._fetch(origins, request_id, pending_seconds) if origins else found

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed when they come back."""
        with self._lock:
            idle, self._idle = self._idle, []
        for fetcher in idle:
            fetcher.close()

    def _behind(
        self, request_id: str, topics: Collection[str], offsets: Mapping[str, int]
    ) -> dict[TopicPartition, range]:
        """What lies in the log and the read model has not seen. The ends are asked after the model was."""
        ends = self._log.watermarks(places_of(self._log, request_id, topics))
        found = {place: range(offsets.get(name_of(place), 0), end) for place, end in ends.items()}
        return {place: each for place, each in found.items() if each}

    def _fetch(
        self, wanted: Mapping[TopicPartition, Collection[int]], request_id: str, pending_seconds: float
    ) -> list[Entry]:
        key = request_id.encode()
        with self._fetcher() as fetcher:
            in_order = {place: sorted(offsets) for place, offsets in wanted.items()}
            records = fetcher.fetch(in_order, PATIENCE, settle_seconds=pending_seconds)
        entries = (decoded(record, self._codec) for record in records if may_be_about(record, key))
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
