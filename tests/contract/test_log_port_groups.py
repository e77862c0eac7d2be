"""Laws of the log: who owns which partition, from where it reads, and whose positions count."""

from collections.abc import Callable
from functools import partial

import pytest

from infra.kafka.errors import InstanceFenced, TransactionAborted
from infra.kafka.log import Log, Position, TopicPartition
from tests.support.logs import Member, World, until

FIRST, SECOND = TopicPartition("predictions", 0), TopicPartition("predictions", 1)
TOPICS = ("predictions", "outcomes")
ALL = {TopicPartition(topic, number) for topic in TOPICS for number in (0, 1)}
START: Callable[[Log], Member] = partial(Member, instance="0", topics=TOPICS)


def write(log: Log, place: TopicPartition, *values: bytes) -> None:
    producer = log.producer(transactional_id="writer")
    producer.begin()
    for value in values:
        producer.send(place.topic, b"key", value, place.partition)
    producer.commit()
    producer.close()


def numbers(*span: int) -> list[bytes]:
    return [b"%d" % n for n in range(*span)]


def owns(member: Member, count: int) -> Callable[[], bool]:
    return lambda: len(member.owned) == count


def test_lone_member_owns_everything_and_reads_it(world: World) -> None:
    write(world.log, FIRST, b"1", b"2")
    member = START(world.log)
    until(lambda: len(member.records) == 2, member)
    assert (member.owned, member.values) == (ALL, [b"1", b"2"])
    assert [(r.topic, r.partition, r.offset, r.key) for r in member.records] == [
        ("predictions", 0, 0, b"key"),
        ("predictions", 0, 1, b"key"),
    ]
    member.consumer.close()


