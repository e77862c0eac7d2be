"""Laws of the log: single records by their coordinates."""

import threading
from collections.abc import Mapping, Sequence
from random import Random

import pytest

from infra.kafka.log import Fetcher, Log, Record, TopicPartition
from tests.contract.test_log_port import FIRST, OTHER, sent, write
from tests.support.logs import World
from tests.support.simlog import SimulatedLog

PATIENCE = 20.0  # seconds


def values(found: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in sorted(found)]


def fetched(log: Log, wanted: Mapping[TopicPartition, Sequence[int]]) -> list[bytes | None]:
    fetcher = log.fetcher()
    try:
        return values(fetcher.fetch(wanted, PATIENCE))
    finally:
        fetcher.close()


def test_records_are_fetched_by_their_coordinates_and_nothing_beside_them(world: World) -> None:
    write(world.log, *(b"%d" % n for n in range(300)))
    write(world.log, *(b"other %d" % n for n in range(20)), place=OTHER)
    sent(world, 301)
    wanted = {FIRST: [250, 3, 4, 90, 3], OTHER: [19], TopicPartition("feedback", 0): ()}
    assert fetched(world.log, wanted) == [b"other 19", b"3", b"4", b"90", b"250"]
    assert fetched(world.log, {}) == []


def test_what_is_aborted_or_a_marker_or_not_there_yet_is_left_out(world: World) -> None:
    producer = world.log.producer(transactional_id="writer")
    for turn, good in enumerate((True, False, True)):
        producer.begin()
        producer.send(FIRST.topic, b"key", b"%d" % turn, FIRST.partition)
        sent(world, 2 * turn + 1)
        producer.commit() if good else producer.abort()
    sent(world, 6)
    assert fetched(world.log, {FIRST: list(range(9)), OTHER: [0, 7]}) == [b"0", b"2"]
    assert fetched(world.log, {FIRST: [2]}) == [], "aborted"
    assert fetched(world.log, {FIRST: [5]}) == [], "a marker at the end"


def test_what_is_in_an_open_transaction_is_left_out_once_it_has_been_waited_for(world: World) -> None:
    write(world.log, b"0")
    sent(world, 2)
    producer = world.log.producer(transactional_id="slow")
    producer.begin()
    producer.send(FIRST.topic, b"key", b"2", FIRST.partition)
    sent(world, 3)
    fetcher = world.log.fetcher()
    assert values(fetcher.fetch({FIRST: [0, 2], OTHER: [0]}, PATIENCE, settle_seconds=0.2)) == [b"0"]
    fetcher.close()


def test_what_an_open_transaction_writes_is_waited_for(world: World) -> None:
    if isinstance(world.log, SimulatedLog):
        pytest.skip("nobody commits beside the simulated log, whose coordinator ends what is waited for")
    producer = world.log.producer(transactional_id="slow")
    producer.begin()
    producer.send(FIRST.topic, b"key", b"0", FIRST.partition)
    sent(world, 1)
    fetcher, ending = world.log.fetcher(), threading.Timer(1.0, producer.commit)
    ending.start()
    assert values(fetcher.fetch({FIRST: [0, 1]}, PATIENCE, settle_seconds=PATIENCE)) == [b"0"]
    ending.join()
    fetcher.close()
    producer.close()


def test_the_edges_of_many_partitions_are_those_of_each(world: World) -> None:
    write(world.log, b"0", b"1")
    sent(world, 3)
    producer = world.log.producer(transactional_id="slow")
    producer.begin()
    producer.send(OTHER.topic, b"key", b"0", OTHER.partition)
    sent(world, 1, OTHER)
    places = [FIRST, OTHER, TopicPartition("feedback", 0)]
    assert world.log.watermarks(places) == dict(zip(places, (3, 1, 0), strict=True)), "committed or not"
    assert world.log.beginnings(places) == dict.fromkeys(places, 0)
    assert world.log.watermarks([]) == {}


def test_one_fetcher_is_asked_again_and_again(world: World) -> None:
    for place in (FIRST, TopicPartition(FIRST.topic, 1), OTHER):
        write(world.log, *(b"%d" % n for n in range(500)), place=place)
        sent(world, 501, place)
    fetcher, random = world.log.fetcher(), Random(1)
    for _ in range(30):
        wanted = {
            place: random.sample(range(500), k=random.randint(1, 6))
            for place in random.sample([FIRST, TopicPartition(FIRST.topic, 1), OTHER], k=random.randint(1, 3))
        }
        _check(fetcher, wanted)
    fetcher.close()
    _check(fetcher, {FIRST: [1]})  # it opens itself again
    fetcher.close()


def _check(fetcher: Fetcher, wanted: Mapping[TopicPartition, Sequence[int]]) -> None:
    found = sorted((TopicPartition(r.topic, r.partition), r.offset, r.value) for r in fetcher.fetch(wanted, PATIENCE))
    right = sorted((place, at, b"%d" % at) for place, offsets in wanted.items() for at in set(offsets))
    assert found == right
