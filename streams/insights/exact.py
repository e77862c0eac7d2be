"""Faust's consumer made exact: committed records only, from the view's own positions, with every loss noticed.

What a fetch brought of one partition travels through Faust as one event: a `Run` that names the offset before it. A
run that Faust lost is missed by the next one. Positions stand in the view, so the group's are never used.

The plug-in points are public (`App._new_transport` by subclass, `Transport.Consumer`, `Consumer._new_consumer_thread`);
`_create_worker_consumer`, `_fetch_records` and `_seek_wait` are private names of faust-streaming 0.15.3, as
`_fetch_max_wait_ms` is of aiokafka; a test says when they change.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import faust
from faust.transport.drivers import aiokafka as driver

from infra.kafka.log import Record

GATHER: Final = 0.05  # seconds between two fetches: one run of some records costs a fraction of many runs of one
LONGEST_FETCH: Final = 100  # milliseconds that the broker may wait for records
MANY: Final = 700  # records in a fetch after which the next one is not put off: the view is behind
Place = tuple[str, int]  # topic as it is named on the cluster, partition


class Run(NamedTuple):
    """Neighbours in one partition; nothing committed lies between the offset `after` and the first of them."""

    after: int
    records: tuple[Record, ...]  # topics as they are named on the cluster


class ExactThread(driver.AIOKafkaConsumerThread):
    """Runs in a thread of its own, on its own event loop."""

    consumer: "ExactConsumer"
    brought = 0  # records that the last fetch brought

    def _create_worker_consumer(self, transport: Any) -> Any:
        self.consumer.in_transaction = True  # from this the driver derives isolation_level=read_committed
        try:
            made = super()._create_worker_consumer(transport)
            # Faust says 1,500: a question about idle partitions alone would hold up the busy ones for so long.
            made._fetch_max_wait_ms = LONGEST_FETCH
            return made
        finally:
            self.consumer.in_transaction = False

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> dict[Any, list[Any]]:
        if self.brought < MANY:
            await asyncio.sleep(GATHER)
        began, flows = time.time(), self.consumer.flow_active
        found: Mapping[Any, list[Any]] = await super()._fetch_records(
            consumer, active_partitions, timeout=timeout, max_records=max_records
        )
        self.brought = sum(map(len, found.values()))
        made = {tp: [self._run(tp, records)] for tp, records in found.items() if records}
        if flows and self.consumer.flow_active and (not made or await self._is_at_end(consumer)):
            self.consumer.complete_at = began
        return made

    def _run(self, tp: Any, records: list[Any]) -> Any:
        """One record in the place of all; no await between here and the seek, which sets the link anew."""
        fetched = self.consumer.fetched
        place = tp.topic, tp.partition
        last = records[-1]
        run = Run(fetched.get(place, -1), tuple(map(_record, records)))
        fetched[place] = last.offset
        return replace(last, key=None, value=run)

    async def _is_at_end(self, consumer: Any) -> bool:
        """Whether everything was fetched that is committed, as far as the brokers have said."""
        for tp in consumer.assignment():
            stable = consumer.last_stable_offset(tp)
            if stable is None or await consumer.position(tp) < stable:
                return False
        return True

    async def _seek_wait(self, consumer: Any, partitions: Mapping[Any, int]) -> None:
        for tp, offset in partitions.items():
            self.consumer.fetched[tp.topic, tp.partition] = offset - 1
        await super()._seek_wait(consumer, partitions)


class ExactConsumer(driver.Consumer):
    """`fetched`: the last offset that was fetched of each partition; `complete_at`: when nothing more was there."""

    app: "ExactApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.fetched: dict[Place, int] = {}
        self.complete_at = 0.0  # seconds since the epoch, when the fetch began that found nothing beyond
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ExactThread:
        return ExactThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """To what the view has not applied yet."""
        wanted = {tp: self.app.position(tp.topic, tp.partition) + 1 for tp in self.assignment()}
        if wanted:
            await self.seek_wait(wanted)
        return wanted

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        return True


class ExactTransport(driver.Transport):
    Consumer = ExactConsumer


class ExactApp(faust.App):
    """`position` tells the last offset that the view has applied of a partition (-1: none)."""

    position: Callable[[str, int], int]
    consumer: ExactConsumer

    def _new_transport(self) -> ExactTransport:
        return ExactTransport(self.conf.broker_consumer, self)


def _record(found: Any) -> Record:
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, found.value)
