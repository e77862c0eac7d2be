"""The indexer on a real Valkey: lost answers, lost data, kills, zombies and topics out of step leave the right view."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from consumers.index.batch import CachePolicy
from consumers.index.indexer import FOLLOWED, Indexer
from infra.kafka.intake import Intake
from infra.kafka.log import Log, Record, TopicPartition
from infra.kafka.scan import Entry, decoded, name_of, partitions_of
from infra.local.ports import free_ports
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection, Script, Word
from infra.redis.errors import IndexFenced, RecordUnreadable, RedisRefused, RedisUnavailable
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel
from infra.redis.store import IndexStore, Move, Result
from schemas.topics import BY_NAME
from schemas.values import CaseStage
from tests.simulation.topology import topology
from tests.simulation.world import CODEC, EPOCH, PARTITIONS, World
from tests.support.disorder import OutOfStep, OutOfStepReader, committed
from tests.support.view import LogView, differences

pytestmark = pytest.mark.integration
KEYS = Keys("test.")
NOW = EPOCH + 600_000  # milliseconds
HOUR = 3_600_000  # milliseconds


@cache
def world(seed: int) -> World:
    made = topology(seed, requests=14, hours=0.0008 if seed % 2 else 1.0, leave_open=0.3)
    made.run(200)
    return made


@cache
def view(seed: int) -> LogView:
    log = world(seed).log
    records = committed(log, dict.fromkeys(partitions_of(log, list(BY_NAME)), 0))
    entries: list[Entry] = [decoded(record, CODEC) for record in records]
    return LogView(entries, partitions=PARTITIONS, inline_bytes=40)


class Flaky(Connection):
    """Loses questions before they are sent, or their answers after they took effect."""

    def __init__(self, url: str, random: Random) -> None:
        super().__init__(url, address="flaky")
        self._random = random

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        if self._random.random() < 0.08:
            raise RedisUnavailable("lost before it was sent")
        answer = super().run(script, keys, arguments)
        if self._random.random() < 0.08:
            raise RedisUnavailable("its answer was lost")
        return answer


def indexer(seed: int, connection: Connection, random: Random, token: str, *, keep_ms: int = 1 << 60) -> Indexer:
    clock = iter(range(0, 1 << 40, 400))  # milliseconds: every look at the clock is a while later
    return Indexer(
        cast(Log, OutOfStep(world(seed).log, random)),
        IndexStore(connection, KEYS, token),
        Intake(CODEC, PARTITIONS),
        cache=CachePolicy(keep_ms=24 * HOUR, inline_bytes=40),
        keep_ms=keep_ms,
        wall=lambda: NOW,
        elapsed=lambda: next(clock),
    )


def turn(actor: Indexer) -> bool:
    """One step as the service takes it; False when it has ended for good."""
    try:
        actor.step()
    except RedisUnavailable:
        actor.resume()
    except IndexFenced:
        return False
    return True


def at_the_end(seed: int, redis: Connection) -> bool:
    log, held = world(seed).log, IndexStore(redis, KEYS, "looking").held()
    places = partitions_of(log, FOLLOWED)
    last = dict.fromkeys(places, 0)
    for record in committed(log, dict.fromkeys(places, 0)):
        last[TopicPartition(record.topic, record.partition)] = record.offset + 1
    return all(held.offsets.get(name_of(place), -1) >= last[place] for place in places)


@pytest.mark.parametrize("order", range(25))
def test_no_fault_leaves_a_wrong_view(order: int, valkey: EmbeddedValkey, redis: Connection) -> None:
    """Lost questions and answers, lost keys, kills in between and former owners that go on; then calm."""
    random, seed = Random(order), order % 5
    actors = [indexer(seed, Flaky(valkey.url, random), random, "first")]
    for number in range(60):
        draw = random.random()
        if draw < 0.02:
            redis.call("FLUSHALL")
        elif draw < 0.04:
            redis.call("DEL", random.choice((KEYS.meta, KEYS.offsets)))
        elif draw < 0.10:  # a new process; the former one does not know yet, unless it was killed
            actors = ([] if random.random() < 0.5 else actors[-1:]) + [
                indexer(seed, Flaky(valkey.url, random), random, f"owner {number}")
            ]
        actors = [actor for actor in actors if turn(actor)] or [
            indexer(seed, Flaky(valkey.url, random), random, f"restarted {number}")
        ]
    calm = indexer(seed, redis, random, "calm")
    assert turn(calm)
    for actor in actors:
        if actor._owned:  # else it is a new process, which may take over
            assert not all(turn(actor) for _ in range(50)), "a former owner ends when it notices"
    for _ in range(5_000):
        assert turn(calm)
        if not ReadModel(redis, KEYS).is_rebuilding() and at_the_end(seed, redis):
            break
    assert at_the_end(seed, redis)
    assert differences(view(seed), ReadModel(redis, KEYS), now=NOW) == []


def test_a_repeated_batch_and_one_of_a_former_owner_change_nothing(redis: Connection) -> None:
    first, second = IndexStore(redis, KEYS, "first"), IndexStore(redis, KEYS, "second")
    assert first.take_over() is None
    assert first.begin({"requests[0]": 0}, now=NOW) is Result.APPLIED
    batch = [("ZADD", KEYS.reviewers, "5", "ada"), ("SET", KEYS.request("r"), b"\x00\xff" * 200)]
    assert first.apply(batch, [Move("requests[0]", 0, 3)]) is Result.APPLIED
    assert redis.call("GET", KEYS.request("r")) == b"\x00\xff" * 200
    assert second.take_over() == {"requests[0]": 3}
    held = dump(redis)
    assert first.apply([("SET", KEYS.request("r"), "other")], [Move("requests[0]", 3, 4)]) is Result.FENCED
    assert second.apply([("SET", KEYS.request("r"), "other")], [Move("requests[0]", 0, 3)]) is Result.MOVED
    assert second.apply([("SET", KEYS.request("r"), "other")], [Move("requests[1]", 0, 3)]) is Result.LOST
    assert dump(redis) == held
    redis.call("DEL", KEYS.meta)
    assert second.apply([("SET", KEYS.request("r"), "other")], [Move("requests[0]", 3, 4)]) is Result.LOST
    assert redis.call("GET", KEYS.request("r")) == b"\x00\xff" * 200


def test_what_another_owner_wrote_is_not_deleted_by_one_that_begins(redis: Connection) -> None:
    zombie, owner = IndexStore(redis, KEYS, "zombie"), IndexStore(redis, KEYS, "owner")
    assert owner.begin({"requests[0]": 0}, now=NOW) is Result.APPLIED
    assert owner.apply([("SET", KEYS.request("r"), "kept")]) is Result.APPLIED

    class Overtaken(Connection):
        def call(self, *words: Word) -> Any:
            if words[0] == "SCAN":  # between its first step and its second
                redis.call("HSET", KEYS.meta, "owner", "owner")
            return super().call(*words)

    host = redis._client.connection_pool.connection_kwargs
    zombie = IndexStore(Overtaken(f"redis://127.0.0.1:{host['port']}/0", address="it"), KEYS, "zombie")
    assert zombie.begin({"requests[0]": 0}, now=NOW) is Result.FENCED
    assert redis.call("GET", KEYS.request("r")) == b"kept"


def test_other_keys_are_left_alone_by_a_rebuild(redis: Connection) -> None:
    redis.call("SET", "mine", "kept")
    redis.call("SET", Keys("test2.").request("r"), "kept")
    store = IndexStore(redis, KEYS, "first")
    redis.call("SET", KEYS.request("stale"), "gone")
    assert store.begin({"requests[0]": 0}, now=NOW) is Result.APPLIED
    assert redis.call("GET", "mine") == redis.call("GET", Keys("test2.").request("r")) == b"kept"
    assert redis.call("GET", KEYS.request("stale")) is None
    assert ReadModel(redis, KEYS).is_rebuilding()
    assert store.caught_up() is Result.APPLIED
    assert not ReadModel(redis, KEYS).is_rebuilding()


def test_finished_requests_are_forgotten_and_open_ones_never(redis: Connection) -> None:
    """Also while topics are out of step: nobody comes back as pending."""
    seed, random = 0, Random(1)
    actor = indexer(seed, redis, random, "sweeping", keep_ms=HOUR)
    actor._wall = lambda: NOW + 2 * HOUR
    for _ in range(5_000):
        assert turn(actor)
    model = ReadModel(redis, KEYS)
    finished = {name for name, said in view(seed).requests().items() if said["finished"]}
    known = {name for name in view(seed).request_ids if model.status(name) is not None}
    assert finished
    assert known == set(view(seed).request_ids) - finished
    assert model.status_and_case(next(iter(finished)))[1] is None


class Recreated(OutOfStep):
    """A log that begins, or ends, elsewhere than the one that was read before."""

    first, last = 0, 1 << 60

    def beginning(self, partition: TopicPartition) -> int:
        return self.first

    def watermark(self, partition: TopicPartition) -> int:
        return min(self.last, super().watermark(partition))


@pytest.mark.parametrize(("first", "last"), [(3, 1 << 60), (0, 3)])
def test_a_log_that_no_longer_has_the_place_is_read_from_its_beginning(
    redis: Connection, first: int, last: int
) -> None:
    store = IndexStore(redis, KEYS, "before")
    places = [name_of(place) for place in partitions_of(world(0).log, FOLLOWED)]
    assert store.begin(dict.fromkeys(places, 1 if first else 5), now=NOW) is Result.APPLIED
    assert store.apply([("SET", KEYS.request("stale"), "x")]) is Result.APPLIED
    log = Recreated(world(0).log, Random(0))
    log.first, log.last = first, last
    actor = indexer(0, redis, Random(0), "after")
    actor._log = cast(Log, log)
    assert turn(actor)
    assert redis.call("GET", KEYS.request("stale")) is None
    assert min(store.held().offsets.values()) >= first


class Trimmed(OutOfStep):
    """A log of which retention has left nothing but the compacted topic and what people are told by it."""

    def beginning(self, partition: TopicPartition) -> int:
        return 0 if partition.topic == "cases" else self.watermark(partition)

    def reader(self, start: Mapping[TopicPartition, int]) -> Any:
        """A compacted topic tells by its order alone, so its records come once and in order."""
        is_compacted = any(place.topic == "cases" for place in start)
        return self._log.reader(start) if is_compacted else super().reader(start)


def test_values_that_cannot_be_read_are_rebuilt(redis: Connection) -> None:
    actor = indexer(1, redis, Random(0), "it")
    for _ in range(20):
        assert turn(actor)
    spoilt = redis.call("KEYS", KEYS.request("*"))
    assert spoilt and not at_the_end(1, redis)
    for key in spoilt:
        redis.call("SET", key, b"\x93another program was here")
    with pytest.raises(RecordUnreadable, match="FLUSHALL"):
        ReadModel(redis, KEYS).status(spoilt[0].decode().partition("request:")[2])
    while ReadModel(redis, KEYS).is_rebuilding() or not at_the_end(1, redis):
        assert turn(actor)
    assert differences(view(1), ReadModel(redis, KEYS), now=NOW) == []


def test_open_cases_are_in_the_queues_also_where_the_log_has_lost_their_beginning(redis: Connection) -> None:
    seed = next(seed for seed in range(9) if {stage for _, stage in view(seed).queues()} == set(CaseStage))
    actor = indexer(seed, redis, Random(0), "after")
    actor._log = cast(Log, Trimmed(world(seed).log, Random(0)))
    while ReadModel(redis, KEYS).is_rebuilding():
        assert turn(actor)
    model, queues = ReadModel(redis, KEYS), view(seed).queues()
    for (workflow, stage), names in queues.items():
        assert model.queue(workflow, stage) == names
    known = {name for name in view(seed).request_ids if model.status(name)}
    assert known == {name for names in queues.values() for name in names}


class Growing(OutOfStep):
    """Empty when it is first asked; then everything is there, and requests are read long after all else."""

    grown = False

    def watermark(self, partition: TopicPartition) -> int:
        return super().watermark(partition) if self.grown else 0

    def reader(self, start: Mapping[TopicPartition, int]) -> "RequestsLast":
        self.grown = True
        return RequestsLast(world(0).log, Random(0), start)


class RequestsLast(OutOfStepReader):
    """Hands out requests and predictions only when told to."""

    told = False

    def read(self, max_records: int, timeout_seconds: float) -> list[Record]:
        places = [place for place in self._waiting if self.told or place.topic not in ("requests", "predictions")]
        records = [record for place in places for record in self._waiting[place]]
        for place in places:
            self._waiting[place], self._positions[place] = [], self._ends[place]
        return records


def test_who_is_forgotten_does_not_come_back_with_an_event_that_is_read_late(redis: Connection) -> None:
    actor = indexer(0, redis, Random(1), "sweeping", keep_ms=HOUR)
    actor._wall = lambda: NOW + 2 * HOUR
    actor._log = cast(Log, Growing(world(0).log, Random(0)))
    model, finished = ReadModel(redis, KEYS), [name for name, said in view(0).requests().items() if said["finished"]]
    for _ in range(400):  # requests are behind: nothing may be forgotten yet
        assert turn(actor)
    by_outcome = [name for name in finished if (record := model.status(name)) is not None and record.decided]
    assert by_outcome
    assert isinstance(actor._reader, RequestsLast)
    actor._reader.told = True
    for _ in range(400):
        assert turn(actor)
    assert [name for name in finished if model.status(name)] == []


def test_what_redis_does_not_take_is_an_error_that_says_what_to_do(redis: Connection, valkey: EmbeddedValkey) -> None:
    redis.call("SET", KEYS.finished, "a text in the place of a sorted set")
    with pytest.raises(RedisRefused, match="let nobody else write our keys"):
        IndexStore(redis, KEYS, "t").finished_before(NOW, 1)
    nobody = Connection(f"redis://127.0.0.1:{free_ports(1)[0]}/0", address="nobody")
    with pytest.raises(RedisUnavailable, match=r"Redis at nobody cannot be used .*`hitl status`.*HITL_REDIS_URL"):
        nobody.call("PING")
    with pytest.raises(RedisUnavailable, match="correct user and password"):
        Connection(valkey.url.replace("//", "//me:wrong@"), address="it").call("PING")


def test_a_killed_valkey_keeps_everything_that_it_answered(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data folder", prefer=None)
    server.start()
    try:
        url = server.url
        connection = Connection(url, address="it")
        store = IndexStore(connection, KEYS, "first")
        assert store.begin({"requests[0]": 0}, now=NOW) is Result.APPLIED
        for number in range(200):
            assert store.apply([("SET", KEYS.request(str(number)), "x")], [Move("requests[0]", number, number + 1)])
        server.kill()
        assert server.pid is None
        server.start()
        assert server.url == url
        assert store.held().offsets == {"requests[0]": 200}
        assert connection.call("GET", KEYS.request("199")) == b"x"
    finally:
        server.kill()


def dump(redis: Connection) -> dict[bytes, bytes]:
    keys = redis.call("KEYS", "*")
    return {key: redis.call("DUMP", key) for key in keys}
