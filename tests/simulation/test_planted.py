"""The simulation bites: each planted bug is caught within a stated number of schedules."""

from typing import Any

import pytest

from tests.simulation import planted
from tests.simulation.shrinking import TURNS, Setup, failure

SCHEDULES = 400  # within which every planted bug must show
BUGS: dict[str, Setup] = {
    "offsets before produce": {"loop": planted.OffsetsBeforeProduce},
    "tick without fencing": {"loop": planted.TickWithoutFencing, "hours": 0.00005, "leave_open": 0.6},
    "buffer kept after abort": {"loop": planted.BufferKeptAfterAbort},
    "state kept after abort": {"loop": planted.StateKeptAfterAbort},
    "missing hold of an early decision": {"make_casework": planted.without_hold},
    "appeal before its audit": {"make_casework": planted.overtaking_appeals},
    "fencing token ignored": {"make_casework": planted.ignoring_tokens},
    "lapsed lease honoured": {"make_casework": planted.lapsed_owners},
    "answer counted again after an abort": {"make_casework": planted.counting_again},
    "second answer of one person": {"make_casework": planted.forgetting_people},
    "non-derived id": {"make_router": planted.random_ids},
}


@pytest.mark.simulation
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str) -> None:
    setup: dict[str, Any] = BUGS[bug]
    for seed in range(SCHEDULES):
        if found := failure(seed, requests=12, turns=TURNS, setup=setup):
            print(f"{bug}: caught at seed {seed}: {found}")
            return
    pytest.fail(f"{bug} was not caught in {SCHEDULES} schedules")
