"""`/metrics`, `/health` and `/ready` of one process, over HTTP, in a thread that sleeps while nobody asks."""

import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

import msgspec
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from infra.errors import SettingsInvalid
from infra.local.ports import free_ports
from infra.observe.instruments import Instruments
from infra.observe.vitals import Verdict, Vitals

GLANCE: Final = 5.0  # seconds between two looks whether to end; a request is taken at once
PATIENCE: Final = 5.0  # seconds for a caller to say what it wants
LAST_PORT: Final = 65_535
JSON: Final = "application/json"


class MetricsServer:
    """Listens from its making until `close`."""

    def __init__(self, address: str, instruments: Instruments, vitals: Vitals, *, former_port: int | None) -> None:
        """`former_port` is taken again where any port will do. Raises SettingsInvalid when none can be had."""

        class Asked(_Asked):
            of = (instruments, vitals)

        self._server = _bound(address, Asked, former_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(GLANCE,), name="metrics", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it can be reached on this machine, as host:port."""
        host, port = self._server.server_address[:2]
        host = host.decode() if isinstance(host, bytes | bytearray) else host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Listen no longer, and let go of the port."""
        ending = threading.Thread(target=self._server.shutdown, daemon=True)
        ending.start()
        with suppress(OSError):  # it wakes the thread, where the system can; elsewhere it looks up within `GLANCE`
            self._server.socket.shutdown(socket.SHUT_RDWR)
        ending.join(2 * GLANCE)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hung up is nobody's trouble."""


class _Six(_Server):
    address_family = socket.AF_INET6


class _Asked(BaseHTTPRequestHandler):
    of: ClassVar[tuple[Instruments, Vitals]]
    timeout = PATIENCE
    server_version, sys_version = "hitl", ""

    def do_GET(self) -> None:
        instruments, vitals = self.of
        match self.path.partition("?")[0]:
            case "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, instruments.text())
            case "/health":
                self._tell(vitals.healthy())
            case "/ready":
                self._tell(vitals.ready())
            case _:
                said = "ask for /metrics, /health or /ready"
                self._answer(HTTPStatus.NOT_FOUND, JSON, msgspec.json.encode({"detail": said}))

    do_HEAD = do_GET

    def _tell(self, verdict: Verdict) -> None:
        status = HTTPStatus.OK if verdict.good else HTTPStatus.SERVICE_UNAVAILABLE
        said = {"status": "ok" if verdict.good else "unavailable", "detail": verdict.said}
        self._answer(status, JSON, msgspec.json.encode(said))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a scrape every few seconds is no news."""


def _bound(address: str, asked: type[_Asked], former_port: int | None) -> _Server:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    kind = _Six if ":" in host else _Server
    wanted = [int(port)] if int(port) else [*([former_port] if former_port else []), *free_ports(3)]
    if int(port) > LAST_PORT:
        raise SettingsInvalid(f"HITL_METRICS_ADDRESS={address}: no port is above {LAST_PORT}.")
    why: OSError | None = None
    for number in wanted:
        try:
            return kind((host, number), asked)
        except OSError as error:
            why = error
    raise SettingsInvalid(
        f"HITL_METRICS_ADDRESS={address}: {why}; every process needs a port of its own: name one that is free on an "
        "address of this machine, or port 0 for any, or set it empty to serve no metrics."
    ) from why
