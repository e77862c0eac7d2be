"""One service as a process under the supervisor: started, watched, started again, ended."""

import logging
import signal
import subprocess
import time
from pathlib import Path

import msgspec

from infra.local.processes import identify
from infra.local.restart import Restart, RestartPolicy, StayDown, after_exit
from infra.local.services import command, environment
from infra.local.state import Condition, ProcessState
from infra.settings import Settings

log = logging.getLogger("supervisor")
LOG_LIMIT = 20_000_000  # bytes; a longer log is set aside at the next start of its service


class Child:
    """One service process and what is known about it."""

    def __init__(self, name: str, settings: Settings, log_file: Path) -> None:
        self.name = name
        self._settings = settings
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._due = self._began = 0.0  # monotonic times of the next and the last start
        self.state = ProcessState(name=name, condition=Condition.STOPPED, since=time.time(), log=str(log_file))

    def start(self) -> None:
        """Start the process; its output goes to its log file."""
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        if self._log_file.exists() and self._log_file.stat().st_size > LOG_LIMIT:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
        with self._log_file.open("ab") as out:
            self._process = subprocess.Popen(
                command(self.name),
                env=environment(self._settings),
                cwd=self._settings.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self._began = time.monotonic()
        self._change(condition=Condition.RUNNING, process=identify(self._process.pid))

    def look(self, policy: RestartPolicy) -> None:
        """Notice an exit, and start again when that is due."""
        if self._process is None:
            if self.state.condition is Condition.WAITING and time.monotonic() >= self._due:
                self.start()
                self._change(restarts=self.state.restarts + 1)
            return
        if (status := self._process.poll()) is None:
            return
        self._process = None
        ran = time.monotonic() - self._began
        match after_exit(policy, status=status, ran_seconds=ran, failures=self._failures):
            case StayDown(reason=reason):
                said = self._last_error() or reason
                log.error("%s is down for good: %s", self.name, said, extra={"action": "service_down"})
                self._change(condition=Condition.DOWN, process=None, last_exit=said)
            case Restart(wait_seconds=wait, failures=failures, reason=reason):
                said = ": ".join(part for part in (reason, self._last_error() if status == 1 else "") if part)
                log.warning("%s %s; again in %.2f s.", self.name, said, wait, extra={"action": "service_restart"})
                self._failures, self._due = failures, time.monotonic() + wait
                self._change(condition=Condition.WAITING, process=None, last_exit=said)

    def ask_to_end(self) -> None:
        """SIGTERM, also for a process that was stopped by SIGSTOP."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)

    def await_end(self, deadline: float) -> None:
        """Wait until the monotonic time `deadline`, then kill."""
        if self._process:
            try:
                self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not end in time and is killed.", self.name, extra={"action": "service_killed"})
                self._process.kill()
                self._process.wait()
            self._process = None
        self._change(condition=Condition.STOPPED, process=None)

    def _last_error(self) -> str:
        """The line by which a command says why it failed."""
        with self._log_file.open("rb") as file:
            file.seek(max(0, self._log_file.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
        return next((line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")), "")

    def _change(self, **changes: object) -> None:
        if "condition" in changes:
            changes["since"] = time.time()
        self.state = msgspec.structs.replace(self.state, **changes)
