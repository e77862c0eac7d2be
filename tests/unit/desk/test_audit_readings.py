"""Readings of the log beside the pages: a few at once, each once, given up when nobody asks."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from infra.http.problems import Problem
from infra.kafka.log import Log
from producers.desk.pages.audit.readings import AT_ONCE, MOST_WAITING, HowFar, Period, Readings, State
from tests.simulation.topology import topology
from tests.simulation.world import CODEC
from tests.support.placed import ids

EVER = Period(None, None)


class Slow:
    """A log that is read when it is told to be."""

    def __init__(self, log: Log, name: str) -> None:
        self._log, self.name, self.go, self.readers = log, name, threading.Event(), 0

    def reader(self, starts: Any) -> Any:
        self.readers += 1
        self.go.wait(30)
        return self._log.reader(starts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.fixture
def log() -> Slow:
    made = topology(3, requests=14, hours=1.0, leave_open=0.3)
    made.run(200)
    return Slow(made.log, ids(made)[0])


def until(look: Callable[[], HowFar], state: State) -> HowFar:
    deadline = time.monotonic() + 30
    while (far := look()).state is not state:
        assert time.monotonic() < deadline, far
        time.sleep(0.01)
    return far


def test_a_reading_is_begun_once_and_its_end_is_found_again(log: Slow) -> None:
    readings, name = Readings(cast(Log, log), CODEC), log.name
    for _ in range(5):
        assert readings.look(name, EVER).state is State.READING
    log.go.set()
    far = until(lambda: readings.look(name, EVER), State.DONE)
    assert far.entries and far.done == far.total > 0
    assert log.readers == 1
    readings.close()


def test_more_than_a_few_are_refused(log: Slow) -> None:
    readings = Readings(cast(Log, log), CODEC)
    for number in range(AT_ONCE + MOST_WAITING):
        readings.look(f"r{number}", EVER)
    with pytest.raises(Problem) as refused:
        readings.look("one more", EVER)
    assert refused.value.status == 503 and refused.value.reason == "busy"
    assert readings.look("r0", EVER).state is State.READING, "who waits already goes on"
    log.go.set()
    readings.close()


def test_what_nobody_asks_about_any_more_is_given_up_and_may_be_tried_again(log: Slow) -> None:
    now = [0.0]
    readings = Readings(cast(Log, log), CODEC, clock=lambda: now[0])
    readings.look("r", EVER)
    now[0] = 100.0
    log.go.set()
    deadline = time.monotonic() + 30
    while not any(each.state is State.FAILED for each in readings._known.values()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    now[0] = 120.0
    assert until(lambda: readings.look("r", EVER), State.DONE).entries == []
    readings.close()


def test_what_was_read_is_forgotten_after_a_while(log: Slow) -> None:
    now = [0.0]
    readings = Readings(cast(Log, log), CODEC, clock=lambda: now[0])
    log.go.set()
    until(lambda: readings.look("r", EVER), State.DONE)
    now[0] = 1_000.0
    readings.look("other", EVER)
    assert [name for name, _ in readings._known] == ["other"]
    readings.close()
