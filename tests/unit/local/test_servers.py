"""A server that dies, or cannot be started again for a while, is tried again, and ends nothing else."""

import os
import time
from pathlib import Path

import pytest

from infra.errors import HitlError
from infra.local.restart import RestartPolicy
from infra.local.servers import ServerChild
from infra.local.state import Condition

AT_ONCE = RestartPolicy(first_wait_seconds=0.0, longest_wait_seconds=0.0)


class Puppet:
    """A server that is what the test says it is."""

    log_file = Path("puppet.log")

    def __init__(self) -> None:
        self.exit_status: int | None = None
        self.trouble: Exception | None = None
        self.launched = self.killed = 0
        self.serves = True

    @property
    def pid(self) -> int | None:
        return os.getpid() if self.exit_status is None else None

    def start(self) -> None:
        self.launch()

    def launch(self) -> None:
        if self.trouble:
            raise self.trouble
        self.launched, self.exit_status = self.launched + 1, None

    def is_serving(self) -> bool:
        return self.serves

    def kill(self) -> None:
        self.killed, self.exit_status = self.killed + 1, None

    def stop(self) -> None:
        self.exit_status = None


def test_a_server_that_was_killed_runs_again() -> None:
    server = Puppet()
    child = ServerChild("puppet", server)
    child.start()
    assert child.state.condition is Condition.RUNNING
    server.exit_status = -9
    child.look(AT_ONCE)
    assert (child.state.condition, child.state.last_exit) == (Condition.WAITING, "killed by SIGKILL")
    child.look(AT_ONCE)
    assert (child.state.condition, child.state.restarts, server.launched) == (Condition.RUNNING, 1, 2)


def test_what_keeps_a_server_from_starting_again_may_pass() -> None:
    server = Puppet()
    child = ServerChild("puppet", server)
    child.start()
    server.exit_status = 1
    child.look(AT_ONCE)
    for trouble in (OSError("the disk is full"), HitlError("no binary; install it.")):
        server.trouble = trouble
        child.look(AT_ONCE)
        assert (child.state.condition, child.state.last_exit) == (Condition.WAITING, str(trouble))
    server.trouble = None
    child.look(AT_ONCE)
    assert child.state.condition is Condition.RUNNING


def test_even_the_exit_status_of_a_bad_configuration_is_tried_again() -> None:
    server = Puppet()
    child = ServerChild("puppet", server)
    child.start()
    server.exit_status = 78
    child.look(AT_ONCE)
    child.look(AT_ONCE)
    assert child.state.condition is Condition.RUNNING


def test_a_server_that_does_not_answer_after_a_restart_is_killed_and_given_twice_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    policy = RestartPolicy(first_wait_seconds=0.0, longest_wait_seconds=0.0, answer_seconds=30)
    server = Puppet()
    child = ServerChild("puppet", server)
    child.start()
    server.serves, server.exit_status = False, -9
    child.look(policy)
    child.look(policy)

    def seconds_until_killed() -> float:
        killed, began = server.killed, clock[0]
        while server.killed == killed:
            clock[0] += 1
            child.look(policy)
            assert clock[0] - began < 1_000, "it is never killed"
        assert child.state.condition is Condition.WAITING
        assert "did not answer within" in (child.state.last_exit or "")
        launched = server.launched
        child.look(policy)
        assert server.launched == launched + 1
        return clock[0] - began

    assert [seconds_until_killed() for _ in range(2)] == pytest.approx([30, 60], abs=2)
    clock[0] += 90
    server.serves = True
    child.look(policy)  # slow, but it answers
    server.serves = False
    clock[0] += 10_000
    child.look(policy)  # it may be busy later on: what answered once is not killed
    assert (server.killed, server.launched) == (2, 4)


def test_a_server_that_was_never_restarted_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    server = Puppet()
    child = ServerChild("puppet", server)
    child.start()
    server.serves = False
    for _ in range(3):
        clock[0] += 1_000
        child.look(RestartPolicy())
    assert server.killed == 0
