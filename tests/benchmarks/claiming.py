"""`python -m tests.benchmarks.claiming`: the next case for 50 people at once, with very many open cases.

First the reservation alone, on a Valkey that holds the read model of all cases; then the whole call, from the question
to the lease that casework grants, with casework and index as processes of their own.
"""

import argparse
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeAlias

from consumers.index.changes import changes
from consumers.index.indexer import FOLLOWED
from consumers.index.kept import record_of
from infra.kafka.running import wall
from infra.kafka.scan import ends_of, name_of
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Command, Connection
from infra.redis.keys import Keys
from infra.redis.members import lane_name, queue_member
from infra.redis.reading import ReadModel, connect
from infra.redis.reserving import Asking, Reservations, Reserved
from infra.redis.store import IndexStore, Result
from infra.secret_keys import secrets
from producers.desk.next import NextCase, NextPolicy, NotRuled
from producers.desk.opening import opened_next
from schemas.events import CaseSnapshot
from schemas.topics import POLICIES
from streams.casework.eligibility import Reviewer
from streams.casework.sealing import Sealer
from streams.casework.serving import CYCLE, ServingPolicy
from tests.benchmarks.casework import casework, policy_published, service, snapshots
from tests.benchmarks.stand import CODEC, Stand, fill, quantile, stand

BATCH = 1_000  # cases written to Redis at once
KEEP = 5_000  # milliseconds
LONGEST_RESTORE = 600  # seconds
BEHIND = 200  # milliseconds that the read model is taken to be behind the log


Leaving: TypeAlias = "SimpleQueue[tuple[int, Reserved]]"


class Claimed(NamedTuple):
    """Milliseconds of each call, and how many cases were given to more than one person."""

    took: Sequence[float]
    doubles: int
    nothing: int
    per_second: float


def nothing_more(_: CaseSnapshot) -> Iterator[Command]:
    """Only what every case has."""
    return iter(())


def read_model(
    running: Stand, redis: Connection, count: int, *, now: int,
    also: Callable[[CaseSnapshot], Iterator[Command]] = nothing_more,
) -> int:  # fmt: skip
    """Write the read model of so many open cases as the index does, up to the present end of the log; bytes each.

    `also`: what is written of each case besides.
    """
    keys = Keys(running.settings.topic_prefix)
    store = IndexStore(redis, keys, "benchmark")
    ends = {name_of(place): end for place, end in ends_of(running.log, FOLLOWED).items()}
    before = redis.call("INFO", "memory")["used_memory"]
    assert store.begin(ends, now=now) is Result.APPLIED
    cases = (made.event for made in snapshots(count, Sealer(secrets(running.settings).seal_key), now=now))
    while batch := list(itertools.islice(cases, BATCH)):
        commands = []
        for case in batch:
            assert isinstance(case, CaseSnapshot)
            record = record_of(case)
            assert record is not None
            commands += [*changes(keys, case.request_id, None, record, now=now), *also(case)]
        assert store.apply(commands) is Result.APPLIED
    assert store.caught_up() is Result.APPLIED
    return int((redis.call("INFO", "memory")["used_memory"] - before) / count)


def at_a_rate(call: Callable[[int], str | None], *, clients: int, rate: int, seconds: int) -> Claimed:
    """So many calls a second by as many threads; each call is timed from when it was due, so that no queue hides."""
    took: list[float] = []
    given: Counter[str] = Counter()
    lock, start = threading.Lock(), time.perf_counter() + 0.2

    def once(number: int) -> None:
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        found = call(number)
        ended = time.perf_counter()
        with lock:
            took.append((ended - due) * 1e3)
            given[found or ""] += 1

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(once, range(rate * seconds)))
    nothing = given.pop("", 0)
    doubles = sum(times - 1 for times in given.values())
    return Claimed(took[rate:], doubles, nothing, rate * seconds / (time.perf_counter() - start))


