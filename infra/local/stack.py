"""The stack as a value in Python: start it, ask it, kill a part of it, stop it; `hitl up` and the tests use this."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import processes
from infra.local.errors import AlreadyRunning, NotRunning, StackFailed
from infra.local.folders import Folders
from infra.local.jars import ensure_jars
from infra.local.services import entry_point, environment, installed
from infra.local.state import Phase, StackState, read_state
from infra.local.supervisor import DRAIN_TIMEOUT, KAFKA, VALKEY, is_held
from infra.settings import Settings

START_TIMEOUT = 120.0  # seconds, without the download
STOP_TIMEOUT = DRAIN_TIMEOUT + 25.0  # seconds: services, then servers
DEFAULT_SERVERS = Settings().bootstrap_servers
DEFAULT_REDIS = Settings().redis_url

Tell = Callable[[str], None]


class Stack:
    """The stack over `settings.data_dir`, whoever started it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folders = Folders(settings.data_dir)

    def start(
        self,
        services: Sequence[str] | None = None,
        *,
        external: bool | None = None,
        owner: int | None = None,
        tell: Tell = lambda _step: None,
    ) -> Settings:
        """Start Kafka, Valkey, topics and services (default: all); return the settings with the servers' addresses.

        A supervisor of its own holds the stack up until stop(), or until the process `owner` is gone. With `external`
        (default: when the settings name other brokers) it starts no Kafka, and no Valkey where they name another Redis.
        `tell` hears each step.
        Raises AlreadyRunning, StackFailed and FatalConfiguration with the reason; then nothing is left running.
        """
        if self.is_running():
            raise AlreadyRunning
        names = list(installed()) if services is None else list(services)
        for name in names:
            entry_point(name)
        external = not self._means_embedded_kafka() if external is None else external
        servers = [*([] if external else [KAFKA]), *([VALKEY] if self._means_embedded_redis() else [])]
        if not external:
            ensure_jars(self.settings.cache_dir, progress=_in_megabytes(tell))
        supervisor = self._spawn(names, servers=servers, owner=owner)
        try:
            state = self._await_running(supervisor, tell)
        except BaseException:  # also Ctrl-C: nothing may be left behind
            supervisor.terminate()
            supervisor.wait(STOP_TIMEOUT)
            raise
        self.settings = self.settings.with_changes(bootstrap_servers=state.bootstrap_servers)
        if VALKEY in servers:
            self.settings = self.settings.with_changes(redis_url=state.redis_address)
        return self.settings

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> bool:
        """End everything, also what a killed supervisor has left; False when nothing ran."""
        state = self.state()
        if state is None:
            return False
        running = processes.is_alive(state.supervisor)
        processes.end([state.supervisor], timeout=timeout)
        left = [process for process in state.living() if processes.is_alive(process)]
        processes.end(left, timeout=timeout)
        return running or bool(left)

    def is_running(self) -> bool:
        """Whether a supervisor holds this stack up now."""
        return is_held(self.folders)

    def state(self) -> StackState | None:
        """What the supervisor wrote last; it may have been killed since."""
        return read_state(self.folders.state)

    def pids(self) -> dict[str, int]:
        """Pid of each process that runs; the servers' under `kafka` and `valkey`."""
        state = self.state()
        pairs = ((each.name, each.process) for each in state.processes) if state else ()
        return {name: process.pid for name, process in pairs if process and processes.is_alive(process)}

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Signal one process (a service, `kafka` or `valkey`) and return its pid. Raises NotRunning."""
        state = self.state()
        for each in state.processes if state else ():
            if each.name == name and each.process and processes.send(each.process, number):
                return each.process.pid
        raise NotRunning(f"{name} does not run; see `hitl status`.")

    def _means_embedded_kafka(self) -> bool:
        return self.settings.bootstrap_servers in (DEFAULT_SERVERS, _remembered(self.folders.bootstrap))

    def _means_embedded_redis(self) -> bool:
        return self.settings.redis_url in (DEFAULT_REDIS, _remembered(self.folders.redis))

    def _spawn(self, names: Sequence[str], *, servers: Sequence[str], owner: int | None) -> subprocess.Popen[bytes]:
        arguments = [f"--service={name}" for name in names] + [f"--server={name}" for name in servers]
        arguments += [f"--owner={owner}"] if owner else []
        log = self.folders.log("supervisor")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            supervisor = subprocess.Popen(
                [sys.executable, "-P", "-m", "infra.local.supervisor", *arguments],
                env=environment(self.settings),
                cwd=self.settings.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # it outlives the terminal, and Ctrl-C there is not for it
            )
        # It may outlive this process; while it does not, someone must take its exit status.
        threading.Thread(target=supervisor.wait, name="reaper", daemon=True).start()
        return supervisor

    def _await_running(self, supervisor: subprocess.Popen[bytes], tell: Tell) -> StackState:
        told, log = "", self.folders.log("supervisor")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            state = self.state()
            if state and state.supervisor.pid == supervisor.pid:
                if state.detail != told and state.phase is Phase.STARTING:
                    tell(told := state.detail)
                if state.phase is Phase.RUNNING:
                    return state
                if state.phase is Phase.FAILED:
                    raise StackFailed(f"the stack did not start: {state.detail} (log: {log})")
            if supervisor.poll() is not None:
                raise StackFailed(f"the supervisor ended; its log {log} says why.")
            time.sleep(0.03)
        raise StackFailed(f"the stack did not start within {START_TIMEOUT:g} s; see {log}.")


def _remembered(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def _in_megabytes(tell: Tell) -> Callable[[int, int], None]:
    return lambda there, total: tell(f"fetching Kafka, {there / 1e6:.0f} of {total / 1e6:.0f} MB")


