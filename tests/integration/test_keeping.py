"""What sessions are kept in: Redis and memory answer alike, and the index leaves them alone."""

import threading
import time
from collections.abc import Callable

import pytest

from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection
from infra.redis.keeping import Keeping, MemoryKeeping, RedisKeeping
from infra.redis.keys import Keys
from infra.redis.store import IndexStore
from producers.desk.signin.sessions import How, Sessions, Terms
from tests.support.signing_in import ANN, NOW
from tests.support.stand import wait_until

pytestmark = pytest.mark.integration
Made = Callable[[], Keeping]


@pytest.fixture(params=["redis", "memory"])
def keeping(request: pytest.FixtureRequest, redis: Connection) -> Keeping:
    if request.param == "redis":
        return RedisKeeping(redis, "test.")
    return MemoryKeeping(lambda: time.monotonic_ns() // 1_000_000)


def test_a_value_is_there_until_it_ends_or_is_taken(keeping: Keeping) -> None:
    keeping.put("a", b"\x00\xff", keep_ms=60_000)
    keeping.put("b", b"short", keep_ms=10_000)
    assert keeping.get(["a", "b", "c"]) == [b"\x00\xff", b"short", None]
    keeping.put("b", b"short", keep_ms=1_000)
    wait_until(lambda: keeping.get(["a", "b"]) == [b"\x00\xff", None], what="the end of what is kept for a second")
    assert keeping.take("a") == b"\x00\xff" and keeping.take("a") is None
    assert keeping.get(["a"]) == [None]


def test_only_what_is_there_is_replaced(keeping: Keeping) -> None:
    assert keeping.replace("a", b"1", keep_ms=60_000) is False
    assert keeping.get(["a"]) == [None]
    keeping.put("a", b"1", keep_ms=60_000)
    assert keeping.replace("a", b"2", keep_ms=60_000) is True
    assert keeping.get(["a"]) == [b"2"]


def test_of_many_who_take_it_one_gets_it(valkey: EmbeddedValkey, redis: Connection) -> None:
    RedisKeeping(redis, "test.").put("a", b"1", keep_ms=60_000)
    got: list[bytes | None] = []
    start = threading.Barrier(8)

    def take() -> None:
        own = Connection(valkey.url, address="it")
        start.wait()
        got.append(RedisKeeping(own, "test.").take("a"))
        own.close()

    takers = [threading.Thread(target=take) for _ in range(8)]
    for each in takers:
        each.start()
    for each in takers:
        each.join()
    assert sorted(value or b"" for value in got) == [b""] * 7 + [b"1"]


def test_a_session_of_one_process_is_known_to_the_others_and_ends_for_all(redis: Connection) -> None:
    def process(prefix: str = "test.") -> Sessions:
        made = iter(f"{n:A<43}" for n in range(9))
        return Sessions(RedisKeeping(redis, prefix), wall=lambda: NOW, new_secret=lambda: next(made), terms=Terms())

    session_id, session = process().begin(ANN, How.PROVIDER, former=None)
    assert process().find(session_id) == session
    assert process("other.").find(session_id) is None
    process().end_all("ann")
    assert process().find(session_id) is None
    assert redis.call("KEYS", "*") and session_id.encode() not in b" ".join(redis.call("KEYS", "*"))


def test_a_read_model_that_is_begun_anew_ends_no_session(redis: Connection) -> None:
    keeping = RedisKeeping(redis, "test.")
    keeping.put("a", b"1", keep_ms=60_000)
    IndexStore(redis, Keys("test."), "token").begin({}, now=NOW)
    assert keeping.get(["a"]) == [b"1"]
