"""A server that dies, or cannot be started again for a while, is tried again, and ends nothing else."""

import os
from pathlib import Path

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
        self.launched = 0

    @property
    def pid(self) -> int | None:
        return os.getpid() if self.exit_status is None else None

    def start(self) -> None:
        self.launch()

    def launch(self) -> None:
        if self.trouble:
            raise self.trouble
        self.launched, self.exit_status = self.launched + 1, None

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
