"""The events of a request by the places that the read model keeps: those that reading the whole log finds."""

from collections.abc import Sequence
from functools import cache
from random import Random

import pytest

from infra.kafka.scan import Entry, about, scan
from infra.redis.places import MOST_PLACES, PLACED, TOPICS, coordinates_of, place_number, with_places
from infra.redis.records import RequestRecord
from infra.tracing import Tracing, Untraced
from producers.gateway.standing import FIRST_TOPICS, LAST_TOPICS, Standing, of_entries
from schemas.events import CaseReopened, DeadLettered
from schemas.topics import BY_NAME
from schemas.topics import TOPICS as CATALOGUE
from schemas.values import Coordinates
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, World
from tests.support.placed import Model, ids

SEEDS = range(12)
UPSTREAM = (*FIRST_TOPICS, *LAST_TOPICS)


@cache
def world(seed: int) -> World:
    made = topology(seed, requests=14, hours=0.0008 if seed % 2 else 1.0, leave_open=0.3)
    made.run(400)
    return made


def upstream(tracing: Tracing, name: str) -> Standing | None:
    """What upstream is told, in two passes as the gateway makes them."""
    first, last = tracing.trace(name, FIRST_TOPICS), tracing.trace(name, LAST_TOPICS)
    assert not isinstance(first, Untraced) and not isinstance(last, Untraced)
    return of_entries([*first, *last])


def coordinates(entries: Sequence[Entry]) -> list[tuple[str, int, int]]:
    return sorted((entry.topic, entry.partition, entry.offset) for entry in entries)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_fetched_is_what_reading_everything_finds(seed: int) -> None:
    made = world(seed)
    model, traced = Model(made, None), 0
    tracing = Tracing(made.log, CODEC, model)
    for name in ids(made):
        found, record = tracing.trace(name), model.records.get(name)
        if found is Untraced.UNKNOWN:
            assert record is None or not record.is_known, "somebody spoke of a request that is none"
            continue
        assert not isinstance(found, Untraced), (name, found)
        traced += 1
        slow = about(made.log, CODEC, name, PLACED)
        assert coordinates(found) == coordinates(slow)
        assert sorted(found, key=repr) == sorted(slow, key=repr)
        some = tracing.trace(name, ["outcomes", "dead-letters"])
        assert not isinstance(some, Untraced)
        assert coordinates(some) == [each for each in coordinates(slow) if each[0] in ("outcomes", "dead-letters")]
    assert traced > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_read_model_has_not_seen_is_read_behind_it(seed: int) -> None:
    made = world(seed)
    told = 0
    for turn in range(4):
        tracing = Tracing(made.log, CODEC, Model(made, Random(seed * 10 + turn)))
        for name in ids(made):
            found = tracing.trace(name)
            if not isinstance(found, Untraced):
                told += 1
                slow = about(made.log, CODEC, name, PLACED)
                assert coordinates(found) == coordinates(slow), name
                assert upstream(tracing, name) == of_entries([e for e in slow if e.topic in UPSTREAM]), name
    assert told > 10


def test_why_it_cannot_be_told() -> None:
    made = world(0)
    model = Model(made, None)
    tracing, name = Tracing(made.log, CODEC, model), ids(made)[0]
    assert tracing.trace("nobody asked") is Untraced.UNKNOWN
    known = model.records[name]
    assert known is not None
    model.records["stub"] = RequestRecord(places=(1,))
    assert tracing.trace("stub") is Untraced.UNKNOWN
    model.records[name] = RequestRecord(places=None, state="completed")
    assert tracing.trace(name) is Untraced.TOO_MANY
    ends = [place_number(Coordinates(topic="outcomes", partition=0, offset=7))]
    model.records[name] = RequestRecord(places=tuple(ends), state="completed")
    assert tracing.trace(name) is Untraced.NO_BEGINNING


def test_the_histories_hold_what_the_tests_are_about() -> None:
    events = [entry.event for made in map(world, SEEDS) for entry in scan(made.log, CODEC, PLACED)]
    assert any(isinstance(event, DeadLettered) for event in events)
    assert any(isinstance(event, CaseReopened) for event in events)


def test_every_topic_with_events_about_requests_has_a_number() -> None:
    """`cases` has none: its snapshots follow from the events, and are compacted away. Nor have `replays` and
    `access`, which are about people: who sent a dead letter again, and who looked at a request."""
    tells = {t.name for t in CATALOGUE if any("request_id" in e.__struct_fields__ for e in t.events)}
    assert set(PLACED) == tells - {"cases", "replays", "access"}
    assert [topic.name for topic in TOPICS[:4]] == ["requests", "predictions", "auto-approve", "review.urgent"]
    assert len(PLACED) <= 32


@pytest.mark.parametrize("topic", PLACED)
@pytest.mark.parametrize("offset", [0, 1, 2**27 - 1, 2**27, 2**40])
def test_a_place_is_a_number_and_back(topic: str, offset: int) -> None:
    partition = 3 if BY_NAME[topic].partitioned else 0
    at = Coordinates(topic=topic, partition=partition, offset=offset)
    assert coordinates_of(place_number(at), 3) == at
    assert place_number(at) < 2**64


def test_places_are_kept_once_and_not_without_end() -> None:
    known = with_places((), [3, 1, 3])
    assert known == (1, 3)
    assert with_places(known, [3]) is known
    many = with_places(known, range(MOST_PLACES + 1))
    assert many is None and with_places(many, [1]) is None