def reserving(running: Stand, url: str, *, clients: int, rate: int, seconds: int) -> tuple[Claimed, float]:
    """The reservation alone; also the microseconds that Valkey's one thread spends on each."""
    keys, redis = Keys(running.settings.topic_prefix), Connection(url, address="benchmark")
    reservations, serving, leaving = Reservations(redis, keys), ServingPolicy(), SimpleQueue[tuple[int, Reserved]]()
    lanes = dict.fromkeys(ReadModel(redis, keys).lanes(), clients)

    def call(number: int) -> str | None:
        now, who = wall(), f"p{number % clients}"
        asking = Asking(
            reviewer_id=who, person=f'{{"reviewer_id":"{who}"}}', now=now, hopeless=now + serving.review_ms,
            soon=now + serving.last_call_ms, cycle=CYCLE, wip_limit=1_000_000, share=1_000_000, keep_ms=3_600_000,
        )  # fmt: skip
        found = reservations.reserve(asking, lanes)
        if isinstance(found, Reserved):
            reservations.drop(who, found.request_id)
            leaving.put((now, found))
            return found.request_id
        return None

    redis.call("CONFIG", "RESETSTAT")
    ended = threading.Event()
    index = threading.Thread(target=_leave, args=(redis, keys, leaving, ended))
    index.start()
    claimed = at_a_rate(call, clients=clients, rate=rate, seconds=seconds)
    ended.set()
    index.join()
    stats = redis.call("INFO", "commandstats")
    redis.close()
    return claimed, float(stats["cmdstat_evalsha"]["usec_per_call"])


def _leave(redis: Connection, keys: Keys, leaving: Leaving, ended: threading.Event) -> None:
    """What was given leaves the queue of what can be claimed, as late as the index is behind the log."""
    while not ended.is_set():
        try:
            at, found = leaving.get(timeout=0.1)
        except Empty:
            continue
        time.sleep(max(0, at + BEHIND - wall()) / 1e3)
        place = found.record.claimable if found.record else None
        assert place is not None
        queue = keys.claimable(lane_name(*found.lane), found.priority)
        redis.call("ZREM", queue, queue_member(place.opened_at, found.request_id))


def claiming(running: Stand, *, clients: int, rate: int, seconds: int) -> Claimed:
    """The whole call; nobody holds too much, as everybody's limit is out of reach."""
    policy = NextPolicy(patience_seconds=30, keep_ms=KEEP)
    with opened_next(running.settings, running.log, CODEC, policy) as following:

        def call(number: int) -> str | None:
            found = following.for_person(Reviewer(reviewer_id=f"p{number % clients}"), wip_limit=1_000_000)
            return found.request_id if isinstance(found, NextCase) else None

        _come_up(call)
        _follow_up(running)
        return at_a_rate(call, clients=clients, rate=rate, seconds=seconds)


def _come_up(call: Callable[[int], str | None]) -> None:
    """Ask until casework has restored its cases and answers."""
    deadline = time.monotonic() + LONGEST_RESTORE
    while True:
        try:
            call(0)
        except NotRuled:
            assert time.monotonic() < deadline, "casework does not come up"
        else:
            return


def _follow_up(running: Stand) -> None:
    """Wait until the index has told of the first lease."""
    model, deadline = connect(running.settings), time.monotonic() + LONGEST_RESTORE
    while not model.in_hand("p0"):
        assert time.monotonic() < deadline, "the index does not come up"
        time.sleep(0.1)
    model.close()


def report(what: str, claimed: Claimed) -> str:
    shown = ", ".join(f"p{share} {quantile(claimed.took, share / 100):.1f}" for share in (50, 95, 99))
    return (
        f"{what}: {shown} ms at {claimed.per_second:.0f}/s; given twice {claimed.doubles}, "
        f"nothing found {claimed.nothing}"
    )


@contextmanager
def with_valkey(running: Stand) -> Iterator[Stand]:
    """The stand with a Valkey of its own."""
    server = EmbeddedValkey(running.settings.data_dir / "valkey", prefer=None)
    server.start()
    try:
        yield Stand(
            broker=running.broker, settings=running.settings.with_changes(redis_url=server.url), log=running.log
        )
    finally:
        server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["reserve", "claim"])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=int, default=200, help="a second")
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    asked = {"clients": options.clients, "rate": options.rate, "seconds": options.seconds}
    with ExitStack() as opened:
        running = opened.enter_context(with_valkey(opened.enter_context(stand())))
        url, now = running.settings.redis_url, wall()
        fill(running, iter([POLICIES.message(policy_published())]))
        if "claim" in options.what:
            fill(running, snapshots(options.cases, Sealer(secrets(running.settings).seal_key), now=now))
        redis = Connection(url, address="benchmark")
        bytes_each = read_model(running, redis, options.cases, now=now)
        redis.close()
        print(f"{options.cases:,} open cases in Valkey, {bytes_each:,} bytes each", flush=True)
        if "reserve" in options.what:
            claimed, micros = reserving(running, url, **asked)
            print(report("reserved", claimed) + f"; {micros:.0f} µs of Valkey each", flush=True)
        if "claim" in options.what:
            opened.enter_context(casework(running))
            opened.enter_context(service(running, "index"))
            print(report("asked → granted", claiming(running, **asked)), flush=True)


if __name__ == "__main__":
    main()
