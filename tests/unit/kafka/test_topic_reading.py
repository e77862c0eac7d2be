"""`hitl topics read`: from where, which records, and how they look."""

import json
from itertools import islice

import msgspec
import pytest

from infra.kafka.log import TopicPartition
from infra.kafka.scan import Entry
from infra.kafka.topic_reading import (
    PartitionUnknown,
    StartUnknown,
    TopicUnknown,
    for_machines,
    for_people,
    read,
    starts,
    topic_name,
)
from schemas.publishing import EXAMPLES, example_event
from schemas.topics import CASES, OUTCOMES, REQUESTS
from tests.support.logs import PARTITIONS, World, simulated
from tests.support.traffic import CODEC, asked, request

KEYS = ("a", "b", "a", "c", "a")


@pytest.fixture
def world() -> World:
    """Five requests in partition 1, a second apart, between the second and third an aborted one; one in partition 0."""
    made = simulated()
    producer = made.log.producer(transactional_id=None)
    doomed = made.log.producer(transactional_id="doomed")
    for number, key in enumerate(KEYS):
        if number == 2:
            doomed.begin()
            doomed.send(REQUESTS.name, b"a", b"aborted", 1)
            doomed.abort()
        producer.send(REQUESTS.name, key.encode(), asked(request(key, f"text {number}")).value, 1)
        made.advance(1)
    producer.send(REQUESTS.name, b"z", b"\x00junk", 0)
    return made


def found(world: World, start: str, *, partition: int | None = None, key: str | None = None) -> list[tuple[int, int]]:
    places = starts(world.log, REQUESTS.name, start, partition=partition)
    return [(entry.partition, entry.offset) for entry in read(world.log, CODEC, places, key=key)]


def test_all_that_is_committed_is_read_and_nothing_else(world: World) -> None:
    assert sorted(found(world, "beginning")) == [(0, 0), (1, 0), (1, 1), (1, 4), (1, 5), (1, 6)]
    assert found(world, "end") == []


@pytest.mark.parametrize(
    ("start", "offsets"),
    [("5", [5, 6]), ("0", [0, 1, 4, 5, 6]),
     ("-2", [5, 6]), ("-3", [4, 5, 6]), ("-4", [1, 4, 5, 6]), ("-5", [0, 1, 4, 5, 6]), ("-100", [0, 1, 4, 5, 6]),
     ("100", []),
     ("2027-01-15T08:00:03", [5, 6]), ("2027-01-15T09:00:03+01:00", [5, 6]), ("2030-01-01", [])],
)  # fmt: skip
def test_where_it_begins(start: str, offsets: list[int], world: World) -> None:
    assert found(world, start, partition=1) == [(1, offset) for offset in offsets]


def test_the_last_records_are_found_before_any_number_of_markers(world: World) -> None:
    doomed = world.log.producer(transactional_id="doomed")
    for _ in range(9):
        doomed.begin()
        doomed.send(REQUESTS.name, b"a", b"aborted", 1)
        doomed.abort()
    assert found(world, "-1", partition=1) == [(1, 6)]


def test_only_one_key(world: World) -> None:
    assert found(world, "beginning", key="a") == [(1, 0), (1, 4), (1, 6)]


def test_following_goes_on_with_what_comes(world: World) -> None:
    places = starts(world.log, REQUESTS.name, "end")
    followed = read(world.log, CODEC, places, follow=True)
    world.log.producer(transactional_id=None).send(REQUESTS.name, b"new", asked(request("new", "?")).value, 1)
    [entry] = islice(followed, 1)
    assert (entry.key, entry.offset) == (b"new", 7)


@pytest.mark.parametrize("start", ["", "yesterday", "1.5", "2026-13-01"])
def test_a_start_that_is_none_is_refused(start: str, world: World) -> None:
    with pytest.raises(StartUnknown, match="Say `beginning`"):
        found(world, start)


def test_a_partition_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(PartitionUnknown, match=f"0 to {PARTITIONS - 1}"):
        found(world, "beginning", partition=PARTITIONS)


def test_topics_are_named_with_the_prefix_or_without() -> None:
    assert topic_name("hitl.review.high", "hitl.") == topic_name("review.high", "hitl.") == "review.high"
    with pytest.raises(TopicUnknown, match="hitl topics list"):
        topic_name("review", "hitl.")


def at(topic: str, value: bytes | None, key: bytes | None = b"k") -> Entry:
    world = simulated()
    world.log.producer(transactional_id=None).send(topic, key, value, 0)
    [entry] = read(world.log, CODEC, {TopicPartition(topic, 0): 0})
    return entry


def test_machines_get_every_field_and_can_make_the_event_again() -> None:
    event = example_event(EXAMPLES / "DecisionMade" / "v1.full.json")
    line = json.loads(msgspec.json.encode(for_machines(at(OUTCOMES.name, CODEC.encode(event)))))
    assert (line["topic"], line["partition"], line["offset"], line["key"]) == ("outcomes", 0, 0, "k")
    assert line["event"] == "DecisionMade"
    assert msgspec.convert(line["value"], type(event), strict=False) == event


def test_what_cannot_be_decoded_is_shown_whole_with_the_reason() -> None:
    entry = at(REQUESTS.name, b"\xffjunk", b"\xff")
    line = json.loads(msgspec.json.encode(for_machines(entry)))
    assert (line["event"], line["value"], line["key"]) == (None, "/2p1bms=", "\\xff")
    assert "magic byte" in line["unreadable"]
    assert "unreadable" in for_people(entry, CODEC) and "5 bytes: ff6a756e6b" in for_people(entry, CODEC)


def test_a_tombstone_is_no_fault() -> None:
    entry = at(CASES.name, None)
    assert "unreadable" not in for_machines(entry)
    assert for_people(entry, CODEC).endswith("nothing: the key is forgotten")


def test_people_read_the_request_inside_an_event() -> None:
    event = example_event(EXAMPLES / "ReviewRequested" / "v1.full.json")
    said = for_people(at("review.high", CODEC.encode(event)), CODEC)
    assert "See you at the match tonight?" in said
    assert '  approving_class: "' in said


def test_people_are_not_shown_what_says_nothing() -> None:
    said = for_people(at(REQUESTS.name, asked(request("r", "?", workflow="w")).value), CODEC)
    assert "source" not in said and "attributes" in said
    bare = CODEC.encode(example_event(EXAMPLES / "ReviewRequested" / "v1.minimal.json"))
    assert "rule_hits" not in for_people(at("review.high", bare), CODEC)


def test_nothing_from_outside_moves_the_cursor() -> None:
    said = for_people(at(REQUESTS.name, asked(request("\x1b[2J\x9b2J", "line\nline")).value, b"\x1b[2J"), CODEC)
    assert all(line.isprintable() for line in said.splitlines())
    assert "line\\\\nline" in said
