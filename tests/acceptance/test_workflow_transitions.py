"""The state machine is exactly the table; every other pair is refused and changes nothing."""

import csv
import itertools
from pathlib import Path

import pytest

from streams.workflow.states import State, Trigger, transition

ROWS = list(csv.DictReader((Path(__file__).parent / "workflow_transitions.csv").read_text().splitlines()))
LEGAL = {(row["from_state"], row["trigger"]): row["to_state"] for row in ROWS}


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_pair_is_as_the_table_says(state: State, trigger: Trigger) -> None:
    step = transition(state, trigger)
    if (to := LEGAL.get((state, trigger))) is not None:
        assert (step.state, step.refused) == (to, None)
    else:
        assert step.state is state
        assert step.refused == f"{trigger} does not lead anywhere from {state}"


def test_table_names_only_states_and_triggers_that_exist() -> None:
    assert {row["from_state"] for row in ROWS} | {row["to_state"] for row in ROWS} == set(State)
    assert {row["trigger"] for row in ROWS} == set(Trigger)
