"""The job without any log as a measured process: decode, decide, encode in memory; what no framework can undercut."""

import gc
from collections.abc import Callable

from infra.kafka.running import COLLECT_AFTER
from tests.benchmarks.peers import one_output, router_outputs
from tests.benchmarks.peers.order import WARM_UP, Meter, Order, say
from tests.benchmarks.stand import CODEC, prediction


def one(count: int) -> tuple[list[bytes], Callable[[int, bytes], object]]:
    return [one_output.request_bytes(n) for n in range(count)], lambda _, value: one_output.answer(value)


def routed(count: int) -> tuple[list[bytes], Callable[[int, bytes], object]]:
    answering = router_outputs.Answering(partitions=4)
    values = [CODEC.encode(prediction(n)) for n in range(count)]
    return values, lambda number, value: answering.answer(value, b"key", number % 4, number)


def main() -> None:
    order = Order.of_command_line()
    count = round(order.records * (1 + 2 * WARM_UP))
    values, answer = (routed if order.job == router_outputs.NAME else one)(count)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    meter = Meter(order.records)
    for number, value in enumerate(values):
        answer(number, value)
        if meter.add():
            break
    say("end", meter.decided)


if __name__ == "__main__":
    main()
