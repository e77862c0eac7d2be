"""Faust as a measured process: `python -m tests.benchmarks.peers.faust_app ORDER`, in its own environment."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust

from tests.benchmarks.peers import one_output, router_outputs
from tests.benchmarks.peers.order import Meter, Order, say

PARTITIONS = 4
TAKEN = 500  # events a batch
WITHIN = 0.05  # seconds that a batch may wait
Decide = Callable[[Any], Awaitable[None]]


def application(order: Order) -> Any:
    app = faust.App(
        order.run,
        broker=f"kafka://{order.bootstrap_servers}",
        store="memory://",
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_commit_interval=order.commit_interval / 1_000,
        consumer_auto_offset_reset="earliest",
        producer_linger=order.commit_interval / 1_000,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        worker_redirect_stdouts=False,
        key_serializer="raw",
        value_serializer="raw",
    )
    app.conf.tabledir = app.conf.datadir = Path()
    return app


def raw(app: Any, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def decision(app: Any, order: Order) -> Decide:
    targets = [raw(app, name) for name in order.targets]
    if order.job == one_output.NAME:
        (target,), answer = targets, one_output.answer

        async def one(event: Any) -> None:
            await target.send(key=event.key, value=answer(event.value))

        return one
    by_name = dict(zip(router_outputs.TARGETS, targets, strict=True))
    answering = router_outputs.Answering(PARTITIONS)

    async def routed(event: Any) -> None:
        place = event.message
        for name, value in answering.answer(event.value, event.key, place.partition, place.offset):
            await by_name[name].send(key=event.key, value=value)

    return routed


def agent(app: Any, order: Order, meter: Meter) -> Decide:
    decide = decision(app, order)

    async def finish() -> None:
        await app.producer.flush()
        say("end", meter.decided)
        os._exit(0)  # a worker takes seconds to leave its group

    async def each(stream: Any) -> None:
        async for event in stream.events():
            await decide(event)
            if meter.add():
                await finish()

    async def taken(stream: Any) -> None:
        async for events in stream.take_events(TAKEN, within=WITHIN):
            for event in events:
                await decide(event)
            if meter.add(len(events)):
                await finish()

    return taken if order.variant == "take" else each


def main() -> None:
    order = Order.of_command_line()
    app = application(order)
    app.agent(raw(app, order.source))(agent(app, order, Meter(order.records)))
    faust.Worker(app, loglevel="error", console_port=0).execute_from_commandline()


if __name__ == "__main__":
    main()
