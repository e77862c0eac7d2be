"""Whatever the order in which topics are read, and however often: the read model comes out the same."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.index.batch import CachePolicy, activity, by_request, commands_of, folded
from consumers.index.service import FOLLOWED
from infra.kafka.errors import InvalidMessage
from infra.kafka.intake import Intake
from infra.kafka.log import Record, TopicPartition
from infra.kafka.scan import partitions_of
from infra.kafka.stage import Message
from infra.redis.keys import Keys
from infra.redis.records import RequestRecord, decode_record
from streams.workflow.story import Record as Told
from streams.workflow.timeline import story_of
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, EPOCH, PARTITIONS, World
from tests.support.disorder import OutOfStepReader, committed
from tests.support.tables import Tables

KEYS = Keys("test.")
CACHE = CachePolicy(keep_ms=1_000, inline_bytes=40)
HISTORIES = 6
INTAKE = Intake(CODEC, PARTITIONS)


@cache
def world(seed: int) -> World:
    """A history of the real stages, with escalations, timeouts, audits, repeats, conflicts and dead letters."""
    made = topology(seed, requests=14, hours=0.0008 if seed % 2 else 1.0, leave_open=0.3)
    made.run(200)
    return made


def messages(records: Iterable[Record]) -> list[Message]:
    found = []
    for record in records:
        with suppress(InvalidMessage):  # as the service does
            found.append(INTAKE.message(record))
    return found


@cache
def in_order(seed: int) -> list[Message]:
    log = world(seed).log
    return messages(committed(log, dict.fromkeys(partitions_of(log, FOLLOWED), 0)))


def read(batches: Iterable[Sequence[Message]]) -> Tables:
    """The tables after these batches, each folded into what the tables hold."""
    tables = Tables()
    for batch in batches:
        grouped = by_request(batch)
        held = {name: tables.strings.get(KEYS.request(name)) for name in grouped}
        records = {name: decode_record(value) if isinstance(value, bytes) else None for name, value in held.items()}
        tables.apply(activity(batch, keys=KEYS, now=EPOCH))
        tables.apply(commands_of(grouped, records, keys=KEYS, cache=CACHE, now=EPOCH))
    return tables


def record_of(found: list[Message]) -> RequestRecord:
    record = folded(None, found)
    assert record is not None
    return record


@settings(max_examples=150, deadline=None)
@given(st.integers(0, HISTORIES - 1), st.integers(0, 1 << 30))
def test_topics_out_of_step_and_repeats_make_no_difference(seed: int, order: int) -> None:
    log, random = world(seed).log, Random(order)
    start = dict.fromkeys(partitions_of(log, FOLLOWED), 0)
    reader, batches = OutOfStepReader(log, random, start), []
    while any(reader.position(place) < log.watermark(place) for place in start):
        batches.append(messages(reader.read(0, 0)))
    assert read(batches).content() == read([in_order(seed)]).content()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, HISTORIES - 1), st.randoms(use_true_random=False))
def test_facts_do_not_even_need_the_order_within_a_topic(seed: int, random: Random) -> None:
    for found in by_request(in_order(seed)).values():
        shuffled = [*found, *random.sample(found, k=len(found) // 2)]
        random.shuffle(shuffled)
        assert record_of(shuffled) == record_of(found)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_record_says_what_the_auditors_story_says(seed: int) -> None:
    grouped = by_request(in_order(seed))
    assert len(grouped) > 5
    for name, found in grouped.items():
        record = record_of(found)
        story = story_of(Told(message.event, message.timestamp) for message in found)
        assert story is not None
        assert (record.state, record.status, record.progress) == (story.state, story.status, story.progress), name
        assert (record.decided.label if record.decided else None) == story.label


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_folding_a_history_twice_is_folding_it_once(seed: int) -> None:
    for found in by_request(in_order(seed)).values():
        once = record_of(found)
        assert folded(once, found) is once


def test_the_histories_hold_what_the_tests_are_about() -> None:
    records = [record_of(found) for seed in range(HISTORIES) for found in by_request(in_order(seed)).values()]
    assert {record.state for record in records} >= {"completed", "failed", "human_review", "expert_review"}
    assert {record.status for record in records} >= {"approved", "rejected", "escalated", None}
    assert any(record.escalated and record.answers for record in records)
    assert any(record.decided and record.opened and record.decided.by == "automation" for record in records), "audits"
    assert any(record.queued for record in records)


def test_every_partition_of_what_is_followed_is_read() -> None:
    log = world(0).log
    assert {place.topic for place in partitions_of(log, FOLLOWED)} == set(FOLLOWED)
    assert TopicPartition("outcomes", PARTITIONS - 1) in partitions_of(log, FOLLOWED)
