"""The loop on a calm simulated log: what is decided, committed, dead-lettered, held and restored."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from infra.kafka.errors import (
    ConfigurationNewer,
    DeadLetterFlood,
    InstanceFenced,
    InvalidMessage,
    NotReady,
    Reason,
    RecordsLost,
    TransactionAborted,
)
from infra.kafka.log import TopicPartition
from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.observing import Cause, cause_of
from infra.kafka.partitioner import partition_of
from infra.kafka.stage import Batch, Handled, Keyed, Lane, Message, Source, one_by_one, tally
from schemas import events as e
from schemas.codec import Codec
from schemas.topics import DEAD_LETTERS, MODELS, PREDICTIONS, REQUESTS, TALLIES, Topic
from tests.support.simlog import SimulatedLog
from tests.support.simstate import Calm

CODEC = Codec.of_repository()
PARTITIONS = 2


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Echo:
    """Answers each request with a prediction that counts the requests of its partition."""

    name = "inference"
    inputs: Sequence[Topic[Any]] = (REQUESTS,)
    config_topics: Sequence[Topic[Any]] = (MODELS,)

    def initial_config(self) -> int:
        return 0

    def fold_config(self, config: int, message: Message) -> int:
        return config + 1

    def initial_state(self, partition: int) -> Keyed[int]:
        return Keyed()

    def restore(self, state: Keyed[int], source: Source) -> None:
        for _ in source.up_to_committed(REQUESTS.name):
            state.put("count", (state.get("count") or 0) + 1)
        state.commit()

    def handle(self, messages: Sequence[Message], lanes: Mapping[int, Lane[Keyed[int]]], config: int) -> Batch:
        def decide(message: Message, out: Handled) -> None:
            lane, request = lanes[message.partition], message.event
            assert isinstance(request, e.DecisionRequested)
            if request.workflow.startswith("bad") or (request.workflow == "late" and config == 0):
                raise InvalidMessage(
                    Reason.UNKNOWN_WORKFLOW, "bad", workflow=request.workflow, request_id=request.request_id
                )
            if request.workflow == "wait" and config == 0:
                raise NotReady
            count = (lane.state.get("count") or 0) + 1
            lane.state.put("count", count)
            body, fingerprint = CODEC.body(message.value)
            out.outgoing.append(
                PREDICTIONS.message(
                    e.PredictionMade(
                        event_id=f"p:{request.request_id}",
                        request_id=request.request_id,
                        workflow=request.workflow,
                        request=message.coordinates,
                        request_body=body,
                        request_fingerprint=fingerprint,
                        requested_at=message.timestamp,
                        classes=(),
                        probabilities=(float(count),),
                        predicted_at=lane.now,
                    )
                )
            )
            out.tallies.append(tally(request.workflow, lane.now, "predicted", None, message.timestamp))

        return one_by_one(messages, decide)

    def tick(self, lane: Lane[Keyed[int]], config: int) -> Handled:
        return Handled()


def for_a_while(loop: Loop[Keyed[int], int]) -> None:
    for _ in range(10):
        loop.step()


class Refusals(Calm):
    """So many commits are refused."""

    def __init__(self, times: int) -> None:
        self.times = times

    def commit(self) -> str:
        if not self.times:
            return "done"
        self.times -= 1
        return "refused"


class Bench:
    def __init__(self, **policy: Any) -> None:
        self.time = Time()
        self.log = SimulatedLog(partitions=PARTITIONS, wall=self.time)
        self.policy = LoopPolicy(**{"commit_interval": 0, "config_interval": 0, **policy})
        self.loop = self.start()

    def start(self) -> Loop[Keyed[int], int]:
        return Loop(
            Echo(), self.log, CODEC, partitions=PARTITIONS, policy=self.policy, wall=self.time, elapsed=self.time
        )

    def publish(self, request_id: str, workflow: str = "w", value: bytes | None = None) -> None:
        event = e.DecisionRequested(request_id=request_id, workflow=workflow)
        key = request_id.encode()
        producer = self.log.producer(transactional_id=None)
        producer.send("requests", key, CODEC.encode(event) if value is None else value, None)

    def configure(self) -> None:
        event = e.ModelPromoted(
            event_id="m", workflow="w", model_digest="d", uri="u", version=1, reason="r", feedback_end_offset=0,
            promoted_at=1,
        )  # fmt: skip
        self.log.producer(transactional_id=None).send("models", b"w", CODEC.encode(event), None)

    def run(self, turns: int = 10) -> None:
        for _ in range(turns):
            self.time.now += 10
            self.loop.step()

    def events(self, topic: str) -> list[Any]:
        return [CODEC.decode(record.value) for record in self.log.read_all(topic)]


def test_every_request_is_answered_once_and_tallied() -> None:
    bench = Bench()
    for n in range(20):
        bench.publish(f"r{n}")
    bench.run()
    assert sorted(p.request_id for p in bench.events("predictions")) == sorted(f"r{n}" for n in range(20))
    rows = [row for t in bench.events("tallies") for row in t.rows]
    assert sum(row.count for row in rows) == 20
    ranges = {(r.partition, r.first, r.last) for t in bench.events("tallies") for r in t.ranges}
    assert sum(last - first + 1 for _, first, last in ranges) == 20


def test_a_restart_goes_on_where_the_commit_was_with_restored_state() -> None:
    bench = Bench()
    for n in range(10):
        bench.publish(f"r{n}")
    bench.run()
    bench.loop.close()
    bench.loop = bench.start()
    for n in range(10, 20):
        bench.publish(f"r{n}")
    bench.run()
    counts: dict[int, list[float]] = {0: [], 1: []}
    for p in bench.events("predictions"):
        counts[p.request.partition].append(p.probabilities[0])
    for seen in counts.values():
        assert seen == [float(n + 1) for n in range(len(seen))]


def test_what_cannot_be_processed_becomes_one_dead_letter_and_its_neighbours_are_decided() -> None:
    bench = Bench()
    bench.publish("good-1")
    bench.publish("poison", value=b"\x00garbage")
    bench.publish("schema", value=b"\x00\x00\x00\x00\x01rest")
    bench.publish("bad", workflow="bad")
    bench.publish("large", value=b"\x00" * (REQUESTS.max_value_bytes + 1))
    wrong = e.DecisionRequested(request_id="other", workflow="w")
    bench.publish("key", value=CODEC.encode(wrong))
    bench.publish("good-2")
    bench.run()
    letters = {d.original_key: d for d in bench.events(DEAD_LETTERS.name)}
    assert {k: d.reason for k, d in letters.items()} == {
        b"poison": "unknown_schema",
        b"schema": "unknown_schema",
        b"bad": "unknown_workflow",
        b"large": "too_large",
        b"key": "wrong_key",
    }
    assert letters[b"large"].original_value is None
    assert letters[b"large"].original_size == REQUESTS.max_value_bytes + 1
    assert letters[b"poison"].original_value == b"\x00garbage"
    assert {p.request_id for p in bench.events("predictions")} == {"good-1", "good-2"}


def test_a_record_in_the_wrong_partition_is_refused_with_that_reason() -> None:
    bench = Bench()
    key = b"r1"
    value = CODEC.encode(e.DecisionRequested(request_id="r1", workflow="w"))
    wrong = 1 - partition_of(key, PARTITIONS)
    bench.log.producer(transactional_id=None).send("requests", key, value, wrong)
    bench.run()
    (letter,) = bench.events(DEAD_LETTERS.name)
    assert letter.reason == "wrong_partition"
    assert letter.origin.partition == wrong


def test_a_held_record_holds_those_behind_it_until_it_is_ready() -> None:
    bench = Bench()
    key = next(f"k{n}" for n in range(99) if partition_of(f"k{n}".encode(), PARTITIONS) == 0)
    behind = [f"b{n}" for n in range(9) if partition_of(f"b{n}".encode(), PARTITIONS) == 0]
    bench.publish(key, workflow="wait")
    for name in behind:
        bench.publish(name)
    bench.publish(behind[0], value=b"\x00poison....")
    bench.run()
    assert not bench.events("predictions")
    assert not bench.events(DEAD_LETTERS.name)
    bench.configure()
    bench.run()
    assert [p.request_id for p in bench.events("predictions")] == [key, *behind]
    assert len(bench.events(DEAD_LETTERS.name)) == 1


@pytest.mark.parametrize("exactly_once", [True, False])
def test_what_was_published_before_a_record_is_known_when_it_is_decided(exactly_once: bool) -> None:
    bench = Bench(config_interval=1_000_000, exactly_once=exactly_once)
    bench.run()
    bench.publish("a")
    bench.configure()
    bench.publish("b", workflow="late")
    bench.publish("c", workflow="bad")
    bench.run()
    assert {p.request_id for p in bench.events("predictions")} == {"a", "b"}
    assert [d.request_id for d in bench.events(DEAD_LETTERS.name)] == ["c"]


def test_what_is_done_again_on_purpose_is_no_trouble_to_whoever_watches() -> None:
    assert cause_of(ConfigurationNewer()) is Cause.REDONE
    assert cause_of(TransactionAborted()) is Cause.ABORTED


def test_a_flood_of_dead_letters_stops_the_stage_and_says_how_to_resume() -> None:
    bench = Bench()
    for n in range(600):
        bench.publish(f"r{n}", value=b"\x00poison")
    with pytest.raises(DeadLetterFlood, match="--accept-dead-letters"):
        bench.run()


def test_an_accepted_flood_goes_through() -> None:
    bench = Bench(accept_dead_letters=600)
    for n in range(600):
        bench.publish(f"r{n}", value=b"\x00poison")
    bench.run()
    assert len(bench.events(DEAD_LETTERS.name)) == 600


def test_poison_that_is_buried_again_after_an_abort_counts_once() -> None:
    bench = Bench()
    refusals = Refusals(times=9)
    bench.log.interference = refusals
    for n in range(60):
        bench.publish(f"bad-{n}", value=b"junk")
    bench.run(40)
    assert refusals.times == 0
    assert len(bench.events(DEAD_LETTERS.name)) == 60


def test_a_key_that_is_no_text_and_a_name_as_long_as_its_record_stop_nothing() -> None:
    bench = Bench()
    producer = bench.log.producer(transactional_id=None)
    producer.send(REQUESTS.name, b"\xff\xfe", b"junk", 0)
    huge = "bad" * 300_000
    for n in range(3):
        event = e.DecisionRequested(request_id=f"long-{n}", workflow="bad" if n == 0 else huge)
        producer.send(REQUESTS.name, event.request_id.encode(), CODEC.encode(event), None)
    long_id = e.DecisionRequested(request_id="i" * 400_000, workflow="w")
    producer.send(REQUESTS.name, long_id.request_id.encode(), CODEC.encode(long_id), None)
    bench.publish("good")
    bench.run()
    letters = {letter.reason: letter for letter in bench.events(DEAD_LETTERS.name)}
    assert set(letters) == {"undecodable", "unknown_workflow", "invalid"}
    assert letters["undecodable"].original_key == b"\xff\xfe"
    assert "1024" in letters["invalid"].detail
    assert "good" in {p.request_id for p in bench.events(PREDICTIONS.name)}
    for record in bench.log.read_all(TALLIES.name):
        assert len(record.value or b"") < 10_000


def test_a_log_that_ends_before_what_was_committed_is_told() -> None:
    bench = Bench()
    for n in range(6):
        bench.publish(f"r{n}")
    bench.run()
    for place in list(bench.log.data):
        if place.topic == REQUESTS.name:
            bench.log.data[place].entries.clear()  # the topic was made anew, the positions were kept
    again = bench.start()
    with pytest.raises(RecordsLost, match="is committed"):
        for_a_while(again)


def test_more_than_half_dead_letters_among_good_ones_is_a_flood_too() -> None:
    bench = Bench()
    for n in range(2_000):
        bench.publish(f"r{n}", value=None if n % 3 == 0 else b"\x00poison")
    with pytest.raises(DeadLetterFlood):
        bench.run()


def test_the_clock_of_a_partition_never_goes_back() -> None:
    bench = Bench()
    for n in range(6):
        bench.publish(f"r{n}")
    bench.run()
    bench.time.now = 500_000
    bench.loop.close()
    bench.loop = bench.start()
    for n in range(6, 12):
        bench.publish(f"r{n}")
    bench.run()
    by_partition: dict[int, list[int]] = {0: [], 1: []}
    for p in bench.events("predictions"):
        by_partition[p.request.partition].append(p.predicted_at)
    for times in by_partition.values():
        assert times == sorted(times)
        assert min(times) > 500_500


def test_at_least_once_commits_positions_after_the_records() -> None:
    bench = Bench(exactly_once=False)
    for n in range(5):
        bench.publish(f"r{n}")
    bench.run()
    assert len(bench.events("predictions")) == 5
    positions = bench.log.groups["inference"].positions
    assert sum(p.offset for p in positions.values()) == 5
    assert set(positions) <= {TopicPartition("requests", p) for p in range(PARTITIONS)}


def test_two_members_share_the_partitions() -> None:
    bench = Bench()
    other = Loop(
        Echo(),
        bench.log,
        CODEC,
        partitions=PARTITIONS,
        policy=LoopPolicy(slot="1", commit_interval=0),
        wall=bench.time,
        elapsed=bench.time,
    )
    for _ in range(5):
        bench.loop.step()
        other.step()
    assert set(bench.loop.lanes) | set(other.lanes) == {0, 1}
    assert not set(bench.loop.lanes) & set(other.lanes)
    assert TALLIES.name in {r.topic for r in bench.log.read_all("tallies")} | {"tallies"}


def test_a_second_process_in_the_slot_ends_one_of_both() -> None:
    bench = Bench()
    bench.run(3)
    second = bench.start()

    def both_go_on() -> None:
        for _ in range(20):
            bench.run(1)
            second.step()

    with pytest.raises(InstanceFenced, match="HITL_SLOT"):
        both_go_on()


@pytest.mark.parametrize(
    ("policy", "took", "waits"),
    [({}, 2, 20), ({"prompt": True}, 2, 4), ({"prompt": True}, 15, 20), ({"prompt": True}, 0, 0)],
)
def test_a_prompt_stage_waits_for_more_no_longer_than_commits_take(
    policy: dict[str, Any], took: int, waits: int
) -> None:
    """From the begin of one commit to that of the next: half of the time at most is spent on them."""
    bench, rests = Bench(commit_interval=20, **policy), list[float]()

    class Slow(Calm):
        def commit(self) -> str:
            bench.time.now += took
            return "done"

    bench.log.interference = Slow()
    loop = Loop(
        Echo(), bench.log, CODEC, partitions=PARTITIONS, policy=bench.policy, wall=bench.time, elapsed=bench.time,
        rest=rests.append,
    )  # fmt: skip
    for_a_while(loop)
    bench.publish("a")
    bench.time.now += 100  # nothing was to do
    loop.step()
    assert len(bench.events("predictions")) == 1, "what comes after a pause is committed at once"
    rests.clear()
    loop.step()
    assert [round(rest * 1_000) for rest in rests] == ([waits - took] if waits > took else [])
