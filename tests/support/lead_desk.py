"""A desk with the pages of whoever steers, without servers: casework as the test tells it, a model in memory."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
from msgspec.structs import replace
from starlette.requests import Request

from consumers.index.changes import changes
from consumers.index.standing import settled
from infra.redis.cached_case import decode_case
from infra.redis.connection import Command
from infra.redis.reading import ReadModel
from infra.redis.records import Possession, decode_record
from infra.settings import Settings
from producers.desk.admitting import Admitting, Asker
from producers.desk.app import build
from producers.desk.asking import Door
from producers.desk.desk import Desk as Behindhand
from producers.desk.feed import Feed
from producers.desk.lookup import Lookup
from producers.desk.pages.behind import Behind
from producers.desk.pages.parts import with_parts
from producers.desk.permitting import NEEDED
from producers.desk.roster import Roster
from producers.desk.rulings import Rulings
from producers.desk.signed_in import asker_of
from producers.desk.signin.person import Person
from producers.desk.signin.roles import Role
from producers.desk.signin.router import guarded
from schemas.events import Event, PolicyPublished
from schemas.topics import GOLD, REVIEWERS, Outgoing
from schemas.values import Coordinates
from streams.casework.config import Config
from tests.support.desk import INSTALLATION, PARTITIONS, Casework, Following, none
from tests.support.recorded import CODEC, START, Recorded
from tests.support.redis_in_memory import RedisInMemory
from tests.support.signing_in import Browser
from tests.support.signing_in import Desk as SigningIn
from tests.support.simlog import SimulatedLog
from tests.support.steered import KEYS, whole, written_commands

POLICY = """
name = "moderation"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
"""


class Writing(Casework):
    """Casework, and topics of configuration, which the desk then reads back at once."""

    def __init__(self, rulings: Rulings, roster: Roster) -> None:
        super().__init__(rulings)
        self._roster, self.announced = roster, list[Event]()

    def write(self, outgoing: Outgoing) -> Coordinates:
        if outgoing.topic not in (REVIEWERS.name, GOLD.name):
            return super().write(outgoing)
        assert outgoing.event is not None
        self.announced.append(outgoing.event)
        self._roster.take(outgoing.event)
        return Coordinates(topic=outgoing.topic, partition=0, offset=len(self.announced))


@dataclass
class LeadDesk(SigningIn):
    """The whole application, signed into."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.redis, self.roster, self.log = whole(RedisInMemory()), Roster(CODEC), SimulatedLog(
            partitions=PARTITIONS, wall=lambda: START
        )  # fmt: skip
        self.model = ReadModel(self.redis, KEYS)
        self.rulings = Rulings(CODEC)
        self.casework, self.following = Writing(self.rulings, self.roster), Following()
        self.config = Config().with_event(
            PolicyPublished(event_id="p", workflow="moderation", version=1, digest="d" * 64, document=POLICY,
                            published_by="test", published_at=0)
        )  # fmt: skip
        feed = Feed(CODEC)
        feed.begin(dict.fromkeys(range(PARTITIONS), 0))
        lookup = Lookup(self.log, CODEC, self.model)
        door = Door(self.rulings, self.casework)
        self.desk = Behindhand(door, self.following, lookup, feed, lambda: self.config)
        self.pages = build(lambda: self.desk, Admitting(True, INSTALLATION), none, signed_in=self._signed_in)
        self.behind = Behind(
            lambda: self.desk, lambda: self.sign_in, lambda: self.model, self.log, CODEC, Settings(), self.roster
        )
        with_parts(self.pages, self.behind)
        self.app = guarded(self.pages, lambda: self.sign_in)

    def _signed_in(self, request: Request, what: str) -> Asker | None:
        if getattr(request.state, "session", None) is None:
            return None
        return asker_of(request, self.sign_in, *NEEDED[what])

    def somebody(self, *roles: Role, name: str = "lea") -> Browser:
        """A browser that this person, with these roles, has signed in at."""
        return self.signed_in(Person(reviewer_id=name, name=name.title(), roles=roles))

    def apply(self, commands: Iterable[Command]) -> None:
        """What the index told Redis."""
        self.redis.tables.apply(commands)

    def open(self, name: str, possession: Possession | None = None, *, text: str = "hello") -> None:
        """A case that is open, in these hands."""
        log = Recorded()
        log.opened(name, log.request(name, text))
        self.apply(written_commands(log.entries))
        key = KEYS.request(name)
        body, fingerprint = CODEC.body(log.entries[0].value or b"")
        cached = replace(
            decode_case(bytes(self.redis.call("GET", KEYS.case(name)))), request_body=body,
            request_fingerprint=fingerprint,
        )  # fmt: skip
        self.apply([("SET", KEYS.case(name), msgspec.msgpack.encode(cached))])
        record = decode_record(bytes(self.redis.call("GET", key)))
        if possession is not None:
            has = settled(replace(record, possession=possession))
            self.apply(changes(KEYS, name, record, has, now=START))

    def together(self, browser: Browser, *asked: Callable[[httpx2.AsyncClient], Any]) -> list[httpx2.Response]:
        """Asked at the same moment, as by a double click."""

        async def running() -> list[httpx2.Response]:
            transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url=self.url, cookies=browser.cookies) as client:
                return list(await asyncio.gather(*(each(client) for each in asked)))

        return asyncio.run(running())
