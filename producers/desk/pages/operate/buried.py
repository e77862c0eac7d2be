"""Dead letters as the log has them, and which of them were sent again. Blocks: asked beside the loop."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from infra.kafka.errors import RecordsLost
from infra.kafka.log import Log, Reader, TopicPartition
from infra.kafka.newest import Before, newest
from infra.kafka.scan import Entry, decoded, ends_of, scan
from schemas.codec import Codec
from schemas.events import DeadLettered, DeadLetterReplayed
from schemas.topics import DEAD_LETTERS, REPLAYS

LOOKED_AT: Final = 400  # letters of which one page is made
MOST_BYTES: Final = 8 << 20  # of their bodies
FRESH: Final = 1.0  # seconds for which the newest ones are shared by all who look
REMEMBERED: Final = 16 << 20  # bytes of bodies of letters that were looked at last: they never change
PATIENCE: Final = 3.0  # seconds until all who sent something again are known

Place = tuple[int, int]  # partition and offset of a dead letter
Sent = Mapping[Place, Sequence[DeadLetterReplayed]]


class Buried(NamedTuple):
    """A dead letter and where it lies."""

    entry: Entry
    dead: DeadLettered

    @property
    def place(self) -> Place:
        return self.entry.partition, self.entry.offset


class LookedAt(NamedTuple):
    """Dead letters before some offsets, the newest first, and how many offsets the topic has in all."""

    letters: tuple[Buried, ...]
    began: Before
    before: Before  # where older ones begin
    is_last: bool
    in_all: int


class SentAgain:
    """Which dead letters were sent again, by whom and when. All of that is kept, and each look reads what has come."""

    def __init__(self, log: Log, codec: Codec) -> None:
        self._log, self._codec = log, codec
        self._reader: Reader | None = None
        self._known: dict[Place, list[DeadLetterReplayed]] = {}
        self._lock = threading.Lock()

    def known(self) -> Sent:
        """As of now. Raises `LogUnavailable` and so on."""
        with self._lock:
            try:
                return self._caught_up()
            except RecordsLost:
                self._begin_anew()
                return self._caught_up()

    def _caught_up(self) -> Sent:
        place = TopicPartition(REPLAYS.name, 0)
        end = self._log.watermark(place)
        if self._reader is None:
            self._reader = self._log.reader({place: self._log.beginning(place)})
        deadline = time.monotonic() + PATIENCE
        while self._reader.position(place) < end and time.monotonic() < deadline:
            for record in self._reader.read(1_000, 0.1):
                event = decoded(record, self._codec).event
                if isinstance(event, DeadLetterReplayed):
                    at = event.letter.partition, event.letter.offset
                    self._known.setdefault(at, []).append(event)
        return {at: tuple(events) for at, events in self._known.items()}

    def _begin_anew(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader, self._known = None, {}


class DeadLetters:
    """May be asked from many threads at once."""

    def __init__(self, log: Log, codec: Codec, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._codec, self._clock = log, codec, clock
        self._lock = threading.Lock()
        self._newest: tuple[float, LookedAt] | None = None
        self._seen: OrderedDict[Place, Buried] = OrderedDict()
        self._size = 0
        self.sent = SentAgain(log, codec)

    def look(self, before: Before | None = None) -> LookedAt:
        """Those before these offsets, or the newest, as of a second ago at most."""
        if before is not None:
            found = self._looked_at(before)
            with self._lock:
                for each in reversed(found.letters):
                    self._remember(each)
            return found
        with self._lock:
            now = self._clock()
            if self._newest is None or now - self._newest[0] >= FRESH:
                self._newest = (now, self._looked_at_newest(self._newest[1] if self._newest else None))
            return self._newest[1]

    def at(self, place: Place) -> Buried | None:
        """The dead letter that lies there; None when none does."""
        with self._lock:
            if place in self._seen:
                return self._seen[place]
        found = self._read(place)
        if found is not None:
            with self._lock:
                self._remember(found)
        return found

    def _read(self, place: Place) -> Buried | None:
        partition, offset = place
        if not 0 <= partition < self._log.partitions(DEAD_LETTERS.name):
            return None
        where = TopicPartition(DEAD_LETTERS.name, partition)
        if not self._log.beginning(where) <= offset < self._log.watermark(where):
            return None
        for entry in scan(self._log, self._codec, [], starts={where: offset}, ends={where: offset + 1}):
            if isinstance(entry.event, DeadLettered):
                return Buried(entry, entry.event)
        return None

    def _looked_at_newest(self, former: LookedAt | None) -> LookedAt:
        """The former ones, while nothing was written since."""
        ends = {place.partition: end for place, end in ends_of(self._log, [DEAD_LETTERS.name]).items()}
        if former is not None and former.began == ends:
            return former
        found = self._looked_at(None)
        for each in reversed(found.letters):
            self._remember(each)
        return found

    def _remember(self, letter: Buried) -> None:
        """The last ones that were looked at, up to so many bytes."""
        if letter.place not in self._seen:
            self._size += len(letter.entry.value or b"")
        self._seen[letter.place] = letter
        self._seen.move_to_end(letter.place)
        while self._size > REMEMBERED and len(self._seen) > 1:
            _, gone = self._seen.popitem(last=False)
            self._size -= len(gone.entry.value or b"")

    def _looked_at(self, before: Before | None) -> LookedAt:
        found = newest(self._log, DEAD_LETTERS.name, before=before, most=LOOKED_AT, most_bytes=MOST_BYTES)
        entries = [decoded(record, self._codec) for record in found.records]
        letters = [Buried(entry, entry.event) for entry in entries if isinstance(entry.event, DeadLettered)]
        return LookedAt(tuple(letters), found.began, found.before, found.is_last, found.in_all)
