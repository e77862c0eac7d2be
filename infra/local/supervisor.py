"""The process above the stack: starts Kafka, Valkey, topics and services, starts again what dies, ends them all."""

import argparse
import contextlib
import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator, Sequence

import msgspec

from infra.errors import HitlError
from infra.local import processes
from infra.local.access import LocalAccess
from infra.local.broker import EmbeddedBroker, Ports
from infra.local.child import Child
from infra.local.errors import AlreadyRunning
from infra.local.folders import Folders
from infra.local.jars import ensure_jars
from infra.local.processes import ProcessId, identify
from infra.local.restart import RestartPolicy
from infra.local.servers import Server, ServerChild
from infra.local.services import ServiceName
from infra.local.state import Phase, StackState, read_state, replace_file, write_state
from infra.local.valkey import EmbeddedValkey
from infra.observe.logs import configure
from infra.observe.targets import target_file
from infra.settings import Settings, load_settings

log = logging.getLogger("supervisor")
KAFKA, VALKEY = "kafka", "valkey"
PREFERRED = Ports(broker=9092, controller=9093)
GLANCE = 0.05  # seconds between two looks at the processes
DRAIN_TIMEOUT = 20.0  # seconds the services have to finish after SIGTERM


class Supervisor:
    """Holds the stack up until it is told to end, or until its owner, a process, is gone."""

    def __init__(
        self, settings: Settings, *, services: Sequence[str], servers: Collection[str], owner: ProcessId | None = None
    ) -> None:
        """`servers`: which of Kafka and Valkey to start; others are where the settings say."""
        self._settings = settings
        self._folders = Folders(settings.data_dir)
        self._names = services
        self._owner = owner
        self._policy = RestartPolicy()
        self._broker = self._valkey = self._access = None
        if KAFKA in servers:
            self._access = LocalAccess(self._folders, services) if settings.security == "on" else None
            self._broker = EmbeddedBroker(
                self._folders.kafka, ensure_jars(settings.cache_dir), prefer=PREFERRED,
                credentials=self._access.credentials if self._access else None, lasting=owner is None,
            )  # fmt: skip
        if VALKEY in servers:
            self._valkey = EmbeddedValkey(self._folders.valkey)
        self._servers: list[ServerChild] = []
        self._children: list[Child] = []
        self._end = threading.Event()
        me = identify(os.getpid()) or ProcessId(pid=os.getpid(), began="")
        self._written: StackState | None = None
        self._state = StackState(phase=Phase.STARTING, detail="starting", supervisor=me, since=time.time())

    def run(self) -> int:
        """Exit status: 0 after being told to end, else the one of what failed. Raises AlreadyRunning."""
        with only_one(self._folders):
            self._end_leftovers()
            status = 0
            try:
                self._bring_up()
                self._watch()
            except HitlError as error:
                status = self._failed(str(error), error.exit_code)
            except Exception as error:
                log.exception("The stack failed.", extra={"action": "stack_failed"})
                status = self._failed(f"{type(error).__name__}: {error}", 1)
            finally:
                self._bring_down(failed=bool(status))
            return status

    def end(self, *_: object) -> None:
        """Make run() stop everything and return; safe in a signal handler."""
        self._end.set()

    def _bring_up(self) -> None:
        settings = self._start_servers(self._settings)
        if self._end.is_set():
            return
        self._state = msgspec.structs.replace(
            self._state, bootstrap_servers=settings.bootstrap_servers, redis_address=settings.redis_address
        )
        self._tell(Phase.STARTING, "creating topics")
        apply_topics(settings)
        if self._access:
            self._tell(Phase.STARTING, "granting access")
            self._access.grant(settings)
        self._tell(Phase.STARTING, "starting services")
        for name in self._names:
            own = self._access.as_service(settings, name) if self._access else settings
            child = Child(name, own, self._folders.log(name))
            self._children.append(child)
            child.start()
        self._tell(Phase.RUNNING, "running")

    def _start_servers(self, settings: Settings) -> Settings:
        """Kafka first, so that it is ended last; the settings with their addresses."""
        if self._broker:
            self._tell(Phase.STARTING, "starting Kafka")
            self._start(KAFKA, self._broker)
            settings = settings.with_changes(bootstrap_servers=self._broker.bootstrap_servers)
            settings = self._access.as_admin(settings) if self._access else settings
            self._folders.client.unlink(missing_ok=True)  # of a supervisor that was killed
            replace_file(self._folders.bootstrap, settings.bootstrap_servers.encode())
        if self._valkey and not self._end.is_set():
            self._tell(Phase.STARTING, "starting Valkey")
            self._start(VALKEY, self._valkey)
            settings = settings.with_changes(redis_url=self._valkey.url)
            replace_file(self._folders.redis, settings.redis_url.encode())
        return settings

    def _start(self, name: str, server: Server) -> None:
        child = ServerChild(name, server)
        self._servers.append(child)
        child.start()

    def _all(self) -> list[ServerChild | Child]:
        return [*self._servers, *self._children]

    def _watch(self) -> None:
        while not self._end.wait(GLANCE):
            if self._owner and not processes.is_alive(self._owner):
                log.info("The owner is gone.", extra={"action": "owner_gone"})
                return
            for each in self._all():
                each.look(self._policy)
            self._write()

    def _bring_down(self, *, failed: bool) -> None:
        """Services first and all at once, servers last and Kafka the very last, since work is finished on them."""
        if not failed:
            self._tell(Phase.STOPPING, "stopping services")
        for child in self._children:
            child.ask_to_end()
        deadline = time.monotonic() + DRAIN_TIMEOUT
        for child in self._children:
            child.await_end(deadline)
        for server in reversed(self._servers):
            server.stop()
        for child in self._children:  # one that was ended before it could say so is not to be missed, either
            service, slot = ServiceName.parse(child.name)
            target_file(self._settings.data_dir, service, slot or self._settings.slot).unlink(missing_ok=True)
        if self._broker:
            self._folders.bootstrap.unlink(missing_ok=True)
            self._folders.client.unlink(missing_ok=True)
        if self._valkey:
            self._folders.redis.unlink(missing_ok=True)
        self._tell(Phase.FAILED, self._state.detail) if failed else self._tell(Phase.STOPPED, "stopped")

    def _failed(self, reason: str, status: int) -> int:
        log.error("%s", reason, extra={"action": "stack_failed"})
        self._tell(Phase.FAILED, reason)
        return status

    def _end_leftovers(self) -> None:
        """End what a supervisor that was killed has left behind; nobody watches it."""
        if left := read_state(self._folders.state):
            living = [process for process in left.living() if processes.is_alive(process)]
            if living:
                log.warning("Ending %d processes of a former stack.", len(living), extra={"action": "leftovers_ended"})
            processes.end(living, timeout=DRAIN_TIMEOUT)

    def _tell(self, phase: Phase, detail: str) -> None:
        if (phase, detail) != (self._state.phase, self._state.detail):
            log.info("%s: %s", phase, detail, extra={"action": f"stack_{phase}"})
        self._state = msgspec.structs.replace(self._state, phase=phase, detail=detail)
        self._write()

    def _write(self) -> None:
        states = tuple(each.state for each in self._all())
        state = msgspec.structs.replace(self._state, processes=states)
        if state != self._written:
            self._state = self._written = state
            write_state(self._folders.state, state)


