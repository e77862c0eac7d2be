"""The gateway as a process: an address to listen on, everything behind the endpoints, and an end that loses nothing."""

import logging
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from infra.errors import SettingsInvalid
from infra.kafka.client import connect
from infra.kafka.id_space import require_bound
from infra.local.ports import free_ports
from infra.local.state import replace_file
from infra.observe.serving import Watch, observed
from infra.redis.reading import connect as connect_model
from infra.registry.ids import codec_of
from infra.settings import GATEWAY_FILE, UNSET, Settings, is_loopback
from producers.gateway.accepting import Accepting
from producers.gateway.app import build
from producers.gateway.doors import Doors
from producers.gateway.following import Following
from producers.gateway.gateway import Gateway
from producers.gateway.issuing import Issuing
from producers.gateway.lookup import Lookup
from producers.gateway.measuring import Measured, show_waiting
from producers.gateway.tokens import Token, read_tokens

PATIENCE: Final = 5.0  # seconds for the brokers' answer to a question that somebody waits for
LAST_ANSWERS: Final = 10  # seconds that open requests have at the end
SOON_BACK: Final = {"reconnect.backoff.max.ms": "1000"}  # the default of 10 s would outlast who waits for an answer
LAST_PORT: Final = 65_535
QUEUE: Final = 2_048  # connections that wait to be taken
DEFAULT: Final = Settings().gateway_address

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Lets everybody who waits for an outcome go when it is told to end."""

    def __init__(self, settings: Settings, tokens: Sequence[Token] | None, watch: Watch) -> None:
        settings = settings.with_changes(kafka=SOON_BACK | settings.kafka)
        self._settings, self._codec, self._watch = settings, codec_of(settings), watch
        self._log = connect(settings)
        self._questions = connect(settings, request_timeout_seconds=PATIENCE)
        self._gateway: Gateway | None = None
        self.following: Following | None = None
        app = Measured(build(self._behind, Doors(tokens), self._lifespan), watch.instruments)
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="on",
                timeout_graceful_shutdown=LAST_ANSWERS, backlog=QUEUE,
            )
        )  # fmt: skip

    def require_usable(self) -> None:
        """Raises `LogUnavailable`, `TopicMissing` or `IdSpaceDiffers` before anything listens."""
        require_bound(self._log, self._codec)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, as long as the event loop goes round."""
        self._watch.vitals.beat()
        ready = self.following is not None and self.following.caught_up
        self._watch.vitals.works(ready, "the policies are read" if ready else "it reads the policies")
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._gateway is not None:
            self._gateway.accepting.let_go()
        await super().shutdown(sockets)

    def _behind(self) -> Gateway:
        assert self._gateway is not None, "the lifespan has not begun"
        return self._gateway

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        settings, lookup = self._settings, Lookup(connect_model(self._settings))
        accepting = Accepting(
            self._log, self._codec, lookup,
            most_waiting=settings.gateway_most_unacknowledged, timeout_seconds=settings.gateway_acknowledge_seconds,
        )  # fmt: skip
        following = Following(
            self._log, self._codec, awaited=accepting.waiters, tell=accepting.decided, failed=self._stop
        )
        show_waiting(self._watch.instruments, accepting)
        following.start()
        self.following = following
        issuing = Issuing(settings, lambda: following.identities)
        self._gateway = Gateway(self._questions, self._codec, lookup, following, accepting, issuing)
        try:
            yield
        finally:
            await self._gateway.close()
            following.close()
            lookup.close()

    def _stop(self) -> None:
        self.should_exit = True


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises what ended the follower, when that did not end it."""
    with observed("gateway", settings) as watch:
        _serve(settings, watch)


def _serve(settings: Settings, watch: Watch) -> None:
    tokens = tokens_of(settings)
    server = Server(settings, tokens, watch)
    server.require_usable()
    listening = bound(settings)
    address = _text(listening)
    replace_file(settings.data_dir / GATEWAY_FILE, address.encode())
    signal.signal(signal.SIGTERM, _nothing_more)  # uvicorn raises the signal once more when it is done
    guarded = "API tokens" if tokens is not None else "no tokens: this machine only"
    logger.info("The gateway listens at http://%s (%s).", address, guarded, extra={"action": "gateway_started"})
    server.run(sockets=[listening])
    if server.following is not None and server.following.failure is not None:
        raise server.following.failure
    logger.info("The gateway has stopped.", extra={"action": "gateway_stopped"})


def tokens_of(settings: Settings) -> tuple[Token, ...] | None:
    """The tokens; None when there is no file and only this machine can call. Raises `SettingsInvalid`."""
    if settings.gateway_tokens_file != UNSET:
        return read_tokens(settings.gateway_tokens_file)
    host = settings.gateway_address.rpartition(":")[0]
    if not is_loopback(host):
        raise SettingsInvalid(
            f"HITL_GATEWAY_ADDRESS={settings.gateway_address} can be reached from elsewhere, and there are no tokens: "
            "name a file of them in HITL_GATEWAY_TOKENS_FILE (`hitl gateway token` makes one), or listen on 127.0.0.1."
        )
    return None


def bound(settings: Settings) -> socket.socket:
    """A socket at the address. Raises `SettingsInvalid`.

    The default gives way where another stack has it; a restart keeps its port.
    """
    host, _, port = settings.gateway_address.rpartition(":")
    former = settings.data_dir / GATEWAY_FILE
    wanted = [int(port)]
    if settings.gateway_address == DEFAULT or wanted == [0]:
        remembered = former.read_text(encoding="utf-8").rpartition(":")[2] if former.is_file() else ""
        wanted = [*([int(remembered)] if remembered.isdigit() else []), int(port), 0]
    host = host.removeprefix("[").removesuffix("]")
    if int(port) > LAST_PORT:
        raise SettingsInvalid(f"HITL_GATEWAY_ADDRESS={settings.gateway_address}: no port is above {LAST_PORT}.")
    for number in wanted:
        try:
            return socket.create_server((host, number or free_ports(1)[0]), family=_family(host), backlog=QUEUE)
        except OSError as error:
            why = error
    raise SettingsInvalid(
        f"HITL_GATEWAY_ADDRESS={settings.gateway_address}: {why}; name an address of this machine and a free port."
    ) from why


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _text(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _nothing_more(signum: int, frame: FrameType | None) -> None:
    """A second word to end is not needed."""
