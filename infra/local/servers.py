"""A server of the stack under the supervisor, Kafka or Valkey: after its first start it keeps its address."""

import logging
import time
from pathlib import Path
from typing import Protocol

import msgspec

from infra.errors import HitlError
from infra.local.processes import identify
from infra.local.restart import Restart, RestartPolicy, StayDown, after_exit
from infra.local.state import Condition, ProcessState

log = logging.getLogger("supervisor")
GLANCE = 2.0  # seconds between two questions to a server that has not answered yet
PATIENCES = 4  # how often the patience with a server that does not answer is doubled: a long recovery gets its time


class Server(Protocol):
    """What owns the process of a server."""

    @property
    def log_file(self) -> Path: ...

    @property
    def pid(self) -> int | None:
        """Process id, or None when it does not run."""

    @property
    def exit_status(self) -> int | None:
        """How it ended, as of subprocess; None while it runs or after `stop`."""

    def start(self) -> None:
        """Return when it answers."""

    def launch(self) -> None:
        """Start it without waiting."""

    def is_serving(self) -> bool:
        """Whether it answers."""

    def kill(self) -> None:
        """kill -9; it has no exit status afterwards."""

    def stop(self) -> None:
        """End it in order, so that its next start is quick."""


class ServerChild:
    """One server, and what is known about it."""

    def __init__(self, name: str, server: Server) -> None:
        self._server = server
        self._failures = 0
        self._due = self._began = 0.0  # monotonic times of the next and the last start
        self._asked: float | None = None  # when it was last asked whether it serves; None when it did
        self._hung = 0  # starts in a row after which it did not answer
        self.state = ProcessState(
            name=name, condition=Condition.STOPPED, since=time.time(), log=str(server.log_file)
        )

    def start(self) -> None:
        """Return when it answers."""
        self._server.start()
        self._running()

    def look(self, policy: RestartPolicy) -> None:
        """Notice that it ended or never answered, and start it again when that is due, without waiting for it."""
        if self.state.condition is Condition.WAITING:
            if time.monotonic() >= self._due:
                self._launch(policy)
            return
        if (status := self._server.exit_status) is None:
            self._end_if_it_hangs(policy)
            return
        ran = time.monotonic() - self._began
        match after_exit(policy, status=status, ran_seconds=ran, failures=self._failures):
            case Restart(wait_seconds=wait, failures=failures, reason=reason):
                self._failures, self._due = failures, time.monotonic() + wait
            case StayDown(reason=reason):  # a server has no such status; the number means a failure like any other
                wait, self._due = policy.longest_wait_seconds, time.monotonic() + policy.longest_wait_seconds
        self._wait(reason, wait)

    def stop(self) -> None:
        """End it in order."""
        self._server.stop()
        self._change(condition=Condition.STOPPED, process=None)

    def _launch(self, policy: RestartPolicy) -> None:
        """Start it again; what keeps it from being started may pass, and ends nothing else."""
        try:
            self._server.launch()
        except (HitlError, OSError) as error:
            self._due = time.monotonic() + policy.longest_wait_seconds
            self._wait(str(error), policy.longest_wait_seconds)
        else:
            self._asked = time.monotonic()
            self._running(restarts=self.state.restarts + 1)

    def _end_if_it_hangs(self, policy: RestartPolicy) -> None:
        """Now and then Kafka hangs after it was killed, for ever, and the next one does not."""
        now = time.monotonic()
        if self._asked is None or now - self._asked < GLANCE:
            return
        if self._server.is_serving():
            self._asked, self._hung = None, 0
            return
        self._asked = time.monotonic()
        patience = policy.answer_seconds * 2 ** min(self._hung, PATIENCES)
        if self._asked - self._began >= patience:
            self._server.kill()
            self._hung, self._due = self._hung + 1, 0.0
            self._wait(f"did not answer within {patience:g} s", 0.0)

    def _wait(self, reason: str, seconds: float) -> None:
        name = self.state.name
        log.warning("%s %s; again in %.2f s.", name, reason, seconds, extra={"action": f"{name}_restart"})
        self._change(condition=Condition.WAITING, process=None, last_exit=reason)

    def _running(self, **changes: object) -> None:
        self._began = time.monotonic()
        pid = self._server.pid
        self._change(condition=Condition.RUNNING, process=identify(pid) if pid else None, **changes)

    def _change(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, since=time.time(), **changes)
