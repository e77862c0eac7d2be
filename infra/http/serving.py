"""A service with an HTTP API as a process: an address to listen on, and an end that loses nothing."""

import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from infra.errors import SettingsInvalid
from infra.local.ports import free_ports
from infra.local.state import replace_file
from infra.observe.serving import Watch

LAST_ANSWERS: Final = 10  # seconds that open requests have at the end
LAST_PORT: Final = 65_535
QUEUE: Final = 2_048  # connections that wait to be taken
SOON_BACK: Final = {"reconnect.backoff.max.ms": "1000"}  # the default of 10 s would outlast who waits for an answer

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a service listens, the variable that says so, and the file in which it tells where it does.

    The default gives way where another stack has it; a restart keeps its port.
    """

    service: str
    variable: str
    address: str
    default: str
    file: Path

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


class HttpServer(uvicorn.Server):
    """Serves one application, and tells how it is."""

    def __init__(
        self, app: ASGIApp, watch: Watch, *, works: Callable[[], tuple[bool, str]], let_go: Callable[[], None]
    ) -> None:
        """`works` says whether it does its work, in words too; `let_go` is called before the end, so that everybody
        who waits has the answer that there is by then."""
        self._watch, self._works, self._let_go = watch, works, let_go
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="on",
                timeout_graceful_shutdown=LAST_ANSWERS, backlog=QUEUE,
            )
        )  # fmt: skip

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, as long as the event loop goes round."""
        self._watch.vitals.beat()
        self._watch.vitals.works(*self._works())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._let_go()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """From any thread: it cannot go on."""
        self.should_exit = True

    def serve_at(self, place: Place, guarded: str) -> None:
        """Serve until told to stop. `guarded`: by what callers are known. Raises `SettingsInvalid`."""
        listening = bound(place)
        address, action = address_of(listening), place.service
        replace_file(place.file, address.encode())
        signal.signal(signal.SIGTERM, _nothing_more)  # uvicorn raises the signal once more when it is done
        logger.info(
            "The %s listens at http://%s (%s).", place.service, address, guarded, extra={"action": f"{action}_started"}
        )
        self.run(sockets=[listening])
        logger.info("The %s has stopped.", place.service, extra={"action": f"{action}_stopped"})


def bound(place: Place) -> socket.socket:
    """A socket at the address. Raises `SettingsInvalid`."""
    wanted = [place.port]
    if place.address == place.default or wanted == [0]:
        remembered = place.file.read_text(encoding="utf-8").rpartition(":")[2] if place.file.is_file() else ""
        wanted = [*([int(remembered)] if remembered.isdigit() else []), place.port, 0]
    if place.port > LAST_PORT:
        raise SettingsInvalid(f"{place.variable}={place.address}: no port is above {LAST_PORT}.")
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    for number in wanted:
        try:
            return _listening(family, (place.host, number or free_ports(1)[0]))
        except OSError as error:
            why = error
    raise SettingsInvalid(
        f"{place.variable}={place.address}: {why}; name an address of this machine and a free port."
    ) from why


def _listening(family: int, address: tuple[str, int]) -> socket.socket:
    """As `socket.create_server` makes one, but named as TCP: only then does asyncio send what is small at once.

    Else an answer of two writes waits 40 ms for the caller's acknowledgement of the first (Nagle, delayed acks).
    """
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(QUEUE)
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """Host and port at which it is reached."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _nothing_more(signum: int, frame: FrameType | None) -> None:
    """A second word to end is not needed."""
