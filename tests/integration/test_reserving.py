"""Reservations on a real Valkey: the rule of streams.casework.serving in one step, nobody given what another has."""

import json
import threading
from collections import Counter
from random import Random

import pytest

from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection
from infra.redis.keys import Keys
from infra.redis.members import LaneKey, lane_name, queue_member
from infra.redis.records import RequestRecord, encode
from infra.redis.reserving import MOST_SKIPPED, PASSED_OVER, Asking, Nothing, Reservations, Reserved
from infra.redis.store import IndexStore
from schemas.values import CaseStage, Coordinates, Priority
from streams.casework.eligibility import Idle, Lane, holds_enough
from streams.casework.serving import CYCLE, HOUR, ServingPolicy, Waiting, serve
from tests.support.shop import InMemory

pytestmark = pytest.mark.integration
KEYS = Keys("test.")
NOW = 1_800_000_000_000
KEEP = 60_000  # milliseconds
POLICY = ServingPolicy(review_ms=60_000, last_call_ms=2 * HOUR)
PLAIN: LaneKey = ("posts", CaseStage.HUMAN, ())
FRENCH: LaneKey = ("posts", CaseStage.HUMAN, ("french",))
EXPERT: LaneKey = ("loans", CaseStage.EXPERT, ())


@pytest.fixture
def reservations(redis: Connection) -> Reservations:
    return Reservations(redis, KEYS)


def put(redis: Connection, name: str, turn: int, lane: LaneKey = PLAIN, priority: Priority = Priority.NORMAL) -> None:
    """A case that can be claimed, as the index writes it."""
    redis.call("ZADD", KEYS.claimable(lane_name(*lane), priority), turn, queue_member(NOW - HOUR, name))


