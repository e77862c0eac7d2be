"""A call that never returns is given up, and costs no more than its time."""

import threading
import time

import pytest

from infra.kafka.client_side_thread import SideThread


def test_calls_are_made_one_after_the_other_elsewhere() -> None:
    side, made = SideThread("side"), list[str]()
    for _ in range(2):
        side.call(lambda: made.append(threading.current_thread().name), 30)
    side.end()
    assert made == ["side", "side"]


def test_what_a_call_raises_is_raised_where_it_was_asked_for() -> None:
    side = SideThread("side")
    with pytest.raises(ZeroDivisionError):
        side.call(lambda: 1 / 0, 30)
    side.call(lambda: None, 30)
    side.end()


def test_call_that_never_returns_is_given_up() -> None:
    side, never = SideThread("side"), threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="within 0.05 s"):
        side.call(never.wait, 0.05)
    assert time.monotonic() - began < 20
    side.end()
    never.set()
