"""The client on a real broker: limits, errors that say what to do, and what the simulated log cannot show."""

import logging
import threading
import time
from collections.abc import Sequence

import pytest

from infra.errors import SettingsInvalid
from infra.kafka.client import KafkaLog, connect
from infra.kafka.client_config import RECORD_BYTES, ClientOptions, open_consumer
from infra.kafka.client_errors import LogUnavailable, TopicMissing, WriteRefused
from infra.kafka.client_log import LOGGER, Rarely
from infra.kafka.errors import ProducerFenced, RecordsLost, TransactionAborted
from infra.kafka.log import Position, Record, TopicPartition
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings
from schemas.topics import MIB
from tests.support.logs import Member, on_cluster, read_all, until

pytestmark = pytest.mark.integration
FIRST = TopicPartition("predictions", 0)
DEAD = "127.0.0.1:9"  # the discard port: nobody listens


def log_on(broker: EmbeddedBroker, **changes: object) -> KafkaLog:
    """Fresh topics; `changes` to the options."""
    log = on_cluster(broker.bootstrap_servers).log
    assert isinstance(log, KafkaLog)
    options = log.options
    values = {name: getattr(options, name) for name in ClientOptions.__dataclass_fields__} | changes
    return KafkaLog(ClientOptions(**values))


def test_connect_takes_what_the_settings_say(broker: EmbeddedBroker) -> None:
    prefix = log_on(broker).options.prefix
    log = connect(Settings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix))
    assert log.partitions("predictions") == 2
    log.close()


def test_largest_record_of_any_topic_passes_and_a_larger_one_is_refused_at_once(broker: EmbeddedBroker) -> None:
    log = log_on(broker)
    producer = log.producer(transactional_id="writer")
    producer.begin()
    producer.send("predictions", b"key", bytes(2 * MIB), 0)
    with pytest.raises(WriteRefused, match="too large"):
        producer.send("predictions", b"key", bytes(RECORD_BYTES + 1), 0)
    producer.commit()
    assert [len(value or b"") for value in read_all(log, FIRST)] == [2 * MIB]
    producer.close()


def test_record_that_only_the_broker_refuses_is_named_as_such(broker: EmbeddedBroker) -> None:
    producer = log_on(broker).producer(transactional_id="writer")
    producer.begin()
    producer.send("predictions", b"key", bytes(2 * MIB + 100 * 1024), 0)
    with pytest.raises(WriteRefused, match="too large"):
        producer.commit()
    producer.abort()
    producer.close()


def test_idempotent_producer_reports_a_refused_record_when_flushed(broker: EmbeddedBroker) -> None:
    producer = log_on(broker).producer(transactional_id=None)
    producer.send("predictions", b"key", bytes(2 * MIB + 100 * 1024), 0)
    with pytest.raises(WriteRefused, match="too large"):
        producer.flush()
    producer.send("predictions", b"key", b"small", 0)
    producer.flush()
    producer.close()


@pytest.mark.parametrize("transactional_id", ["writer", None])
def test_full_queue_makes_the_sender_wait_and_loses_nothing(
    broker: EmbeddedBroker, transactional_id: str | None
) -> None:
    log = log_on(broker, extra={"queue.buffering.max.messages": "100"})
    producer = log.producer(transactional_id=transactional_id)
    producer.begin()
    values: list[bytes | None] = [b"%d" % n for n in range(2_000)]
    for value in values:
        producer.send("predictions", b"key", value, 0)
    producer.flush()
    producer.commit()
    assert read_all(log, FIRST) == values
    producer.close()


def test_transaction_that_took_too_long_is_fenced_and_never_seen(broker: EmbeddedBroker) -> None:
    log = log_on(broker, transaction_timeout_ms=6_000)  # in which the record must have arrived, too
    producer = log.producer(transactional_id="writer")
    producer.begin()
    producer.send("predictions", b"key", b"late", 0)
    deadline = time.monotonic() + 30
    while log.watermark(FIRST) < 2 and time.monotonic() < deadline:  # the record, and the marker that ends it
        time.sleep(0.1)
    with pytest.raises(ProducerFenced):
        producer.commit()
    producer.close()
    assert read_all(log, FIRST) == []


def test_committed_positions_wait_for_a_pending_transaction(broker: EmbeddedBroker) -> None:
    log = log_on(broker)
    member = Member(log, "0", ["predictions"])
    until(lambda: len(member.owned) == 2, member)
    producer = log.producer(transactional_id="stage")
    producer.begin()
    producer.send_positions({FIRST: Position(5, "pending")}, member.consumer.metadata())
    ending = threading.Timer(1.0, producer.commit)
    ending.start()
    began = time.monotonic()
    assert member.consumer.committed([FIRST]) == {FIRST: Position(5, "pending")}
    assert time.monotonic() - began > 0.5
    ending.join()
    producer.close()
    member.consumer.close()