def asking(who: str = "ada", *, now: int = NOW, limit: int = 100, share: int = 100) -> Asking:
    return Asking(
        reviewer_id=who, person=json.dumps({"reviewer_id": who}), now=now, hopeless=now + POLICY.review_ms,
        soon=now + POLICY.last_call_ms, cycle=CYCLE, wip_limit=limit, share=share, keep_ms=KEEP,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_the_case_reserved_is_the_one_that_the_rule_gives(seed: int, redis: Connection) -> None:
    """Random queues, people and moments: the script and the pure rule agree on the case, the reason, and on nothing."""
    random, reservations, memory = Random(seed), Reservations(redis, KEYS), InMemory()
    for number in range(random.choice((3, 30, 120))):
        lane, priority = random.choice((PLAIN, FRENCH, EXPERT)), random.choice(list(Priority))
        turn = NOW + random.randrange(-10, 60) * 600_000
        put(redis, f"r{number}", turn, lane, priority)
        memory.put(Lane(*lane), priority, Waiting(turn, NOW - HOUR, f"r{number}"))
    people = [(who, {lane: random.randrange(1, 4) for lane in random.sample((PLAIN, FRENCH, EXPERT), k=k)})
              for who, k in (("ada", 3), ("ben", 2), ("eve", 1))]  # fmt: skip
    given: Counter[str] = Counter()
    for _ in range(130):
        who, lanes = random.choice(people)
        now = NOW + random.randrange(60) * 60_000
        found = reservations.reserve(asking(who, now=now), lanes)
        expected = serve(
            memory, {Lane(*lane): able for lane, able in lanes.items()}, given=given[who], now=now, policy=POLICY
        )
        if expected is None:
            assert isinstance(found, Nothing) and found.why == Idle.NONE_WAITS
            continue
        assert isinstance(found, Reserved)
        assert (found.request_id, found.lane, found.priority, found.because) == (
            expected.case.request_id, tuple(expected.lane), expected.priority, expected.because,
        )  # fmt: skip
        given[who] += 1
        memory.take(expected.lane, expected.priority, expected.case)
        redis.call("ZREM", KEYS.claimable(lane_name(*found.lane), found.priority), queue_member(NOW - HOUR, found[0]))
        reservations.pass_over(who, found.request_id, now=now)


@pytest.mark.parametrize("seed", range(20))
def test_who_holds_enough_is_told_so_as_the_rule_has_it(seed: int, redis: Connection) -> None:
    random, reservations = Random(seed), Reservations(redis, KEYS)
    waiting, theirs, limit = random.randrange(8), random.randrange(6), random.randrange(1, 6)
    share = random.randrange(1, 5)
    for number in range(waiting):
        put(redis, f"r{number}", NOW + 9 * HOUR)
    for number in range(theirs):
        redis.call("ZADD", KEYS.in_hand("ada"), NOW + HOUR, f"held {number}")
    found = reservations.reserve(asking(limit=limit, share=share), {PLAIN: 1})
    why = holds_enough(theirs, waiting=waiting, limit=limit, share=share)
    assert (found.why if isinstance(found, Nothing) else None) == why


def test_fifty_who_ask_at_once_get_fifty_cases(valkey: EmbeddedValkey, redis: Connection) -> None:
    for number in range(400):
        put(redis, f"r{number}", NOW + HOUR + number, priority=list(Priority)[number % 4])
    got: list[str] = []

    def ask(who: str) -> None:
        own = Connection(valkey.url, address="it")
        reservations = Reservations(own, KEYS)
        for _ in range(10):
            found = reservations.reserve(asking(who), {PLAIN: 50})
            got.append(found.request_id if isinstance(found, Reserved) else found.why)
        own.close()

    threads = [threading.Thread(target=ask, args=(f"p{number}",)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = Counter(got)
    assert counted.pop(Idle.NONE_WAITS) == 100
    assert len(counted) == 400 and set(counted.values()) == {1}


def test_a_reservation_ends_by_itself(redis: Connection, reservations: Reservations) -> None:
    put(redis, "r", NOW + HOUR)
    assert isinstance(reservations.reserve(asking("ada"), {PLAIN: 2}), Reserved)
    assert reservations.reserve(asking("ben", now=NOW + KEEP - 1), {PLAIN: 2}) == Nothing(Idle.NONE_WAITS, 0)
    again = reservations.reserve(asking("ben", now=NOW + KEEP), {PLAIN: 2})
    assert isinstance(again, Reserved) and again.request_id == "r"


def test_nobody_is_given_what_they_answered_or_gave_back(redis: Connection, reservations: Reservations) -> None:
    for name in ("answered", "given back", "other"):
        put(redis, name, NOW + HOUR)
    redis.call("SADD", KEYS.answered("ada"), "answered")
    for name in ("given back", "other"):
        reservations.pass_over("ada", name, now=NOW)
    reservations.offer_again("ada", "other")
    found = [reservations.reserve(asking("ada", now=NOW + 1), {PLAIN: 2}) for _ in range(2)]
    assert [each[0] for each in found] == ["other", Idle.NONE_WAITS]
    later = reservations.reserve(asking("ada", now=NOW + PASSED_OVER), {PLAIN: 2})
    assert later[0] == "given back"
    assert reservations.reserve(asking("ben", now=NOW + 1), {PLAIN: 2})[0] == "answered"


def test_what_was_granted_is_in_hand_until_the_read_model_has_seen_the_grant(
    redis: Connection, reservations: Reservations
) -> None:
    """Neither counted twice, nor forgotten between the log's answer and the read model's."""
    for number in range(5):
        put(redis, f"r{number}", NOW + HOUR)
    redis.call("HSET", KEYS.offsets, "assignments[2]", 41)
    first = reservations.reserve(asking(limit=1), {PLAIN: 1})
    assert isinstance(first, Reserved)
    assert reservations.reserve(asking(limit=1), {PLAIN: 1}) == Nothing(Idle.ENOUGH_IN_HAND, 1)
    grant = Coordinates(topic="assignments", partition=2, offset=41)
    reservations.granted("ada", first.request_id, grant, now=NOW, keep_ms=KEEP)
    assert reservations.reserve(asking(limit=1), {PLAIN: 1}) == Nothing(Idle.ENOUGH_IN_HAND, 1)
    redis.call("ZADD", KEYS.in_hand("ada"), NOW + HOUR, first.request_id)
    assert reservations.reserve(asking(limit=1), {PLAIN: 1}) == Nothing(Idle.ENOUGH_IN_HAND, 1)
    redis.call("HSET", KEYS.offsets, "assignments[2]", 43)  # the grant, and the decision after it
    redis.call("ZREM", KEYS.in_hand("ada"), first.request_id)
    assert isinstance(reservations.reserve(asking(limit=1), {PLAIN: 1}), Reserved)


def test_a_lease_that_ran_out_is_not_in_hand(redis: Connection, reservations: Reservations) -> None:
    put(redis, "r", NOW + HOUR)
    redis.call("ZADD", KEYS.in_hand("ada"), NOW - 1, "old")
    assert isinstance(reservations.reserve(asking(limit=1), {PLAIN: 1}), Reserved)


def test_it_says_why_there_is_nothing(redis: Connection, reservations: Reservations) -> None:
    assert reservations.reserve(asking(), {}) == Nothing(Idle.NO_LANE, 0)
    assert reservations.reserve(asking(), {PLAIN: 1}) == Nothing(Idle.NONE_WAITS, 0)


def test_it_says_how_many_one_holds_whatever_the_reason(redis: Connection, reservations: Reservations) -> None:
    put(redis, "r", NOW + HOUR)
    redis.call("ZADD", KEYS.in_hand("ada"), NOW + HOUR, "held")
    assert reservations.reserve(asking(limit=1), {PLAIN: 1}) == Nothing(Idle.ENOUGH_IN_HAND, 1)
    assert reservations.reserve(asking(share=1), {PLAIN: 1}) == Nothing(Idle.FAIR_SHARE, 1)
    assert reservations.reserve(asking(), {}) == Nothing(Idle.NO_LANE, 1)
    assert isinstance(reservations.reserve(asking(), {PLAIN: 1}), Reserved)
    assert reservations.reserve(asking(), {PLAIN: 1}) == Nothing(Idle.NONE_WAITS, 2)  # another has it, or nobody
    redis.call("DEL", KEYS.claimable(lane_name(*PLAIN), Priority.NORMAL))
    assert reservations.reserve(asking(), {PLAIN: 1}) == Nothing(Idle.NONE_WAITS, 2)


def test_the_record_comes_with_the_case(redis: Connection, reservations: Reservations) -> None:
    put(redis, "known", NOW + HOUR)
    put(redis, "unknown", NOW + 2 * HOUR)
    redis.call("SET", KEYS.request("known"), encode(RequestRecord(state="human_review")))
    known, unknown = (reservations.reserve(asking(), {PLAIN: 1}) for _ in range(2))
    assert isinstance(known, Reserved) and known.record == RequestRecord(state="human_review")
    assert isinstance(unknown, Reserved) and unknown.record is None


def test_who_is_at_work_is_who_has_asked_lately(redis: Connection, reservations: Reservations) -> None:
    reservations.reserve(asking("ada", now=NOW - HOUR), {PLAIN: 1})
    reservations.reserve(asking("ben"), {PLAIN: 1})
    redis.call("ZADD", KEYS.in_hand("ben"), NOW, "a")
    redis.call("ZADD", KEYS.in_hand("eve"), NOW, "b")
    assert reservations.at_work(since=NOW - 1) == ['{"reviewer_id": "ben"}']
    assert reservations.held(["ada", "ben"]) == 1
    assert reservations.held([]) == 0


def test_an_index_that_begins_anew_and_reservations_leave_each_other_alone(
    redis: Connection, reservations: Reservations
) -> None:
    store = IndexStore(redis, KEYS, "index")
    put(redis, "r", NOW + HOUR)
    before = {key: redis.call("DUMP", key) for key in redis.call("KEYS", "*")}
    reservations.reserve(asking(), {PLAIN: 1})
    assert {key: redis.call("DUMP", key) for key in before} == before, "the read model is not written"
    kept = set(redis.call("KEYS", "*")) - set(before)
    assert kept
    store.begin({"requests[0]": 0}, now=NOW)
    assert kept <= set(redis.call("KEYS", "*")), "the reservations are not the index's to delete"
    put(redis, "r", NOW + HOUR)
    assert reservations.reserve(asking("ben"), {PLAIN: 1}) == Nothing(Idle.NONE_WAITS, 0)


def test_who_has_answered_thousands_at_the_head_is_given_one_of_the_others(
    redis: Connection, reservations: Reservations
) -> None:
    """All wait for the answer of a second person; the order is given up, not the work."""
    for number in range(2 * MOST_SKIPPED):
        put(redis, f"{number:05d}", NOW + HOUR + number)
        if number < MOST_SKIPPED + 500:
            redis.call("SADD", KEYS.answered("ada"), f"{number:05d}")
    found = reservations.reserve(asking("ada"), {PLAIN: 1})
    assert isinstance(found, Reserved) and int(found.request_id) >= MOST_SKIPPED + 500
    assert reservations.reserve(asking("ben"), {PLAIN: 1})[0] == "00000"