def apply_topics(settings: Settings) -> None:
    """Create the topics of the catalogue that are missing."""
    from infra.kafka import topics  # here, so that `hitl status` does not load a Kafka client

    topics.apply(settings)


@contextlib.contextmanager
def only_one(folders: Folders) -> Iterator[None]:
    """Hold the lock of this data folder; the system lets go of it however the process ends."""
    folders.lock.parent.mkdir(parents=True, exist_ok=True)
    with folders.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning from None
        yield


def is_held(folders: Folders) -> bool:
    """Whether a supervisor runs over this data folder."""
    if not folders.lock.exists():
        return False
    try:
        with only_one(folders):
            return False
    except AlreadyRunning:
        return True


def main() -> int:
    """Supervise with the settings of the environment; started by infra.local.stack, which waits for its state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", action="append", default=[])
    parser.add_argument("--server", action="append", default=[], choices=(KAFKA, VALKEY))
    parser.add_argument("--owner", type=int, help="end when this process is gone")
    arguments = parser.parse_args()
    settings = load_settings()
    configure(service="supervisor", form=settings.log_format, level=settings.log_level)
    owner = identify(arguments.owner) if arguments.owner else None
    if arguments.owner and owner is None:
        return 0
    try:
        supervisor = Supervisor(settings, services=arguments.service, servers=arguments.server, owner=owner)
        signal.signal(signal.SIGTERM, supervisor.end)
        signal.signal(signal.SIGINT, supervisor.end)
        return supervisor.run()
    except HitlError as error:
        log.error("%s", error, extra={"action": "stack_failed"})
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
