"""The embedded broker is a real Kafka: what was acknowledged survives kill -9, and its address stays."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.kafka.client import KafkaLog
from infra.kafka.client_config import ClientOptions
from infra.kafka.log import TopicPartition
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.local.errors import BrokerFailed
from infra.settings import Settings
from schemas.topics import OUTCOMES
from tests.support.logs import read_all

pytestmark = [pytest.mark.integration, pytest.mark.long]
SILENT = logging.getLogger("librdkafka")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


def create(broker: EmbeddedBroker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers}, logger=SILENT)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def produce(broker: EmbeddedBroker, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True}, logger=SILENT)
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def read(broker: EmbeddedBroker, topic: str, count: int) -> list[bytes | None]:
    config = {"bootstrap.servers": broker.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer(config, logger=SILENT)
    consumer.subscribe([topic])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, 0.5)]
    consumer.close()
    return values


def test_acknowledged_records_survive_kill_9(broker: EmbeddedBroker) -> None:
    create(broker, "survival")
    address, pid = broker.bootstrap_servers, broker.pid
    produce(broker, "survival", [b"1", b"2"])
    broker.kill()
    assert not broker.is_serving()
    broker.start()
    assert (broker.bootstrap_servers, broker.pid) != (address, pid)
    assert broker.bootstrap_servers == address
    produce(broker, "survival", [b"3"])
    assert read(broker, "survival", 3) == [b"1", b"2", b"3"]


def test_a_broker_that_hangs_at_its_start_is_started_again(kafka_jars: list[Path], tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path, kafka_jars)
    try:
        first.launch()
        hanging = first.pid
        assert hanging is not None
        os.kill(hanging, signal.SIGSTOP)
        first.wait_ready(timeout=30)
        assert first.is_serving()
        assert first.pid != hanging
    finally:
        first.stop()


def test_stopped_broker_comes_back_on_another_port_when_its_own_was_taken(
    kafka_jars: list[Path], tmp_path: Path
) -> None:
    first = EmbeddedBroker(tmp_path, kafka_jars)
    try:
        first.start()
        create(first, "moved")
        produce(first, "moved", [b"kept"])
    finally:
        first.stop()
    with socket.create_server(("127.0.0.1", int(first.bootstrap_servers.split(":")[1]))):
        second = EmbeddedBroker(tmp_path, kafka_jars)
        try:
            second.start()
            assert second.bootstrap_servers != first.bootstrap_servers
            assert read(second, "moved", 1) == [b"kept"]
        finally:
            second.kill()


def test_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match="could not format"):
        EmbeddedBroker(tmp_path, [tmp_path / "none.jar"]).start()


def test_broker_of_another_cluster_on_its_port_is_not_taken_for_itself(kafka_jars: list[Path], tmp_path: Path) -> None:
    first, second = (EmbeddedBroker(tmp_path / name, kafka_jars) for name in ("first", "second"))
    try:
        first.start()
        first.kill()
        (tmp_path / "second").mkdir()
        (tmp_path / "second" / "ports.json").write_bytes((tmp_path / "first" / "ports.json").read_bytes())
        second.start()
        first.start()
        assert first.is_serving()
        assert first.bootstrap_servers != second.bootstrap_servers
    finally:
        first.kill()
        second.kill()


def test_transaction_that_was_open_at_kill_9_does_not_hold_up_its_readers_for_ever(
    kafka_jars: list[Path], tmp_path: Path
) -> None:
    """Without fencing before the start, the marker that ends it was dropped: see `infra/local/fencing.py`."""
    broker = EmbeddedBroker(tmp_path, kafka_jars)
    try:
        broker.start()
        settings = Settings(bootstrap_servers=broker.bootstrap_servers, partitions=2)
        apply(settings, [OUTCOMES])
        options = ClientOptions(bootstrap_servers=broker.bootstrap_servers, transaction_timeout_ms=5_000)
        log, places = KafkaLog(options), [TopicPartition(OUTCOMES.name, number) for number in (0, 1)]
        producer = log.producer(transactional_id="open")
        producer.begin()
        for place in places:
            producer.send(place.topic, b"key", b"never seen", place.partition)
        wait_until(lambda: all(log.watermark(place) >= 1 for place in places))
        broker.kill()
        time.sleep(5.5)  # its time is over when the broker is back
        broker.start()
        assert [read_all(log, place) for place in places] == [[], []]
        producer.close()
    finally:
        broker.kill()


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
