"""A million simulated requests under faults. About an hour on 2 idle cores; HITL_CHAOS_REQUESTS sets another number."""

import os

import pytest

from tests.simulation.shrinking import failure, shrunk

REQUESTS = int(os.environ.get("HITL_CHAOS_REQUESTS", "1000000"))
FIRST = int(os.environ.get("HITL_FIRST_SEED", "1000000"))
PER_SCHEDULE = 100
SHARE = 50  # schedules of one test, so that workers can share them
TURNS = 900
SCHEDULES = -(-REQUESTS // PER_SCHEDULE)


@pytest.mark.parametrize("first", range(FIRST, FIRST + SCHEDULES, SHARE))
def test_a_million_requests_survive_every_schedule(first: int) -> None:
    last = min(first + SHARE, FIRST + SCHEDULES)
    print(f"seeds {first} to {last - 1}, {PER_SCHEDULE} requests each")
    for seed in range(first, last):
        if failure(seed, requests=PER_SCHEDULE, turns=TURNS, setup={}):
            pytest.fail(shrunk(seed, requests=PER_SCHEDULE, setup={}, turns=TURNS))
