"""Runs seeded schedules, and makes a failing one as small as it gets before it is shown."""

from collections.abc import Callable
from typing import Any

from tests.simulation.topology import topology, verify

TURNS = 150
Setup = dict[str, Any]


def failure(seed: int, *, requests: int, turns: int, setup: Setup) -> str | None:
    """What a schedule breaks, or None. Whatever it raises counts: a stage must survive every schedule."""
    world = topology(seed, requests=requests, **setup)
    try:
        world.run(turns)
        verify(world)
    except Exception as error:  # noqa: BLE001 - the simulation's finding, whatever it is
        return f"{type(error).__name__}: {error}"
    return None


def shrunk(
    seed: int, *, requests: int, setup: Setup, turns: int = TURNS, attempt: Callable[..., str | None] = failure
) -> str:
    """The smallest number of requests and turns with which this seed still fails, and how to run it again."""
    found = attempt(seed, requests=requests, turns=turns, setup=setup)
    for fewer in (1, 2, 3, 5, 8):
        if fewer < requests and (smaller := attempt(seed, requests=fewer, turns=turns, setup=setup)):
            requests, found = fewer, smaller
            break
    while turns > 10 and (smaller := attempt(seed, requests=requests, turns=turns * 2 // 3, setup=setup)):
        turns, found = turns * 2 // 3, smaller
    return f"seed {seed}, {requests} requests, {turns} turns: {found}"
