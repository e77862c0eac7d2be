"""Quix Streams as a measured process: `python -m tests.benchmarks.peers.quix_app ORDER`, in its own environment."""

from collections.abc import Callable
from typing import Any

from quixstreams import Application, message_context

from tests.benchmarks.peers import one_output, router_outputs
from tests.benchmarks.peers.order import Meter, Order, say

BYTES = {
    "key_serializer": "bytes",
    "value_serializer": "bytes",
    "key_deserializer": "bytes",
    "value_deserializer": "bytes",
}


def application(order: Order) -> Any:
    return Application(
        broker_address=order.bootstrap_servers,
        consumer_group=order.run,
        auto_offset_reset="earliest",
        commit_interval=order.commit_interval / 1_000,
        processing_guarantee="exactly-once" if order.exactly_once else "at-least-once",
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel=None,
    )


def metered(app: Any, meter: Meter, decide: Callable[..., Any]) -> Callable[..., Any]:
    """The decision, counted; at the end, the application is told to stop (which commits what is open)."""

    def counted(value: bytes, key: bytes, timestamp: int, headers: Any) -> Any:
        if meter.add():
            say("end", meter.decided)
            app.stop()
        return decide(value, key)

    return counted


def one(app: Any, order: Order, meter: Meter) -> None:
    source, target = app.topic(order.source, **BYTES), app.topic(order.targets[0], **BYTES)
    answer = one_output.answer
    frame = app.dataframe(source)
    frame = frame.apply(metered(app, meter, lambda value, key: answer(value)), metadata=True)
    frame.to_topic(target)


def routed(app: Any, order: Order, meter: Meter) -> None:
    source = app.topic(order.source, **BYTES)
    targets = {name: app.topic(full, **BYTES) for name, full in zip(router_outputs.TARGETS, order.targets, strict=True)}
    answering = router_outputs.Answering(partitions=source.broker_config.num_partitions)

    def answer(value: bytes, key: bytes) -> list[tuple[str, bytes]]:
        context = message_context()
        return answering.answer(value, key, context.partition, context.offset)

    frame = app.dataframe(source)
    frame = frame.apply(metered(app, meter, answer), expand=True, metadata=True)
    for name, target in targets.items():
        chosen = frame.filter(lambda pair, name=name: pair[0] == name)
        chosen.apply(lambda pair: pair[1]).to_topic(target)


def main() -> None:
    order = Order.of_command_line()
    app = application(order)
    (routed if order.job == router_outputs.NAME else one)(app, order, Meter(order.records))
    app.run()


if __name__ == "__main__":
    main()
