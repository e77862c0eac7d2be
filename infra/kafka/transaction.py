"""What a stage has done since its last commit, and the producer that makes it visible whole or not at all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from infra.kafka.ledger import Ledger
from infra.kafka.log import GroupConsumer, Log, Position, Run, TopicPartition, TransactionalProducer
from infra.kafka.observing import Committed, Count
from infra.kafka.stage import Handled
from schemas.codec import Codec
from schemas.events import Event, StageTallied
from schemas.ids import derive_id
from schemas.topics import TALLIES
from schemas.values import OffsetRange, TallyRow


class Transaction:
    """At least once, it has no begin and no abort: what was sent stays; positions follow once it is acknowledged."""

    records: int  # taken from the log for it
    touched: set[int]  # lanes that it changes or moves
    _ledger: Ledger
    _begun: bool
    _first_event: str | None  # names what the clock alone led to
    _tallied: dict[tuple[str, int, str, str | None], list[int]]  # milliseconds of each decision of a row

    def __init__(
        self, log: Log, codec: Codec, *, stage: str, slot: str, exactly_once: bool,
        watched: frozenset[type[Event]] = frozenset(),
    ) -> None:  # fmt: skip
        """`watched`: events that `commit` hands over whole."""
        self._log, self._codec, self._stage, self._slot = log, codec, stage, slot
        self._exactly_once, self._watched = exactly_once, watched
        self._producer = self._new_producer()
        self._clear()

    @property
    def is_open(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.touched)

    def _begin(self) -> None:
        if self._exactly_once and not self._begun:
            self._producer.begin()
            self._begun = True

    def took(self, by_place: Iterable[Run]) -> None:
        """These were processed in it."""
        self._ledger.took(by_place)

    def send(self, handled: Handled) -> None:
        """Records to the producer, counts to the tally."""
        if handled.outgoing:
            self._begin()
        encode, send = self._codec.encode, self._producer.send
        values = [None if out.event is None else encode(out.event) for out in handled.outgoing]  # in turns costs more
        for out, value in zip(handled.outgoing, values, strict=True):
            send(out.topic, out.key, value, out.partition)
        if handled.outgoing:
            self._ledger.sends(handled.outgoing)
        if self._first_event is None and handled.outgoing:
            first = handled.outgoing[0]  # a key may be anybody's bytes
            self._first_event = getattr(first.event, "event_id", None) or first.key.decode(errors="replace")
        for counted in handled.tallies:
            self._tallied[counted[:-1]].append(counted.milliseconds)

    def commit(
        self,
        consumer: GroupConsumer,
        positions: Mapping[TopicPartition, Position],
        ranges: tuple[OffsetRange, ...],
        *,
        now: int,
        wall: Callable[[], int],
    ) -> Committed:
        """The tally, then the positions, then the end; what is true from then on, at the time of `wall` (ms).

        Raises what the producer raises; then nothing is cleared.
        """
        self._begin()
        if self._tallied:
            tally = self._tally(ranges, now)
            self._producer.send(TALLIES.name, TALLIES.key_of(tally).encode(), self._codec.encode(tally), None)
        if self._exactly_once:
            self._producer.send_positions(positions, consumer.metadata())
            self._producer.commit()
        else:
            self._producer.flush()
            consumer.commit(positions)
        counts = (Count(row[0], row[2], row[3], len(spans)) for row, spans in self._tallied.items())
        told = self._ledger.told(counts, at=wall())
        self._clear()
        return told

    def abort(self) -> None:
        """What was begun never was. Raises what the producer raises; the transaction is cleared all the same."""
        begun = self._begun
        self._clear()
        if begun:
            self._producer.abort()

    def drop(self) -> None:
        """Forget what is open without a word to the producer, which is spent: `renew` comes next."""
        self._clear()

    def renew(self) -> None:
        """A new producer with the same id, which ends whatever the former one left open."""
        self._producer.close()
        self._producer = self._new_producer()
        self._clear()

    def close(self) -> None:
        self._producer.close()

    def _new_producer(self) -> TransactionalProducer:
        return self._log.producer(transactional_id=f"{self._stage}-{self._slot}" if self._exactly_once else None)

    def _clear(self) -> None:
        self.records, self.touched = 0, set()
        self._begun, self._first_event = False, None
        self._tallied = defaultdict(list)
        self._ledger = Ledger(self._watched)

    def _tally(self, ranges: tuple[OffsetRange, ...], now: int) -> StageTallied:
        rows = tuple(
            TallyRow(
                workflow=workflow, minute=minute, action=action, priority=priority, count=len(milliseconds),
                milliseconds=sum(milliseconds),
            )
            for (workflow, minute, action, priority), milliseconds in self._tallied.items()
        )  # fmt: skip
        cause = (ranges[0].topic, ranges[0].partition, ranges[0].first) if ranges else (str(self._first_event),)
        return StageTallied(
            event_id=derive_id("tally", self._stage, *cause),
            stage=self._stage,
            slot=self._slot,
            ranges=ranges,
            rows=rows,
            occurred_at=now,
        )