def test_member_that_was_silent_too_long_loses_its_partitions_and_comes_back(broker: EmbeddedBroker) -> None:
    log = log_on(broker, extra={"max.poll.interval.ms": "2000"}, session_timeout_ms=1_500)
    member = Member(log, "0", ["predictions"])
    until(lambda: len(member.owned) == 2, member)
    stale = member.consumer.metadata()
    before = len(member.diary)
    time.sleep(3)
    until(lambda: member.diary[before:][:2] == ["0 lost", "0 assigned"], member)
    producer = log.producer(transactional_id="stage")
    producer.begin()
    with pytest.raises(TransactionAborted):
        producer.send_positions({FIRST: Position(1)}, stale)
    producer.close()
    member.consumer.close()


def test_member_that_is_fenced_by_its_own_former_membership_joins_again(broker: EmbeddedBroker) -> None:
    log = log_on(broker)
    member = Member(log, "0", ["predictions"])
    until(lambda: len(member.owned) == 2, member)
    prefix = log.options.prefix
    unsigned = open_consumer(log.options.member(prefix + "group", "0"))  # no process of ours joins without signing
    unsigned.subscribe([prefix + "predictions"])
    deadline = time.monotonic() + 20
    while not unsigned.assignment() and time.monotonic() < deadline:
        unsigned.poll(0.1)
    until(lambda: member.diary == ["0 assigned", "0 lost", "0 assigned"], member)
    unsigned.close()
    member.consumer.close()


class Misplaced(Member):
    """Starts at an offset that is not there."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.consumer.start(dict.fromkeys(partitions, 1_000))


def test_position_beyond_the_log_is_an_error_not_a_jump(broker: EmbeddedBroker) -> None:
    log = log_on(broker)
    member = Misplaced(log, "0", ["predictions"])
    with pytest.raises(RecordsLost):
        until(lambda: False, member)
    member.consumer.close()
    reader = log.reader({FIRST: 1_000})
    with pytest.raises(RecordsLost):
        reader.read(10, 20)
    reader.close()


class Forgetful(Member):
    """Does not start what it was given."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.owned |= set(partitions)


def test_listener_that_does_not_start_is_a_mistake(broker: EmbeddedBroker) -> None:
    member = Forgetful(log_on(broker), "0", ["predictions"])
    with pytest.raises(RuntimeError, match="must end with"):
        until(lambda: False, member)
    member.consumer.close()


def test_reader_that_follows_gets_new_records_after_it_has_settled(broker: EmbeddedBroker) -> None:
    log = log_on(broker)
    reader = log.reader({FIRST: 0})
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert reader.read(10, 0.1) == []
    producer, waits = log.producer(transactional_id=None), list[float]()
    for value in (b"1", b"2", b"3", b"4", b"5"):
        producer.send("predictions", b"key", value, 0)
        producer.flush()
        began = time.monotonic()
        found: list[Record] = []
        while not found and time.monotonic() - began < 30:
            found = reader.read(10, 0.1)
        assert [record.value for record in found] == [value]
        waits.append(time.monotonic() - began)
    assert min(waits) < 1, "a busy machine may hold one up, not all"
    reader.close()
    producer.close()


def test_missing_topic_says_how_to_create_it(broker: EmbeddedBroker) -> None:
    log = KafkaLog(ClientOptions(bootstrap_servers=broker.bootstrap_servers, prefix="nowhere."))
    with pytest.raises(TopicMissing, match="hitl topics apply"):
        log.partitions("predictions")
    with pytest.raises(TopicMissing, match="hitl topics apply"):
        log.watermark(FIRST)


def test_dead_cluster_says_where_it_was_looked_for() -> None:
    log = KafkaLog(ClientOptions(bootstrap_servers=DEAD, request_timeout_seconds=1))
    with pytest.raises(LogUnavailable, match=f"{DEAD}.*within 1 s.*hitl up"):
        log.partitions("predictions")
    with pytest.raises(LogUnavailable):
        log.watermark(FIRST)


@pytest.mark.parametrize("extra", [{"isolation.level": "read_uncommitted"}, {"partitioner": "random"}])
def test_options_that_exactly_once_rests_on_cannot_be_changed(extra: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="not yours to set"):
        ClientOptions(bootstrap_servers=DEAD, extra=extra)


@pytest.mark.parametrize("extra", [{"no.such.option": "1"}, {"linger.ms": "soon"}])
def test_option_that_librdkafka_refuses_is_a_bad_setting(extra: dict[str, str]) -> None:
    log = KafkaLog(ClientOptions(bootstrap_servers=DEAD, extra=extra))
    with pytest.raises(SettingsInvalid, match="HITL_KAFKA"):
        log.producer(transactional_id=None)


def test_lines_of_librdkafka_go_to_the_log_of_the_process(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOGGER, "filters", [Rarely()])  # which has not seen what earlier tests led to
    log = KafkaLog(ClientOptions(bootstrap_servers=DEAD, request_timeout_seconds=2))
    with caplog.at_level(logging.ERROR, "infra.kafka.librdkafka"), pytest.raises(LogUnavailable):
        log.partitions("predictions")
    assert any(DEAD in record.getMessage() for record in caplog.records)