def test_member_passes_markers_and_aborted_records(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    producer = world.log.producer(transactional_id="writer")
    producer.begin()
    producer.send(*FIRST[:1], b"key", b"1", 0)
    producer.commit()
    until(lambda: world.log.watermark(FIRST) == 2, member)
    producer.begin()
    producer.send(*FIRST[:1], b"key", b"2", 0)
    until(lambda: world.log.watermark(FIRST) == 3, member)
    assert member.consumer.reached(FIRST) <= 2, "what is not ended is not passed"
    producer.abort()
    until(lambda: member.consumer.reached(FIRST) == 4, member)
    assert member.values == [b"1"]
    member.consumer.close()


def test_the_end_is_known_without_asking(world: World) -> None:
    write(world.log, FIRST, *numbers(3))
    member = START(world.log)
    until(lambda: len(member.values) == 3, member)
    assert member.consumer.last_end(FIRST) == world.log.watermark(FIRST) == 4
    assert member.consumer.last_end(TopicPartition("requests", 0)) is None, "it is not ours"
    stuck = world.log.producer(transactional_id="stuck")
    stuck.begin()
    stuck.send(FIRST.topic, b"key", b"open", FIRST.partition)
    until(lambda: (member.consumer.last_end(FIRST) or 0) > member.consumer.reached(FIRST), member)
    stuck.abort()
    member.consumer.close()


def test_poll_returns_no_more_than_asked_and_loses_nothing(world: World) -> None:
    write(world.log, FIRST, *numbers(50))
    member = START(world.log)
    found: list[bytes | None] = []
    for _ in range(600):
        batch = member.poll(7)
        assert len(batch) <= 7
        found += [record.value for record in batch]
        if len(found) == 50:
            break
    assert found == numbers(50)
    member.consumer.close()


def test_two_members_share_partitions_and_keep_equal_numbers_together(world: World) -> None:
    diary: list[str] = []
    one = Member(world.log, "0", TOPICS, diary=diary)
    until(owns(one, 4), one)
    two = Member(world.log, "1", TOPICS, diary=diary)
    until(lambda: len(one.owned) == len(two.owned) == 2, one, two)
    assert one.owned == {p for p in ALL if p.partition == 0}
    assert two.owned == {p for p in ALL if p.partition == 1}
    assert diary.index("0 revoked") < diary.index("1 assigned"), "a partition is given up before it is handed on"
    write(world.log, FIRST, b"for one")
    write(world.log, SECOND, b"for two")
    until(lambda: one.values == [b"for one"] and two.values == [b"for two"], one, two)
    for member in (one, two):
        member.consumer.close()


def test_member_that_closes_hands_its_partitions_over_at_once(world: World) -> None:
    one, two = (Member(world.log, instance, TOPICS) for instance in "01")
    until(lambda: len(one.owned) == len(two.owned) == 2, one, two)
    one.consumer.close()
    assert one.diary[-1] == "0 revoked"
    until(owns(two, 4), two)
    assert two.owned == ALL
    two.consumer.close()


def test_member_without_partitions_is_not_bothered(world: World) -> None:
    members = [Member(world.log, instance, TOPICS) for instance in "012"]
    until(lambda: [len(m.owned) for m in members] == [2, 2, 0], *members)
    write(world.log, FIRST, b"1")
    until(lambda: members[0].values == [b"1"], *members)
    assert members[2].poll() == []
    for member in members:
        member.consumer.close()


def test_positions_and_notes_are_committed_with_the_records(world: World) -> None:
    write(world.log, FIRST, b"1", b"2")
    member = START(world.log)
    until(lambda: len(member.records) == 2, member)
    assert member.consumer.committed([FIRST, SECOND]) == {}
    producer = world.log.producer(transactional_id="stage")
    producer.begin()
    producer.send("outcomes", b"key", b"result", 0)
    producer.send_positions({FIRST: Position(2, "note ü"), SECOND: Position(0)}, member.consumer.metadata())
    producer.commit()
    assert member.consumer.committed([FIRST, SECOND]) == {FIRST: Position(2, "note ü"), SECOND: Position(0, "")}
    until(lambda: member.values == [b"1", b"2", b"result"], member)
    member.consumer.close()
    successor = START(world.log)
    until(lambda: successor.values == [b"result"], successor)
    successor.consumer.close()


def test_positions_of_an_aborted_transaction_do_not_count(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    producer = world.log.producer(transactional_id="stage")
    producer.begin()
    producer.send_positions({FIRST: Position(7)}, member.consumer.metadata())
    producer.abort()
    assert member.consumer.committed([FIRST]) == {}
    member.consumer.close()


def test_positions_of_a_fenced_producer_do_not_count(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    former = world.log.producer(transactional_id="stage")
    former.begin()
    former.send_positions({FIRST: Position(7)}, member.consumer.metadata())
    world.log.producer(transactional_id="stage")
    assert member.consumer.committed([FIRST]) == {}
    member.consumer.close()


def test_positions_of_a_former_generation_are_refused(world: World) -> None:
    one = START(world.log)
    until(owns(one, 4), one)
    stale = one.consumer.metadata()
    two = Member(world.log, "1", TOPICS)
    until(lambda: len(one.owned) == len(two.owned) == 2, one, two)
    producer = world.log.producer(transactional_id="stage")
    producer.begin()
    producer.send("outcomes", b"key", b"of a zombie", 0)
    with pytest.raises(TransactionAborted):
        producer.send_positions({FIRST: Position(1)}, stale)
    producer.abort()
    producer.begin()
    producer.send_positions({FIRST: Position(1)}, one.consumer.metadata())
    producer.commit()
    assert one.consumer.committed([FIRST]) == {FIRST: Position(1)}
    assert one.values == two.values == []
    for member in (one, two):
        member.consumer.close()


def test_transaction_without_positions_is_a_mistake(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    producer = world.log.producer(transactional_id="stage")
    producer.begin()
    with pytest.raises(ValueError, match="positions"):
        producer.send_positions({}, member.consumer.metadata())
    member.consumer.close()


def test_positions_can_be_committed_without_a_transaction(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    member.consumer.commit({FIRST: Position(3, "note")})
    assert member.consumer.committed([FIRST, SECOND]) == {FIRST: Position(3, "note")}
    member.consumer.close()


def test_rewinding_redelivers_exactly_what_was_not_processed(world: World) -> None:
    write(world.log, FIRST, *numbers(40))
    write(world.log, SECOND, *numbers(100, 104))
    member = START(world.log)
    until(lambda: len(member.records) >= 10, member)
    until(lambda: b"103" in member.values, member)
    member.records.clear()
    member.consumer.seek({FIRST: 5, SECOND: 2})
    assert member.consumer.reached(FIRST) <= 5
    until(lambda: len(member.records) >= 37, member)
    for _ in range(5):
        member.poll()
    assert [r.value for r in member.records if r.partition == 0] == numbers(5, 40)
    assert [r.value for r in member.records if r.partition == 1] == numbers(102, 104)
    member.consumer.close()


def test_paused_partition_waits_and_loses_nothing(world: World) -> None:
    member = START(world.log)
    until(owns(member, 4), member)
    member.consumer.pause([FIRST])
    write(world.log, FIRST, *numbers(5))
    write(world.log, SECOND, b"100")
    until(lambda: member.values == [b"100"], member)
    for _ in range(5):
        member.poll()
    assert member.values == [b"100"]
    member.consumer.resume([FIRST])
    until(lambda: member.values == [b"100", *numbers(5)], member)
    member.consumer.close()


def test_second_process_in_a_slot_takes_over_and_the_first_is_told(world: World) -> None:
    first = START(world.log)
    until(owns(first, 4), first)
    second = START(world.log)
    until(owns(second, 4), second)
    with pytest.raises(InstanceFenced):
        until(lambda: False, first)
    write(world.log, FIRST, b"1")
    until(lambda: second.values == [b"1"], second)
    assert first.values == []
    first.consumer.close()
    second.consumer.close()
