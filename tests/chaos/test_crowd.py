"""Fifty people at the desk at full speed: nobody shares a case, nothing is lost, and nothing grows without end.

HITL_CHAOS_MINUTES says for how long (10).
"""

import os
import time
from collections.abc import Iterator
from typing import Final

import pytest

from infra.settings import DESK_FILE
from tests.support.crowd import Crowd
from tests.support.gateway import ADDRESS, url_of
from tests.support.memory import Memory
from tests.support.stand import Stand
from tests.support.stock import Stock, one_owner_and_nothing_lost

MINUTES: Final = float(os.environ.get("HITL_CHAOS_MINUTES", "10"))
PEOPLE: Final = 50
WATCHED: Final = ("desk", "index", "casework")
WARM_UP: Final = 0.5  # of the time: the desk remembers its last 10,000 answers and 10,000 commands, 2 KiB each
LONG: Final = 5.0  # minutes from which on a slope tells something
MOST: Final = {"desk": 192, "index": 112}  # mebibytes
MOST_GROWTH: Final = 16.0  # mebibytes for each ten minutes, of a process that remembers nothing for long
MOST_OF_A_CASE: Final = 6.0  # KiB: casework remembers what is closed, so that a late answer is told so


@pytest.fixture
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("crowd"), desk_address=ADDRESS)
    try:
        stand.up(["casework", "index", "desk"])
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


def test_fifty_people_at_full_speed_share_no_case_and_lose_nothing(stand: Stand) -> None:
    url = url_of(stand, DESK_FILE)
    stock, crowd = Stock(stand), Crowd(url, PEOPLE, signed_in=stand.settings)
    memory = Memory({name: stand.stack.pids()[name] for name in WATCHED})
    crowd.start()
    began = time.monotonic()
    while time.monotonic() - began < MINUTES * 60:
        time.sleep(1)
        memory.look(crowd.decided)
    crowd.stop()
    stock.close()
    calls = sum(worker.heard.calls for worker in crowd.workers)
    longest = max(worker.heard.longest for worker in crowd.workers)
    print(f"{crowd.decided} answers, {calls / (MINUTES * 60):.0f} calls a second, the longest {longest:.2f} s")
    print(f"refused: {dict(crowd.answers())}; {memory.told(WARM_UP)}")
    crowd.nothing_wrong()
    assert not [answer for answer in crowd.answers() if answer[0] == 503], crowd.answers()
    assert crowd.decided > 10 * PEOPLE, "they worked"
    assert {name: stand.stack.pids()[name] for name in WATCHED} == memory.pids, "nothing was started again"
    one_owner_and_nothing_lost(stand.history(), crowd)
    memory_is_flat(memory)


def memory_is_flat(memory: Memory) -> None:
    """A straight line through the second half of the time does not rise; casework keeps what is closed, and no more."""
    for name, most in MOST.items():
        assert memory.highest(name) < most, f"{name} has {memory.highest(name):.0f} MiB"
    if MINUTES >= LONG:
        for name in MOST:
            assert memory.growth(name, WARM_UP) < MOST_GROWTH, memory.told(WARM_UP)
        assert memory.of_a_case("casework", WARM_UP) < MOST_OF_A_CASE, memory.told(WARM_UP)
