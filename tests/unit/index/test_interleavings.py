"""Whatever the order in which topics are read, and however often: the read model comes out the same."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers.index.batch import CachePolicy, activity, by_request, commands_of, folded
from consumers.index.indexer import FOLLOWED
from consumers.index.kept import record_of as record_of_case
from consumers.index.possession import answered_by
from consumers.index.standing import settled
from infra.kafka.errors import InvalidMessage
from infra.kafka.intake import Intake
from infra.kafka.log import Record, TopicPartition
from infra.kafka.scan import partitions_of
from infra.kafka.stage import Message
from infra.redis.disagreeing import disagreement
from infra.redis.keys import Keys
from infra.redis.members import Over
from infra.redis.records import Closed, RequestRecord, decode_record
from schemas.events import CaseReturned, CaseSnapshot
from schemas.topics import BY_NAME, TOPICS
from schemas.values import ClosedBy
from streams.workflow.story import Record as Told
from streams.workflow.timeline import story_of
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, EPOCH, PARTITIONS, World
from tests.support.disorder import OutOfStepReader, committed
from tests.support.tables import Tables

KEYS = Keys("test.")
CACHE = CachePolicy(keep_ms=1_000, inline_bytes=40)
HISTORIES = 14
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
        grouped = by_request(batch, PARTITIONS)
        held = {name: tables.strings.get(KEYS.request(name)) for name in grouped}
        records = {name: decode_record(value) if isinstance(value, bytes) else None for name, value in held.items()}
        tables.apply(activity(batch, keys=KEYS, now=EPOCH))
        tables.apply(commands_of(grouped, records, keys=KEYS, cache=CACHE, now=EPOCH))
    return tables


def claimable_in(tables: Tables) -> dict[str, list[str]]:
    """Request ids by lane."""
    found: dict[str, list[str]] = {}
    for key, members in tables.sorted_sets.items():
        kind, _, rest = str(key).removeprefix(KEYS.prefix).partition(":")
        if kind == "claimable" and members:
            found.setdefault(rest.partition(":")[2], []).extend(str(m).partition(":")[2] for m in members)
    return found


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
    shuffled, ordered = read(batches), read([in_order(seed)])
    for tables in (shuffled, ordered):
        lanes = tables.sets.pop(KEYS.lanes)  # which a case only passed through may or may not be among them
        assert {str(lane) for lane in lanes} >= set(claimable_in(tables))
    assert shuffled.content() == ordered.content()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, HISTORIES - 1), st.randoms(use_true_random=False))
def test_facts_do_not_even_need_the_order_within_a_topic(seed: int, random: Random) -> None:
    for found in by_request(in_order(seed), PARTITIONS).values():
        shuffled = [*found, *random.sample(found, k=len(found) // 2)]
        random.shuffle(shuffled)
        assert record_of(shuffled) == record_of(found)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_record_says_what_the_auditors_story_says(seed: int) -> None:
    grouped = by_request(in_order(seed), PARTITIONS)
    assert len(grouped) > 5
    for name, found in grouped.items():
        if any(isinstance(message.event, CaseReturned) for message in found):
            continue  # the states of a story know no way back from an expert
        record = record_of(found)
        if not record.is_known:
            continue
        story = story_of(Told(message.event, message.timestamp) for message in found)
        assert story is not None
        assert (record.state, record.status, record.progress) == (story.state, story.status, story.progress), name
        assert (record.standing.label if record.standing else None) == story.label
        assert (record.decided.outcome if record.amended and record.decided else None) == story.amended_from


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_folding_a_history_twice_is_folding_it_once(seed: int) -> None:
    for found in by_request(in_order(seed), PARTITIONS).values():
        once = record_of(found)
        assert folded(once, found) is once


def open_cases(seed: int) -> dict[str, CaseSnapshot]:
    log = world(seed).log
    found: dict[str, CaseSnapshot | None] = {}
    for record in log.read_all("cases"):
        event = CODEC.decode(record.value) if record.value else None
        is_open = isinstance(event, CaseSnapshot) and event.status == "open"
        found[(record.key or b"").decode()] = event if is_open else None  # type: ignore[assignment]
    return {name: case for name, case in found.items() if case is not None}


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_the_last_state_of_an_open_case_tells_what_its_events_would(seed: int) -> None:
    """Where these are gone; where they are not, they win, whichever is read first."""
    grouped = by_request(in_order(seed), PARTITIONS)
    for name, case in open_cases(seed).items():
        kept, whole = record_of_case(case), record_of(grouped[name])
        assert kept is not None
        assert kept.queued == whole.queued
        assert (kept.claimable, kept.in_hand) == (whole.claimable, whole.in_hand)
        assert (whole.claimable is None) == bool(case.lease or case.hold or case.pending or case.review is None)
        assert answered_by(whole) >= {each.reviewer_id for each in case.counted}
        if case.reopened_by is None:
            assert kept.status is None, "an audit looks like any other case"
        else:
            assert (kept.status, kept.state) == (whole.status, "completed"), "what stands is known"
        assert kept.origin == whole.origin
        if case.review is not None:
            assert kept.review == whole.review
        assert folded(kept, grouped[name]) == whole
        closed = Closed(sequence=99, revision=case.revision, at=EPOCH + 9_000_000_000, by=ClosedBy.EXPIRED)
        over = settled(replace(kept, closed=closed))
        assert (over.queued, over.status, over.state) == (None, kept.status, "completed")
        assert over.finished_at == closed.at


def test_the_histories_hold_what_the_tests_are_about() -> None:
    histories = [by_request(in_order(seed), PARTITIONS) for seed in range(HISTORIES)]
    records = [record_of(found) for history in histories for found in history.values()]
    assert {record.state for record in records} >= {"completed", "failed", "human_review", "expert_review"}
    assert {record.status for record in records} >= {"approved", "rejected", "escalated", None}
    assert any(record.moved and record.answers for record in records)
    assert any(record.decided and record.opened and record.decided.by == "automation" for record in records), "audits"
    assert any(record.queued for record in records)
    assert any(record.amended and record.reopened for record in records), "amendments"
    assert any(record.reopened and not record.opened for record in records), "appeals of what had no case"
    assert any(record.reopened and record.queued for record in records), "decisions that are being judged anew"
    over = [row.over for record in records if (row := disagreement("r", record)) is not None]
    assert {each for some in over for each in some} >= set(Over) - {Over.VALIDATION}, "people who disagree"
    kept = [case for seed in range(HISTORIES) for case in open_cases(seed).values()]
    assert {case.stage for case in kept} == {"human", "expert"}
    assert {case.escalated_by for case in kept} >= {None, "person"}
    assert {case.reopened_by for case in kept} == {None, "appeal", "audit", "validation"}
    assert any(case.lease for case in kept) and any(case.hold for case in kept) and any(case.pending for case in kept)
    assert any(case.counted for case in kept), "cases that wait for a further person"


def test_it_follows_what_the_catalogue_says_it_reads() -> None:
    """`cases` is read where the log no longer has its beginning: all that is in it follows from the events."""
    assert {topic.name for topic in TOPICS if "index" in topic.readers} - set(FOLLOWED) == {"cases"}
    assert all("index" in BY_NAME[name].readers for name in FOLLOWED)


def test_every_partition_of_what_is_followed_is_read() -> None:
    log = world(0).log
    assert {place.topic for place in partitions_of(log, FOLLOWED)} == set(FOLLOWED)
    assert TopicPartition("outcomes", PARTITIONS - 1) in partitions_of(log, FOLLOWED)
