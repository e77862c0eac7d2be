"""The floor of latency: hand-written hops that copy bytes, exactly once, with the options of our own client.

`python -m tests.benchmarks.bare SERVERS COMMIT_MS IN OUT…` is one hop as a process; `latency` runs two of them.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.kafka.client_config import ClientOptions
from tests.benchmarks.path import Arrivals, steady_requests
from tests.benchmarks.stand import Stand

PARTITIONS = 4  # of each topic, as on a laptop
TIMEOUT = 20.0  # seconds
HOPS = (("bare-in", "bare-mid"), ("bare-mid", "bare-out", "bare-too"))  # as the router, the second writes two outputs


def hop(servers: str, commit_ms: float, source: str, *targets: str) -> None:
    """Copy for ever; a transaction begins with its first record and commits `commit_ms` later."""
    options = ClientOptions(bootstrap_servers=servers, prefix="")
    producer = Producer(options.producer(f"bare-{source}"))
    producer.init_transactions(TIMEOUT)
    consumer = Consumer({**options.member(f"bare-{source}", "0"), "auto.offset.reset": "earliest"})
    consumer.subscribe([source])
    positions: dict[int, int] = {}
    began = 0.0
    while True:
        left = commit_ms / 1e3 - (time.monotonic() - began) if positions else 0.2
        first = consumer.poll(max(0.0, left))
        if first is not None and first.error() is None:
            if not positions:
                producer.begin_transaction()
                began = time.monotonic()
            for message in [m for m in (first, *consumer.consume(1_000, 0)) if m.error() is None]:
                for target in targets:
                    producer.produce(target, message.value(), message.key())
                positions[message.partition() or 0] = (message.offset() or 0) + 1
        if positions and time.monotonic() - began >= commit_ms / 1e3:
            offsets = [TopicPartition(source, p, o) for p, o in positions.items()]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), TIMEOUT)
            producer.commit_transaction(TIMEOUT)
            positions.clear()


@contextmanager
def hops(stand: Stand, commit_ms: float) -> Iterator[None]:
    """Two hops running between topics of their own."""
    names = sorted({f"{stand.settings.topic_prefix}{name}" for hop in HOPS for name in hop})
    admin = AdminClient({"bootstrap.servers": stand.settings.bootstrap_servers})
    for created in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        created.result(TIMEOUT)
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.benchmarks.bare", stand.settings.bootstrap_servers, str(commit_ms)),
                *(f"{stand.settings.topic_prefix}{name}" for name in names_of_hop),
            ]
        )
        for names_of_hop in HOPS
    ]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait(TIMEOUT)


def latency(stand: Stand, *, rate: int, seconds: int) -> Sequence[float]:
    """Milliseconds from handing bytes to the publisher until both hops have committed them and they are read."""
    with hops(stand, stand.settings.commit_interval_ms):
        return steady_requests(stand, "bare-in", Arrivals(stand, "bare-out"), rate=rate, seconds=seconds)


if __name__ == "__main__":
    hop(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
