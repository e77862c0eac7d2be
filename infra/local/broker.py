"""A real Apache Kafka on this machine: formatted on first use, started, stopped, killed and started again."""

import base64
import logging
import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from infra.local.credentials import ADMIN, SUPERUSERS, Credentials
from infra.local.errors import BrokerFailed
from infra.local.fencing import fence, was_killed
from infra.local.java import find_java
from infra.local.kafka_config import (
    FENCING_LOG4J,
    JVM,
    LOG4J,
    QUICK,
    as_text,
    controller_properties,
    secured,
    server_properties,
)
from infra.local.owned import OwnedProcess
from infra.local.ports import free_ports, is_free
from infra.local.probe import Login, cluster_at
from infra.local.state import replace_file

logger = logging.getLogger(__name__)
START_TIMEOUT = 60.0  # seconds; cold starts take 2.5, a loaded machine more
STOP_TIMEOUT = 20.0  # seconds
ATTEMPTS = 3  # when another process takes the chosen port first, or it hangs


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where a broker listens; remembered beside its data, since clients remember it too."""

    broker: int
    controller: int


class EmbeddedBroker:
    """One node over the log in `data_dir`. The port is the preferred one, else the remembered one, else a free one.

    With `credentials`, which must be minted, it talks TLS only, wants a password, and allows nothing but what its
    access rights say; the superusers may do everything. One that is `lasting` takes its time to become faster.
    """

    def __init__(
        self, data_dir: Path, jars: Sequence[Path], *, prefer: Ports | None = None,
        credentials: Credentials | None = None, lasting: bool = False,
    ) -> None:  # fmt: skip
        self.data_dir = data_dir.absolute()
        self._process = OwnedProcess(self.data_dir / "broker.log")
        self._jars = jars
        self._prefer = prefer
        self._credentials = credentials
        self._lasting = lasting
        self._ports: Ports | None = None

    @property
    def log_file(self) -> Path:
        return self._process.log_file

    @property
    def bootstrap_servers(self) -> str:
        """host:port; known once started, and the same after every restart of this object."""
        if self._ports is None:
            raise BrokerFailed("The broker was not started yet; call start() first.")
        return f"127.0.0.1:{self._ports.broker}"

    @property
    def pid(self) -> int | None:
        """Process id, or None when it does not run."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended, as of subprocess; None while it runs, or when it was stopped from here or never started."""
        return self._process.exit_status

    def start(self, *, timeout: float = START_TIMEOUT) -> None:
        """Return when the broker answers. Raises BrokerFailed with the end of its log, JavaMissing."""
        self.launch()
        self.wait_ready(timeout=timeout)

    def launch(self) -> None:
        """Start the process without waiting for it; formats the log folder on first use, fences after kill -9."""
        if self.pid is not None:
            return
        java = find_java()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._ports is None:
            self._ports = self._choose_ports()
        self._write_config(self._ports)
        if not (self.data_dir / "log" / "meta.properties").exists():
            self._format(java)
        ports_are_free = is_free(self._ports.broker) and is_free(self._ports.controller)  # else it ends by itself
        if ports_are_free and was_killed(self.data_dir / "log"):
            self._fence(java, self._ports)
        options = () if self._lasting else QUICK
        self._process.launch(self._command(java, "kafka.Kafka", str(self._config), options=options))

    def wait_ready(self, *, timeout: float = START_TIMEOUT) -> None:
        """Wait for an answer; a broker that lost its port to another process before its first answer gets a new one."""
        deadline = time.monotonic() + timeout
        attempts = ATTEMPTS
        while not self.is_serving():
            if self.pid is None:
                attempts -= 1
                if not (attempts and self._lost_port()):
                    said = self._process.log_tail()
                    raise BrokerFailed(f"Kafka ended at its start; the end of {self.log_file}:\n{said}")
                self._ports, self._prefer = None, None
                (self.data_dir / "ports.json").unlink(missing_ok=True)
                self.launch()
            if time.monotonic() > deadline:
                self.kill()
                attempts -= 1
                if not attempts:
                    raise BrokerFailed(f"Kafka did not answer within {timeout:g} s; see {self.log_file}.")
                logger.warning(
                    "Kafka did not answer within %g s; it is started again.", timeout, extra={"action": "kafka_hangs"}
                )
                self.launch()  # now and then one hangs after it was killed, for ever, and the next does not
                deadline = time.monotonic() + timeout
            time.sleep(0.02)

    def is_serving(self) -> bool:
        """Whether this broker runs and answers; one of another cluster on its port does not count."""
        if self.pid is None or self._ports is None:
            return False
        return cluster_at(self._ports.broker, self._login()) == self._cluster_id()

    def stop(self, *, timeout: float = STOP_TIMEOUT) -> None:
        """Ask it to end, and kill it when it does not."""
        self._process.stop(timeout=timeout)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    @property
    def _config(self) -> Path:
        return self.data_dir / "server.properties"

    def _choose_ports(self) -> Ports:
        """The remembered ports or the preferred ones if they are free, else others; remembers the choice."""
        memory = self.data_dir / "ports.json"
        try:
            remembered: Ports | None = msgspec.json.decode(memory.read_bytes(), type=Ports)
        except (FileNotFoundError, msgspec.DecodeError):
            remembered = None
        for ports in (remembered, self._prefer):
            if ports and is_free(ports.broker) and is_free(ports.controller):
                break
        else:
            first, second = free_ports(2)
            ports = Ports(broker=first, controller=second)
        memory.write_bytes(msgspec.json.encode(ports))
        return ports

    def _write_config(self, ports: Ports) -> None:
        if self._credentials:
            self._credentials.mint_server()
        properties = server_properties(port=ports.broker, controller_port=ports.controller, data_dir=self.data_dir)
        self._write(self._config, properties)
        (self.data_dir / "log4j2.properties").write_text(LOG4J)

    def _write(self, config: Path, properties: dict[str, str]) -> None:
        """The file is for its owner alone: it may hold the passwords of the superusers."""
        if kept := self._credentials:
            passwords = {name: kept.password(name) for name in SUPERUSERS}
            properties = secured(properties, passwords, keystore=kept.keystore_file, truststore=kept.ca_file)
        replace_file(config, as_text(properties).encode())

    def _login(self) -> Login | None:
        kept = self._credentials
        return Login(kept.ca_file, ADMIN, kept.password(ADMIN)) if kept else None

    def _fence(self, java: Path, ports: Ports) -> None:
        properties = controller_properties(controller_port=ports.controller, data_dir=self.data_dir)
        config, log4j = self.data_dir / "fencing.properties", self.data_dir / "fencing-log4j2.properties"
        self._write(config, properties)
        log4j.write_text(FENCING_LOG4J)
        fence(self._command(java, "kafka.Kafka", str(config), log4j=log4j), self.data_dir / "fencing.log")

    def _command(
        self, java: Path, *arguments: str, log4j: Path | None = None, options: Sequence[str] = QUICK
    ) -> list[str]:
        log4j_option = f"-Dlog4j2.configurationFile={log4j or self.data_dir / 'log4j2.properties'}"
        return [
            *(str(java), *JVM, *options, "-cp", os.pathsep.join(map(str, self._jars))),
            *(log4j_option, f"-Dkafka.logs.dir={self.data_dir}", *arguments),
        ]

    def _format(self, java: Path) -> None:
        # A fixed first byte ("k" in base64): an id that starts with "-" would be read as an option.
        cluster_id = base64.urlsafe_b64encode(b"\x90" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        arguments = ["format", "--standalone", "--cluster-id", cluster_id, "--config", str(self._config)]
        done = subprocess.run(
            self._command(java, "kafka.tools.StorageTool", *arguments),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-2000:]
            raise BrokerFailed(f"Kafka could not format {self.data_dir / 'log'}:\n{said}")

    def _cluster_id(self) -> str:
        meta = (self.data_dir / "log" / "meta.properties").read_text()
        return next(line.partition("=")[2] for line in meta.splitlines() if line.startswith("cluster.id="))

    def _lost_port(self) -> bool:
        return "Address already in use" in self._process.log_tail()
