"""Follows the log outside every group and writes the read model; begins anew when the model or its place is gone."""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final

from consumers.index.batch import CachePolicy, activity, by_request, commands_of
from consumers.index.changes import changes, forgotten
from consumers.index.gold import gold_counted
from consumers.index.kept import record_of
from infra.kafka.errors import InvalidMessage, RecordsLost
from infra.kafka.following import read_until
from infra.kafka.intake import Intake
from infra.kafka.log import Log, Reader, Record, TopicPartition
from infra.kafka.observing import Reach
from infra.kafka.running import elapsed, wall
from infra.kafka.scan import ends_of, name_of, partitions_of
from infra.kafka.stage import Message
from infra.redis.errors import IndexFenced, RecordUnreadable
from infra.redis.places import PLACED
from infra.redis.records import RequestRecord
from infra.redis.store import IndexStore, Move, Result
from schemas.events import CaseSnapshot
from schemas.topics import CASES

logger = logging.getLogger(__name__)
FOLLOWED: Final = PLACED
MAX_RECORDS: Final = 1_000
READ_TIMEOUT: Final = 0.25  # seconds
LOOK_EVERY: Final = 1_000  # milliseconds between two looks whether Redis still has what was written
SWEEP_EVERY: Final = 60_000  # milliseconds between two looks for finished requests to forget
SWEPT: Final = 1_000  # requests forgotten in one step

Places = Mapping[TopicPartition, int]


