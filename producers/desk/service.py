"""The desk as a process: everything behind the endpoints, opened once for all who work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, closing
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request

from infra.http.measuring import Measured
from infra.http.serving import SOON_BACK, HttpServer, Place
from infra.kafka.client import connect
from infra.kafka.configuration import Configuration
from infra.kafka.id_space import require_bound
from infra.kafka.log import Record
from infra.observe import metrics as m
from infra.observe.serving import Watch, observed
from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel
from infra.registry.ids import codec_of
from infra.settings import DESK_FILE, Settings, is_loopback
from producers.desk.access.keeping import opened_recorder
from producers.desk.access.recording import Recorder, nothing_kept
from producers.desk.admitting import Admitting, Asker
from producers.desk.app import build
from producers.desk.asking import door_beside
from producers.desk.desk import Desk
from producers.desk.feed import Feed
from producers.desk.lookup import Lookup
from producers.desk.measuring import MEASURED
from producers.desk.opening import next_through
from producers.desk.pages.behind import Behind
from producers.desk.pages.parts import with_parts
from producers.desk.pages.present.view import image_origins
from producers.desk.permitting import NEEDED
from producers.desk.roster import Roster
from producers.desk.signed_in import asker_of
from producers.desk.signin.flow import SignIn
from producers.desk.signin.guard import Guard
from producers.desk.signin.opening import is_signed_into, open_sign_in, wall
from producers.desk.signin.router import guarded
from schemas.events import Event, GoldAdded, GoldRetired
from schemas.topics import ASSIGNMENTS, GOLD, IDENTITIES, POLICIES, REVIEWERS
from streams.casework.config import Config
from streams.casework.identity import issuer
from streams.casework.signing_keys import NO_IDENTITIES

FOLLOWED: Final = (POLICIES.name, REVIEWERS.name, IDENTITIES.name, GOLD.name)
PATIENCE: Final = 5.0  # seconds for the brokers' answer to a question that somebody waits for
DEFAULT: Final = Settings().desk_address


class Server(HttpServer):
    """Ends the streams of changes when it is told to end: they would go on for ever."""

    def __init__(self, settings: Settings, watch: Watch) -> None:
        settings = settings.with_changes(kafka=SOON_BACK | settings.kafka)
        self._settings, self._codec = settings, codec_of(settings)
        self._log = connect(settings)
        self._questions = connect(settings, request_timeout_seconds=PATIENCE)
        self._desk: Desk | None = None
        self._following: Configuration[Config] | None = None
        self._model: ReadModel | None = None
        self._roster = Roster(self._codec)
        local = is_loopback(place_of(settings).host)
        self._sign_in: SignIn | None = None
        admitting = Admitting(local, issuer(settings.topic_prefix))
        app = build(self._behind, admitting, self._lifespan, signed_in=self._signed_in)
        served = self._with_pages(app) if is_signed_into(settings) else app
        super().__init__(
            Measured(served, watch.instruments, MEASURED), watch, works=self._reads, let_go=self._end_streams
        )

    def require_usable(self) -> None:
        """Raises `SettingsInvalid`, `LogUnavailable`, `TopicMissing` or `IdSpaceDiffers` before anything listens."""
        if is_signed_into(self._settings):
            open_sign_in(self._settings, self._settings.desk_address, lambda: NO_IDENTITIES, nothing_kept())
        require_bound(self._log, self._codec)

    @property
    def failure(self) -> Exception | None:
        """Why the log cannot be read any more."""
        return None if self._following is None else self._following.failure

    def _reads(self) -> tuple[bool, str]:
        if self.failure is not None:
            self.stop()
        ready = self._config() is not None
        return ready, "the configuration is read" if ready else "it reads policies, people and keys"

    def _end_streams(self) -> None:
        if self._desk is not None:
            self._desk.feed.close()

    def _with_pages(self, app: FastAPI) -> Guard:
        behind = Behind(
            self._behind, self._signing, self._reading, self._questions, self._codec, self._settings,
            self._roster,
        )  # fmt: skip
        with_parts(app, behind)
        return guarded(app, self._signing, images=self._images)

    def _images(self) -> Sequence[str]:
        """Where the policies in force let pictures come from."""
        config = self._config()
        return () if config is None else image_origins(config.policies)

    def _behind(self) -> Desk:
        assert self._desk is not None, "the lifespan has not begun"
        return self._desk

    def _reading(self) -> ReadModel:
        assert self._model is not None, "the lifespan has not begun"
        return self._model

    def _signing(self) -> SignIn:
        assert self._sign_in is not None, "the lifespan has not begun"
        return self._sign_in

    def _signed_in(self, request: Request, what: str) -> Asker | None:
        """Whoever's session a request is of, as casework will know them, when they may ask `what`."""
        if self._sign_in is None or getattr(request.state, "session", None) is None:
            return None
        return asker_of(request, self._signing(), *NEEDED[what])

    def _followed(self, config: Config, event: Event) -> Config:
        self._roster.take(event)  # which keeps questions without their bytes
        return config if isinstance(event, GoldAdded | GoldRetired) else config.with_event(event)

    def _config(self) -> Config | None:
        following = self._following
        return following.in_force if following is not None and following.caught_up else None

    def _recording(self) -> AbstractContextManager[Recorder]:
        kept = self._settings.desk_records_addresses == "yes"
        return opened_recorder(self._log.options, self._codec, self._watch.instruments, wall=wall, with_addresses=kept)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        settings, loop, show = self._settings, asyncio.get_running_loop(), self._watch.instruments

        def heard(records: Sequence[Record]) -> None:
            door.rulings.take(records)  # first those who wait for an answer
            loop.call_soon_threadsafe(feed.take, records)

        def unread() -> None:
            door.rulings.end()
            self.stop()

        self._following = following = Configuration(
            self._log, self._codec, FOLLOWED, Config(), self._followed,
            beside=ASSIGNMENTS.name, take=heard, failed=unread,
        )  # fmt: skip
        with ExitStack() as stack:
            redis = stack.enter_context(closing(connect_redis(settings)))
            door = stack.enter_context(door_beside(self._log, self._codec))
            if is_signed_into(settings):
                address = (settings.data_dir / DESK_FILE).read_text().strip()
                recorder = stack.enter_context(self._recording())
                self._sign_in = open_sign_in(settings, address, lambda: following.in_force.identities, recorder)
            show.add(m.CUT_OFF, count=0)
            feed = Feed(self._codec, cut_off=lambda: show.add(m.CUT_OFF))
            feed.begin({place.partition: at for place, at in following.start().items()})
            show.show(m.READERS, lambda: len(feed))
            self._model = ReadModel(redis, Keys(settings.topic_prefix))
            lookup = Lookup(self._questions, self._codec, self._model)
            self._desk = Desk(door, next_through(door, redis, settings.topic_prefix), lookup, feed, self._config)
            try:
                yield
            finally:
                self._desk.close()
                following.close()


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises why the log could not be read any more, when that ended it."""
    with observed("desk", settings) as watch:
        server = Server(settings, watch)
        server.require_usable()
        local = is_loopback(place_of(settings).host)
        server.serve_at(place_of(settings), "this machine, or signed tokens" if local else "signed tokens only")
        if server.failure is not None:
            raise server.failure


def place_of(settings: Settings) -> Place:
    """Where the desk is told to listen."""
    return Place("desk", "HITL_DESK_ADDRESS", settings.desk_address, DEFAULT, settings.data_dir / DESK_FILE)
