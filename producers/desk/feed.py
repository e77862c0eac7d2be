"""Changes of cases as server-sent events: from now on or from a place in the log on, to readers who keep up.

A place is the next offset of each partition, `12-7-0-31`: whoever breaks off names the last one they heard of, and
misses nothing. What waits for a reader is bounded; one who does not read is cut off, and may come again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from infra.http.problems import Problem
from infra.kafka.log import Record
from infra.kafka.scan import Entry, decoded
from producers.desk.watching import for_machines
from schemas.codec import Codec

MOST_READERS: Final = 500
MOST_WAITING: Final = 10_000  # changes that one reader has not read; several reads of the log may come at once
MOST_BEHIND: Final = 10_000  # offsets that are read from the log for one who comes back
HEARTBEAT: Final = 15.0  # seconds: what stands between may close what is silent
RETRY: Final = 2_000  # milliseconds after which a client connects again

logger = logging.getLogger(__name__)
Wanted = Callable[[Entry], bool]
Positions = Mapping[int, int]


class Change:
    """What came on the topic; put into words once for all who are told of it."""

    __slots__ = ("_words", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry, self._words = entry, ""

    def event(self, place: str) -> str:
        """As one reader is told of it, who is there then."""
        if not self._words:
            said = msgspec.json.encode(for_machines(self.entry)).decode()
            self._words = f"event: {type(self.entry.event).__name__}\ndata: {said}\n\n"
        return f"id: {place}\n{self._words}"


class Told(NamedTuple):
    """A change that a reader wants, and where in the log they are with it."""

    place: str
    change: Change


class Subscription:
    """One reader: what waits for them, and where in the log they are.

    While they are told of the past, what comes waits as it is; from then on only what they want, so that nobody is
    woken for the others'.
    """

    def __init__(self, wanted: Wanted, positions: Positions) -> None:
        self._wanted, self._positions = wanted, dict(positions)
        self._meanwhile: deque[Change] | None = deque()  # None once the past is told
        self._waiting: asyncio.Queue[Told] = asyncio.Queue(MOST_WAITING)
        self.ended = asyncio.Event()

    @property
    def place(self) -> str:
        """The next offset of each partition, as a client names it."""
        return "-".join(str(self._positions[number]) for number in sorted(self._positions))

    def put(self, change: Change) -> bool:
        """False when too much waits."""
        if self._meanwhile is not None:
            self._meanwhile.append(change)
            return len(self._meanwhile) <= MOST_WAITING
        told = self._told(change)
        try:
            if told is not None:
                self._waiting.put_nowait(told)
        except asyncio.QueueFull:
            return False
        return True

    async def events(self, past: Iterable[Entry]) -> AsyncIterator[str]:
        """What was missed, then what comes, with a sign of life when nothing does."""
        yield f"retry: {RETRY}\nid: {self.place}\nevent: opened\ndata: {{}}\n\n"
        for change in self._until_now(past):
            if (told := self._told(change)) is not None:
                yield told.change.event(told.place)
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    told = await self._waiting.get()
                text = told.change.event(told.place)
            except TimeoutError:
                text = ": still here\n\n"
            yield text

    def _until_now(self, past: Iterable[Entry]) -> Iterator[Change]:
        """What lies in the past, and what came while that was told."""
        yield from map(Change, past)
        assert self._meanwhile is not None
        while self._meanwhile:
            yield self._meanwhile.popleft()
        self._meanwhile = None

    def _told(self, change: Change) -> Told | None:
        """A change that comes next; None when it is not wanted, or was told already."""
        entry = change.entry
        if entry.offset < self._positions.get(entry.partition, 0):
            return None
        self._positions[entry.partition] = entry.offset + 1
        return Told(self.place, change) if entry.event is not None and self._wanted(entry) else None


class Feed:
    """Used on the event loop."""

    def __init__(self, codec: Codec, *, cut_off: Callable[[], None] = lambda: None) -> None:
        """`cut_off` hears that somebody did not keep up."""
        self._codec, self._cut_off = codec, cut_off
        self._positions: dict[int, int] = {}
        self._readers: list[Subscription] = []

    def __len__(self) -> int:
        return len(self._readers)

    @property
    def positions(self) -> Positions:
        """The next offset of each partition."""
        return self._positions

    def begin(self, positions: Positions) -> None:
        """Where the reader of the topic begins; called before anything is taken."""
        self._positions = dict(positions)

    def subscribe(self, wanted: Wanted, since: Positions | None) -> Subscription:
        """From now on; what lies between `since` and `positions` is for the caller to read. Raises `Problem`."""
        if len(self._readers) >= MOST_READERS:
            detail = f"{MOST_READERS} read the changes already; come again later."
            raise Problem(503, detail, reason="busy", retry_seconds=HEARTBEAT)
        reader = Subscription(wanted, since or self._positions)
        self._readers.append(reader)
        return reader

    def leave(self, reader: Subscription) -> None:
        """They read no longer."""
        if reader in self._readers:
            self._readers.remove(reader)

    def take(self, records: Sequence[Record]) -> None:
        """What comes on the topic."""
        for record in records:
            if self._readers:
                self._tell(Change(decoded(record, self._codec)))
            self._positions[record.partition] = record.offset + 1

    def close(self) -> None:
        """Nothing more will come."""
        for reader in self._readers:
            reader.ended.set()

    def _tell(self, change: Change) -> None:
        for reader in list(self._readers):
            if not reader.put(change):
                logger.info("A reader of changes did not keep up.", extra={"action": "reader_cut_off"})
                self.leave(reader)
                reader.ended.set()
                self._cut_off()


class EventStream(StreamingResponse):
    """Ends with its subscription, also while the client does not take what is sent."""

    def __init__(self, reader: Subscription, past: Iterable[Entry], leave: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(reader.events(past), headers=headers, media_type="text/event-stream")
        self._reader, self._leave = reader, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streaming = asyncio.ensure_future(super().__call__(scope, receive, send))
        ended = asyncio.ensure_future(self._reader.ended.wait())
        try:
            await asyncio.wait({streaming, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave()
            for task in (streaming, ended):
                task.cancel()
            await asyncio.gather(streaming, ended, return_exceptions=True)
        if not streaming.cancelled():
            streaming.result()


def positions_in(place: str, now: Positions) -> Positions:
    """The place that a client names. Raises `Problem` 422 when it is none, 409 when too much lies between."""
    words = place.split("-")
    if len(words) != len(now) or not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words):
        detail = f"{place[:100]!r} is no place in the changes here: send the id of the last event, or none at all."
        raise Problem(422, detail, reason="invalid")
    found = dict(enumerate(map(int, words)))
    if sum(max(0, now[number] - at) for number, at in found.items()) > MOST_BEHIND:
        detail = (
            f"More than {MOST_BEHIND:,} records came since then. Begin from now on, without Last-Event-ID; what you "
            "hold is in /v1/queue, and a case is as it is shown."
        )
        raise Problem(409, detail, reason="too_far_behind")
    return found
