"""Changes of cases as server-sent events: from now on or from a place in the log on, to readers who keep up.

A place is the next offset of each partition, `12-7-0-31`: whoever breaks off names the last one they heard of, and
misses nothing. What waits for a reader is bounded; one who does not read is cut off, and may come again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final

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


class Subscription:
    """One reader: what waits for them, and where in the log they are."""

    def __init__(self, wanted: Wanted, positions: Positions) -> None:
        self._wanted, self._positions = wanted, dict(positions)
        self._waiting: asyncio.Queue[Entry] = asyncio.Queue(MOST_WAITING)
        self.ended = asyncio.Event()

    @property
    def place(self) -> str:
        """The next offset of each partition, as a client names it."""
        return "-".join(str(self._positions[number]) for number in sorted(self._positions))

    def told(self, entry: Entry) -> str | None:
        """The event of a change that comes next; None when it is not wanted, or was told already."""
        if entry.offset < self._positions.get(entry.partition, 0):
            return None
        self._positions[entry.partition] = entry.offset + 1
        if entry.event is None or not self._wanted(entry):
            return None
        said = msgspec.json.encode(for_machines(entry)).decode()
        return f"id: {self.place}\nevent: {type(entry.event).__name__}\ndata: {said}\n\n"

    def put(self, entry: Entry) -> bool:
        """False when too much waits."""
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            return False
        return True

    async def events(self, past: Iterable[Entry]) -> AsyncIterator[str]:
        """What was missed, then what comes, with a sign of life when nothing does."""
        yield f"retry: {RETRY}\nid: {self.place}\nevent: opened\ndata: {{}}\n\n"
        for entry in past:
            if (text := self.told(entry)) is not None:
                yield text
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    text = await self._next()
            except TimeoutError:
                text = ": still here\n\n"
            yield text

    async def _next(self) -> str:
        while (text := self.told(await self._waiting.get())) is None:
            pass
        return text


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
                self._tell(decoded(record, self._codec))
            self._positions[record.partition] = record.offset + 1

    def close(self) -> None:
        """Nothing more will come."""
        for reader in self._readers:
            reader.ended.set()

    def _tell(self, entry: Entry) -> None:
        for reader in list(self._readers):
            if not reader.put(entry):
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
