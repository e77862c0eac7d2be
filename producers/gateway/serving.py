"""The gateway as a process: everything behind the endpoints, and who may call it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from infra.errors import SettingsInvalid
from infra.http.measuring import Measured
from infra.http.serving import SOON_BACK, HttpServer, Place
from infra.kafka.client import connect
from infra.kafka.id_space import require_bound
from infra.observe.metrics import GATEWAY_HTTP
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
from producers.gateway.measuring import show_waiting
from producers.gateway.tokens import Token, read_tokens

PATIENCE: Final = 5.0  # seconds for the brokers' answer to a question that somebody waits for
DEFAULT: Final = Settings().gateway_address


class Server(HttpServer):
    """Lets everybody who waits for an outcome go when it is told to end."""

    def __init__(self, settings: Settings, tokens: Sequence[Token] | None, watch: Watch) -> None:
        settings = settings.with_changes(kafka=SOON_BACK | settings.kafka)
        self._settings, self._codec = settings, codec_of(settings)
        self._log = connect(settings)
        self._questions = connect(settings, request_timeout_seconds=PATIENCE)
        self._gateway: Gateway | None = None
        self.following: Following | None = None
        app = build(self._behind, Doors(tokens), self._lifespan)
        super().__init__(Measured(app, watch.instruments, GATEWAY_HTTP), watch)

    def require_usable(self) -> None:
        """Raises `LogUnavailable`, `TopicMissing` or `IdSpaceDiffers` before anything listens."""
        require_bound(self._log, self._codec)

    def works(self) -> tuple[bool, str]:
        ready = self.following is not None and self.following.caught_up
        return ready, "the policies are read" if ready else "it reads the policies"

    def let_go(self) -> None:
        if self._gateway is not None:
            self._gateway.accepting.let_go()

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
            self._log, self._codec, awaited=accepting.waiters, tell=accepting.decided, failed=self.stop
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


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises what ended the follower, when that did not end it."""
    with observed("gateway", settings) as watch:
        tokens = tokens_of(settings)
        server = Server(settings, tokens, watch)
        server.require_usable()
        server.serve_at(place_of(settings), "API tokens" if tokens is not None else "no tokens: this machine only")
        if server.following is not None and server.following.failure is not None:
            raise server.following.failure


def place_of(settings: Settings) -> Place:
    """Where the gateway is told to listen."""
    file = settings.data_dir / GATEWAY_FILE
    return Place("gateway", "HITL_GATEWAY_ADDRESS", settings.gateway_address, DEFAULT, file)


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
