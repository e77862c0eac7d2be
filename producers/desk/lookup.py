"""Cases, queues and people as the read model has them, and announcements as the log has them; asked beside the loop."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from infra.errors import HitlError
from infra.http.beside import Beside
from infra.http.problems import Problem
from infra.kafka.log import Log, TopicPartition
from infra.kafka.scan import Entry, name_of, scan
from infra.redis.cached_case import CachedCase
from infra.redis.records import Possession, RequestRecord
from producers.desk.feed import MOST_BEHIND
from producers.desk.presenting import CaseShown, request_asked, shown
from producers.desk.queue import Looking, QueueShown, queue_of
from producers.desk.refusing import RETRY, not_served
from producers.desk.watching import InHand
from schemas.codec import Codec
from schemas.events import ExpertReviewRequested, ReviewRequested
from schemas.topics import ASSIGNMENTS, POLICIES
from schemas.values import Coordinates, Note
from streams.casework.refusal import Refusal

T = TypeVar("T")
PATIENCE: Final = 15.0  # seconds


class Found(NamedTuple):
    """Where a case was announced last, what is kept of that, who has it, and what was written beside it."""

    review: Coordinates
    cached: CachedCase | None = None
    possession: Possession | None = None
    notes: Sequence[Note] = ()


class Lookup:
    """Each question raises `Problem`. `log`: a connection that gives up after a few seconds."""

    def __init__(self, log: Log, codec: Codec, model: Looking) -> None:
        self._log, self._codec, self._model = log, codec, model
        self._looking = Beside("looking at the cases", threads=8, line=1_000, patience_seconds=PATIENCE)
        self._reading = Beside("reading the log", threads=4, line=100, patience_seconds=PATIENCE)

    async def brokers_answer(self) -> None:
        """Raises `Problem` when they do not."""
        await served(self._reading.call(lambda: self._log.watermark(TopicPartition(POLICIES.name, 0))))

    async def case(self, request_id: str) -> CaseShown:
        """What a reviewer may see of an open case."""
        found = await served(self._looking.call(lambda: self._found(request_id)))
        return await self.shown(request_id, found)

    async def those_open(self, request_ids: Sequence[str]) -> list[CaseShown]:
        """The same of several, without those that are not open any more."""
        found = await served(self._looking.call(lambda: [(name, self._open(name)) for name in request_ids]))
        return [await self.shown(name, each) for name, each in found if each is not None]

    def granted(self, request_id: str, review: Coordinates) -> Found:
        """Of a case that was just given to somebody, asked beside the loop: without Redis the log tells what it is."""
        try:
            return found_in(review, *self._model.status_and_case(request_id))
        except HitlError:
            return Found(review)

    async def shown(self, request_id: str, found: Found) -> CaseShown:
        """What a reviewer may see of a case that was found."""
        announced = found.cached
        if announced is not None and (request := request_asked(announced, self._codec)) is not None:
            return shown(request_id, announced, found.review, request, found.possession, found.notes)
        there = await served(self._reading.call(lambda: self._announced(found.review)))
        request = request_asked(there, self._codec)
        return shown(request_id, there, found.review, request, found.possession, found.notes)

    async def review(self, request_id: str) -> Coordinates:
        """Where a case was announced last."""
        return await served(self._looking.call(lambda: self._review(request_id)))

    async def record(self, request_id: str) -> RequestRecord | None:
        """What is known of a request; None for one that is unknown here."""
        return await served(self._looking.call(lambda: self._model.status(request_id)))

    async def in_hand(self, reviewer_id: str) -> Sequence[str]:
        """The request ids of the cases that somebody has or has set aside."""
        return await served(self._looking.call(lambda: list(self._model.in_hand(reviewer_id))))

    async def hand_of(self, reviewer_id: str, ends: Mapping[int, int]) -> InHand:
        """What somebody has as of these offsets of `assignments`, by partition: the read model lags behind a moment."""
        cases, known = await served(self._looking.call(lambda: self._model.in_hand_at(reviewer_id)))
        hand = InHand(reviewer_id, cases)
        names = {number: name_of(TopicPartition(ASSIGNMENTS.name, number)) for number in ends}
        starts = {number: known[name] for number, name in names.items() if known.get(name, ends[number]) < ends[number]}
        if starts and sum(ends[number] - at for number, at in starts.items()) <= MOST_BEHIND:
            for entry in await self.between(starts, ends):
                if entry.event is not None:
                    hand.concerns(entry.event)
        return hand

    async def queue(self, reviewer_id: str, *, workflows: Sequence[str], request_id: str | None) -> QueueShown:
        """How much waits, and what they have."""

        def look() -> QueueShown:
            self._require_whole()
            return queue_of(self._model, reviewer_id, workflows=workflows, request_id=request_id, now=now())

        return await served(self._looking.call(look))

    async def between(self, starts: Mapping[int, int], ends: Mapping[int, int]) -> list[Entry]:
        """Changes of cases from these offsets, by partition, to before those."""

        def read() -> list[Entry]:
            places = {TopicPartition(ASSIGNMENTS.name, number): at for number, at in starts.items()}
            first = {place: max(at, self._log.beginning(place)) for place, at in places.items()}
            last = {place: ends[place.partition] for place in places}
            return list(scan(self._log, self._codec, [], starts=first, ends=last))

        return await served(self._reading.call(read))

    async def beside(self, write: Callable[[], None]) -> None:
        """Something for Redis that is not missed without it."""
        with suppress(HitlError, Problem):
            await self._looking.call(write)

    def close(self) -> None:
        """Take no more."""
        self._looking.close()
        self._reading.close()

    def _found(self, request_id: str) -> Found:
        found = self._open(request_id)
        if found is None:
            self._require_whole()
            raise unknown(request_id)
        return found

    def _open(self, request_id: str) -> Found | None:
        record, cached = self._model.status_and_case(request_id)
        if record is None or record.queued is None or record.review is None:
            return None
        return found_in(record.review.coordinates, record, cached)

    def _review(self, request_id: str) -> Coordinates:
        record = self._model.status(request_id)
        if record is None or record.review is None:
            self._require_whole()
            raise unknown(request_id)
        return record.review.coordinates

    def _announced(self, review: Coordinates) -> ReviewRequested | ExpertReviewRequested:
        place = TopicPartition(review.topic, review.partition)
        starts, ends = {place: review.offset}, {place: review.offset + 1}
        for entry in scan(self._log, self._codec, [], starts=starts, ends=ends):
            if isinstance(entry.event, ReviewRequested | ExpertReviewRequested):
                return entry.event
        raise Problem(404, "The log no longer has the announcement of this case.", reason="not_kept")

    def _require_whole(self) -> None:
        if self._model.is_rebuilding():
            detail = "The view of the cases is being rebuilt from the log; ask again in a moment."
            raise Problem(503, detail, reason="read_model", retry_seconds=RETRY)


def found_in(review: Coordinates, record: RequestRecord | None, cached: CachedCase | None) -> Found:
    """What is kept of a case, without what was kept of another announcement than this one."""
    fits = cached is not None and cached.review.coordinates == review
    if record is None:
        return Found(review, cached if fits else None)
    return Found(review, cached if fits else None, record.possession, notes_in(record))


def notes_in(record: RequestRecord) -> list[Note]:
    """What was written beside an open case."""
    return [Note(reviewer_id=each.reviewer_id, note=each.note, noted_at=each.at) for each in record.notes]


async def served(asked: Awaitable[T]) -> T:
    """The answer. Raises `Problem` instead of our other errors."""
    try:
        return await asked
    except HitlError as error:
        raise not_served(error) from error


def unknown(request_id: str) -> Problem:
    """A 404: nothing is open there."""
    detail = f"no case is open for the request {request_id[:100]!r}: correct the id, or ask for the next case."
    return Problem(404, detail, reason=Refusal.UNKNOWN_CASE)


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