class Indexer:
    """One owner of the read model. `keep_ms`: how long finished requests are told of."""

    def __init__(
        self, log: Log, store: IndexStore, intake: Intake, *, cache: CachePolicy, keep_ms: int,
        wall: Callable[[], int] = wall, elapsed: Callable[[], int] = elapsed,
    ) -> None:  # fmt: skip
        self._log, self._store, self._intake = log, store, intake
        self._cache, self._keep, self._wall, self._elapsed = cache, keep_ms, wall, elapsed
        self._reader: Reader | None = None
        self._owned = False  # before: whoever owns the model is replaced; after: we are, when it is another
        self._applied: dict[TopicPartition, int] = {}
        self._until: Places = {}  # what was in the log when reading began
        self._looked = self._swept = 0
        self._doomed: Sequence[str] = ()
        self._doomed_until: Places = {}
        self.rebuilds = 0  # times that the model was begun anew

    def step(self) -> int:
        """Apply what has come; how many records. Raises `IndexFenced`, and `RedisUnavailable`: then call `resume`."""
        reader = self._reader or self._open()
        try:
            return self._advance(reader)
        except (RecordsLost, RecordUnreadable) as error:
            logger.warning("%s", error, extra={"action": "index_lost"})
            self._begin()
            return 0

    def _advance(self, reader: Reader) -> int:
        records = reader.read(MAX_RECORDS, READ_TIMEOUT)
        if records:
            self._apply(records, reader)
        elif self._elapsed() - self._looked > LOOK_EVERY:
            self._look()
        self._note_caught_up()
        self._sweep()
        return len(records)

    @property
    def is_caught_up(self) -> bool:
        """Whether the model knows everything that was in the log when reading began."""
        return self._reader is not None and not self._until

    def reaches(self) -> dict[TopicPartition, Reach]:
        """How far each partition is applied, and where it ends; empty while nothing is read."""
        reader = self._reader
        if reader is None:
            return {}
        return {place: Reach(self._applied_to(place, reader), reader.last_end(place)) for place in self._applied}

    def _applied_to(self, place: TopicPartition, reader: Reader) -> int:
        """Behind the last record there may be markers, which are read but never applied."""
        return max(self._applied[place], reader.position(place))

    def resume(self) -> None:
        """Look anew how far Redis is before anything else: the last write may or may not have taken effect."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._doomed = None, ()

    # ---- where to read from ----

    def _open(self) -> Reader:
        offsets = self._offsets_of_ours() if self._owned else self._store.take_over()
        start = self._fitting(offsets)
        return self._follow(start) if start else self._begin()

    def _offsets_of_ours(self) -> Mapping[str, int]:
        held = self._store.held()
        if self._store.is_of_another(held):
            raise IndexFenced
        return held.offsets if held.owner is not None else {}

    def _fitting(self, offsets: Mapping[str, int] | None) -> dict[TopicPartition, int]:
        """The offsets to go on from; empty unless they name every partition, and places that the log has."""
        places = partitions_of(self._log, FOLLOWED)
        if not offsets or set(offsets) != {name_of(place) for place in places}:
            return {}
        found = {place: offsets[name_of(place)] for place in places}
        for place, offset in found.items():
            if not self._log.beginning(place) <= offset <= self._log.watermark(place):
                logger.warning(
                    "Redis is at offset %d of %s, which the log does not have.", offset, name_of(place),
                    extra={"action": "index_behind"},
                )  # fmt: skip
                return {}
        return found

    def _begin(self) -> Reader:
        """Start with an empty model from the beginning of the log."""
        self.resume()
        self.rebuilds += 1
        start = {place: self._log.beginning(place) for place in partitions_of(self._log, FOLLOWED)}
        logger.info("The read model is rebuilt from the log.", extra={"action": "index_rebuilding"})
        result = self._store.begin({name_of(place): offset for place, offset in start.items()}, now=self._wall())
        if result is Result.FENCED:
            raise IndexFenced
        if any(start.values()):
            self._restore_cases()
        return self._follow(start)

    def _restore_cases(self) -> None:
        """Where the log no longer has its first records, open cases may have begun in them: `cases` still has these."""
        until = ends_of(self._log, (CASES.name,))
        reader = self._log.reader({place: self._log.beginning(place) for place in until})
        found: dict[bytes, RequestRecord | None] = {}
        for record in chain.from_iterable(read_until(reader, until)):
            message = self._message(record)
            case = message.event if message is not None and isinstance(message.event, CaseSnapshot) else None
            found[record.key or b""] = record_of(case) if case is not None else None
        reader.close()
        now, keys = self._wall(), self._store.keys
        cases = [(key.decode(), record) for key, record in found.items() if record is not None]
        for first in range(0, len(cases), MAX_RECORDS):
            some = cases[first : first + MAX_RECORDS]
            commands = [each for name, record in some for each in changes(keys, name, None, record, now=now)]
            self._went_well(self._store.apply(commands))

    def _follow(self, start: dict[TopicPartition, int]) -> Reader:
        self._owned = True
        self._applied, self._until = start, ends_of(self._log, FOLLOWED)
        self._reader = self._log.reader(start)
        self._looked = self._elapsed()
        return self._reader

    # ---- what to write ----

    def _apply(self, records: Sequence[Record], reader: Reader) -> None:
        messages = [message for record in records if (message := self._message(record)) is not None]
        grouped = by_request(messages, self._intake.partitions)
        known = dict(zip(grouped, self._store.load(list(grouped)), strict=True))
        now, keys = self._wall(), self._store.keys
        commands = chain(
            activity(messages, keys=keys, now=now),
            gold_counted(messages, keys=keys, now=now),
            commands_of(grouped, known, keys=keys, cache=self._cache, now=now),
        )
        after = {place: reader.position(place) for place in {TopicPartition(r.topic, r.partition) for r in records}}
        moves = [Move(name_of(place), self._applied[place], offset) for place, offset in after.items()]
        if self._went_well(self._store.apply(list(commands), moves)):
            self._applied.update(after)

    def _message(self, record: Record) -> Message | None:
        try:
            return self._intake.message(record)
        except InvalidMessage as error:  # whoever processes it makes it a dead letter
            logger.debug("Passing over %s: %s", record[:3], error)
            return None

    def _went_well(self, result: Result) -> bool:
        if result is Result.FENCED:
            raise IndexFenced
        if result is not Result.APPLIED:
            logger.warning("Redis no longer has what was written (%s).", result, extra={"action": "index_lost"})
            self.resume()
        return result is Result.APPLIED

    def _look(self) -> None:
        """While nothing comes: whether Redis still holds what was written last, by us."""
        self._looked = self._elapsed()
        held = self._store.held()
        if self._store.is_of_another(held):
            raise IndexFenced
        if held.owner is None or held.offsets != {name_of(place): at for place, at in self._applied.items()}:
            self._went_well(Result.LOST)

    def _note_caught_up(self) -> None:
        if self._until and self._has_passed(self._until) and self._went_well(self._store.caught_up()):
            self._until = {}
            logger.info("The read model is up to date.", extra={"action": "index_caught_up"})

    # ---- what to forget ----

    def _sweep(self) -> None:
        """Forget requests that were finished long ago, once everything was read that could tell more of them.

        A topic may be read behind another. Who is forgotten before all its earlier events were read would come back
        with the next of them, as if it were open. So the ends of all topics are asked after a request was chosen, and
        it is forgotten only when they were passed.
        """
        if self._until or self._reader is None:
            return
        if self._doomed:
            if self._has_passed(self._doomed_until):
                self._forget()
        elif self._elapsed() - self._swept > SWEEP_EVERY:
            self._doomed = self._store.finished_before(self._wall() - self._keep, SWEPT)
            if len(self._doomed) < SWEPT:
                self._swept = self._elapsed()
            if self._doomed:
                self._doomed_until = ends_of(self._log, FOLLOWED)

    def _forget(self) -> None:
        doomed, self._doomed = self._doomed, ()
        moment = self._wall() - self._keep
        known = zip(doomed, self._store.load(doomed), strict=True)
        gone = [
            (name, record) for name, record in known
            if record is None or (record.finished_at is not None and record.finished_at < moment)
        ]  # fmt: skip
        keys = self._store.keys
        self._went_well(self._store.apply([each for name, said in gone for each in forgotten(keys, name, said)]))

    def _has_passed(self, ends: Places) -> bool:
        reader = self._reader
        return reader is not None and all(reader.position(place) >= end for place, end in ends.items())
