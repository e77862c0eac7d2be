"""Thousands of seeded schedules of the whole topology; a failing seed is made small and printed."""

import os

import pytest

from tests.simulation.shrinking import TURNS, failure, shrunk

SCHEDULES = int(os.environ.get("HITL_SCHEDULES", "5000"))
FIRST = int(os.environ.get("HITL_FIRST_SEED", "0"))
SHARE = 100  # schedules of one test, so that workers can share them
REQUESTS = 8


@pytest.mark.simulation
@pytest.mark.parametrize("first", range(FIRST, FIRST + SCHEDULES, SHARE))
def test_nothing_is_lost_double_or_out_of_order(first: int) -> None:
    print(f"seeds {first} to {first + SHARE - 1}")
    for seed in range(first, first + SHARE):
        if failure(seed, requests=REQUESTS, turns=TURNS, setup={}):
            pytest.fail(shrunk(seed, requests=REQUESTS, setup={}))
