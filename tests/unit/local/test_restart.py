"""A dead service comes back at once, then ever later, and never when that cannot help."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import FATAL_EXIT
from infra.local.restart import Restart, RestartPolicy, StayDown, after_exit, describe_exit

POLICY = RestartPolicy(first_wait_seconds=0.25, longest_wait_seconds=30, stable_seconds=30)


@given(status=st.integers(-64, 255).filter(lambda status: status != FATAL_EXIT), failures=st.integers(0, 2000))
def test_waits_grow_and_stay_below_the_longest(status: int, failures: int) -> None:
    one = after_exit(POLICY, status=status, ran_seconds=1, failures=failures)
    two = after_exit(POLICY, status=status, ran_seconds=1, failures=failures + 1)
    assert isinstance(one, Restart)
    assert isinstance(two, Restart)
    assert 0.25 <= one.wait_seconds <= two.wait_seconds <= 30


def test_a_stable_run_forgets_former_failures() -> None:
    decision = after_exit(POLICY, status=-9, ran_seconds=30, failures=50)
    assert decision == Restart(wait_seconds=0.25, failures=1, reason="killed by SIGKILL")


@given(ran_seconds=st.floats(0, 1e6), failures=st.integers(0, 99))
def test_a_fatal_configuration_is_not_tried_again(ran_seconds: float, failures: int) -> None:
    decision = after_exit(POLICY, status=FATAL_EXIT, ran_seconds=ran_seconds, failures=failures)
    assert isinstance(decision, StayDown)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended by itself"),
        (1, "failed with exit status 1"),
        (-15, "killed by SIGTERM"),
        (-250, "killed by signal 250"),
    ],
)
def test_exits_are_told_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words
