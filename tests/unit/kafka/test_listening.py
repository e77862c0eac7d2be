"""A thread that reads for everybody: what comes is handed over, and whoever waits hears that it has ended."""

import threading
from collections.abc import Sequence

from infra.kafka.listening import Listening
from infra.kafka.log import Reader, Record, TopicPartition
from tests.support.simlog import SimulatedLog

PLACE = TopicPartition("assignments", 1)


def log_with(*keys: bytes) -> SimulatedLog:
    log = SimulatedLog(partitions=2, wall=lambda: 0)
    producer = log.producer(transactional_id=None)
    for key in keys:
        producer.send(PLACE.topic, key, b"", PLACE.partition)
    return log


def test_what_lies_behind_the_start_is_handed_over_in_order() -> None:
    heard: list[bytes | None] = []
    done = threading.Event()

    def take(records: Sequence[Record], reader: Reader) -> None:
        heard.extend(record.key for record in records)
        if reader.position(PLACE) == 3:
            done.set()

    listening = Listening(log_with(b"a", b"b", b"c"), "test", take=take, failed=lambda: None)
    listening.start({PLACE: 1})
    assert done.wait(5)
    listening.close()
    assert heard == [b"b", b"c"]
    assert listening.failure is None
    assert not any(thread.name == "test" for thread in threading.enumerate())


def test_who_waits_hears_that_it_cannot_go_on() -> None:
    failed = threading.Event()

    def take(records: Sequence[Record], _: Reader) -> None:
        raise OSError("gone")

    listening = Listening(log_with(b"a"), "test", take=take, failed=failed.set)
    listening.start({PLACE: 0})
    assert failed.wait(5)
    assert isinstance(listening.failure, OSError)
    listening.close()
