"""Laws of the log: what readers see of transactions, and what a producer may do."""

import pytest

from infra.kafka.errors import ProducerFenced
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from tests.support.logs import PARTITIONS, World, read_all

FIRST = TopicPartition("predictions", 0)
OTHER = TopicPartition("outcomes", 0)


def write(log: Log, *values: bytes, place: TopicPartition = FIRST, producer: str = "writer") -> None:
    """One committed transaction."""
    transaction = log.producer(transactional_id=producer)
    transaction.begin()
    for value in values:
        transaction.send(place.topic, b"key", value, place.partition)
    transaction.commit()
    transaction.close()


def sent(world: World, end: int, place: TopicPartition = FIRST) -> None:
    """Wait for the high watermark: queued records are sent a little later, markers written after the commit."""
    for _ in range(600):
        if world.log.watermark(place) >= end:
            return
        world.advance(0.05)
    raise AssertionError(f"{place} still ends at {world.log.watermark(place)}")


def test_aborted_records_and_markers_take_offsets_but_are_never_seen(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    for turn, (value, good) in enumerate(((b"1", True), (b"2", False), (b"3", True), (b"4", False))):
        producer.begin()
        producer.send(FIRST.topic, b"key", value, FIRST.partition)
        sent(world, 2 * turn + 1)
        producer.commit() if good else producer.abort()
    sent(world, 8)
    assert read_all(world.log, FIRST) == [b"1", b"3"]


def test_records_of_a_transaction_become_visible_together(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    reader = world.log.reader({FIRST: 0, OTHER: 0})
    producer.begin()
    producer.send(FIRST.topic, b"key", b"1", 0)
    producer.send(OTHER.topic, b"key", b"2", 0)
    for _ in range(5):
        world.advance(0.05)
        assert reader.read(10, 0) == []
    producer.commit()
    reader.close()
    assert read_all(world.log, FIRST) + read_all(world.log, OTHER) == [b"1", b"2"]


def test_open_transaction_holds_up_what_was_committed_behind_it(world: World) -> None:
    slow = world.log.producer(transactional_id="slow")
    slow.begin()
    slow.send(FIRST.topic, b"key", b"1", 0)
    sent(world, 1)
    write(world.log, b"2", producer="quick")
    sent(world, 3)  # the watermark counts what is not committed, and markers
    reader = world.log.reader({FIRST: 0})
    for _ in range(5):
        world.advance(0.05)
        assert reader.read(10, 0) == []
    assert reader.position(FIRST) == 0
    reader.close()
    slow.commit()
    assert read_all(world.log, FIRST) == [b"1", b"2"]


def test_second_producer_of_an_id_ends_the_transaction_of_the_first_and_fences_it(world: World) -> None:
    first = world.log.producer(transactional_id="writer")
    first.begin()
    first.send(FIRST.topic, b"key", b"zombie", 0)
    sent(world, 1)
    second = world.log.producer(transactional_id="writer")
    with pytest.raises(ProducerFenced):
        first.commit()
    with pytest.raises(ProducerFenced):
        first.begin()
    second.begin()
    second.send(FIRST.topic, b"key", b"living", 0)
    second.commit()
    assert read_all(world.log, FIRST) == [b"living"]
    first.close()
    second.close()


def test_producers_of_different_ids_do_not_disturb_each_other(world: World) -> None:
    one, two = (world.log.producer(transactional_id=name) for name in ("one", "two"))
    for producer in (one, two):
        producer.begin()
        producer.send(FIRST.topic, b"key", b"x", 0)
    one.commit()
    two.commit()
    assert read_all(world.log, FIRST) == [b"x", b"x"]


def test_aborted_transaction_leaves_the_producer_usable(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    producer.begin()
    producer.send(FIRST.topic, b"key", b"no", 0)
    producer.abort()
    producer.begin()
    producer.send(FIRST.topic, b"key", b"yes", 0)
    producer.commit()
    assert read_all(world.log, FIRST) == [b"yes"]


def test_closed_producer_leaves_nothing_behind_once_its_id_starts_again(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    producer.begin()
    producer.send(FIRST.topic, b"key", b"unfinished", 0)
    sent(world, 1)
    producer.close()
    write(world.log, b"next")
    assert read_all(world.log, FIRST) == [b"next"]


def test_idempotent_producer_is_visible_when_flushed(world: World) -> None:
    producer = world.log.producer(transactional_id=None)
    producer.send(FIRST.topic, b"key", b"1", 0)
    producer.send(FIRST.topic, b"key", b"2", 0)
    producer.flush()
    assert world.log.watermark(FIRST) == 2
    assert read_all(world.log, FIRST) == [b"1", b"2"]
    producer.close()


def test_key_goes_where_the_partitioner_of_java_and_kafkajs_puts_it(world: World) -> None:
    keys = [bytes(range(length)) * 2 for length in range(40)] + [f"request-{n}".encode() for n in range(100)]
    producer = world.log.producer(transactional_id="writer")
    producer.begin()
    for key in keys:
        producer.send("predictions", key, key, None)
    producer.commit()
    for number in range(PARTITIONS):
        expected = [key for key in keys if partition_of(key, PARTITIONS) == number]
        assert expected
        assert read_all(world.log, TopicPartition("predictions", number)) == expected


def test_record_is_read_as_it_was_sent(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    producer.begin()
    producer.send("predictions", b"key", None, 1)
    producer.send("predictions", b"key", b"\x00\xff", 1)
    producer.commit()
    place = TopicPartition("predictions", 1)
    reader = world.log.reader({place: 0})
    found = []
    while reader.position(place) < 3:
        found += reader.read(10, 0.05)
    reader.close()
    assert [(r.topic, r.partition, r.offset, r.key, r.value) for r in found] == [
        ("predictions", 1, 0, b"key", None),
        ("predictions", 1, 1, b"key", b"\x00\xff"),
    ]
    assert all(record.timestamp > 1_600_000_000_000 for record in found), "milliseconds"


def test_reader_starts_where_it_is_told_and_takes_no_more_than_asked(world: World) -> None:
    write(world.log, *(b"%d" % n for n in range(10)))
    reader = world.log.reader({FIRST: 4})
    found: list[bytes | None] = []
    while reader.position(FIRST) < 11:
        batch = reader.read(3, 0.05)
        assert len(batch) <= 3
        found += [record.value for record in batch]
    reader.close()
    assert found == [b"%d" % n for n in range(4, 10)]


def test_offset_at_finds_the_first_record_that_is_not_older(world: World) -> None:
    write(world.log, b"old")
    sent(world, 2)
    between = _timestamps(world.log)[0] + 1
    world.advance(0.05)
    write(world.log, b"new")
    assert world.log.offset_at(FIRST, 0) == 0
    sent(world, 4)
    assert world.log.offset_at(FIRST, between) in (1, 2), "a marker has a timestamp, too"
    assert world.log.offset_at(FIRST, between + 3_600_000) == 4


def _timestamps(log: Log) -> list[int]:
    reader, found = log.reader({FIRST: 0}), []
    while reader.position(FIRST) < log.watermark(FIRST):
        found += [record.timestamp for record in reader.read(10, 0.05)]
    reader.close()
    return found


def test_empty_partition_begins_and_ends_at_0(world: World) -> None:
    assert world.log.beginning(FIRST) == world.log.watermark(FIRST) == world.log.offset_at(FIRST, 0) == 0
    assert read_all(world.log, FIRST) == []


def test_topics_have_the_partitions_of_the_catalogue(world: World) -> None:
    assert [world.log.partitions(topic) for topic in ("predictions", "outcomes", "feedback")] == [2, 2, 1]
