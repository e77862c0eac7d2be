"""A desk without brokers and Redis: casework as the test tells it, a read model made by hand, and calls over ASGI."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import httpx2
import uvicorn
from fastapi import FastAPI
from msgspec.structs import replace

from infra.http.measuring import Measured
from infra.kafka.log import Record, TopicPartition
from infra.observe.serving import unserved
from infra.redis.cached_case import CachedCase
from infra.redis.errors import RedisUnavailable
from infra.redis.reading import QueuePosition
from infra.redis.records import Answerable, Place, Possession, Queued, RequestRecord
from producers.desk.admitting import Admitting
from producers.desk.app import build
from producers.desk.asking import Door
from producers.desk.desk import Desk
from producers.desk.feed import Feed
from producers.desk.lookup import Lookup
from producers.desk.measuring import MEASURED
from producers.desk.next import NextCase, NothingToDo
from producers.desk.pace import Pace
from producers.desk.rulings import Rulings
from schemas.events import CaseActionRequested, Event, ReviewDecided, ReviewRequested
from schemas.topics import ASSIGNMENTS, REVIEW, Outgoing
from schemas.values import CaseStage, Coordinates, Priority
from streams.casework.config import Config
from streams.casework.eligibility import Reviewer
from tests.support.recorded import CODEC, START, Recorded
from tests.support.simlog import SimulatedLog

PARTITIONS = 2
INSTALLATION = "hitl.identities"
Says = Callable[[CaseActionRequested | ReviewDecided, Coordinates], list[Event]]


def announcement(request_id: str, *, text: str = "a garden") -> ReviewRequested:
    """As the router writes it."""
    log = Recorded()
    log.opened(request_id, log.request(request_id, text))
    asked = next(entry.event for entry in log.entries if isinstance(entry.event, ReviewRequested))
    body, fingerprint = CODEC.body(log.entries[0].value or b"")
    return replace(asked, request_body=body, request_fingerprint=fingerprint)


class Model:
    """Implements `producers.desk.queue.Looking`."""

    def __init__(self) -> None:
        self.records: dict[str, RequestRecord] = {}
        self.cached: dict[str, CachedCase] = {}
        self.held: dict[str, dict[str, int]] = {}
        self.known: dict[str, int] = {}  # offsets by partition, before which it knows everything
        self.away = self.rebuilding = False

    def put(self, asked: ReviewRequested, review: Coordinates, possession: Possession | None = None) -> None:
        """An open case, as the index keeps it."""
        place = Place(topic=review.topic, partition=review.partition, offset=review.offset)
        queued = Queued(
            workflow=asked.workflow, stage=CaseStage.HUMAN, priority=asked.priority, due_at=None,
            opened_at=asked.created_at,
        )  # fmt: skip
        said = Answerable(sequence=1, revision=1, review=place)
        self.records[asked.request_id] = RequestRecord(queued=queued, answerable=said, possession=possession)
        fields: dict[str, Any] = {
            name: getattr(asked, name) for name in CachedCase.__struct_fields__ if hasattr(asked, name)
        }
        source = Place(topic=asked.request.topic, partition=asked.request.partition, offset=asked.request.offset)
        more = {"escalated_by": None, "reopened_by": None, "appeal": None, "standing": None}
        self.cached[asked.request_id] = CachedCase(
            **{**fields, **more, "stage": CaseStage.HUMAN, "request": source, "review": place}
        )

    def _there(self) -> None:
        if self.away:
            raise RedisUnavailable("Redis at it cannot be used.")

    def is_rebuilding(self) -> bool:
        self._there()
        return self.rebuilding

    def status(self, request_id: str) -> RequestRecord | None:
        self._there()
        return self.records.get(request_id)

    def status_and_case(self, request_id: str) -> tuple[RequestRecord | None, CachedCase | None]:
        return self.status(request_id), self.cached.get(request_id)

    def workflows(self) -> list[str]:
        self._there()
        return sorted({case.workflow for case in self.cached.values()})

    def in_hand(self, reviewer_id: str) -> dict[str, int]:
        self._there()
        return self.held.get(reviewer_id, {})

    def in_hand_at(self, reviewer_id: str) -> tuple[set[str], dict[str, int]]:
        return set(self.in_hand(reviewer_id)), self.known

    def queue_sizes(self, workflow: str, stage: CaseStage | None = None) -> dict[Priority, int]:
        self._there()
        cases = [c for c in self.cached.values() if c.workflow == workflow and stage in (None, c.stage)]
        return {priority: sum(case.priority is priority for case in cases) for priority in Priority}

    def oldest_age(self, workflow: str, *, now: int) -> int | None:
        self._there()
        return 60_000

    def queue_position(self, request_id: str) -> QueuePosition | None:
        self._there()
        return QueuePosition(position=1, ahead=0) if request_id in self.cached else None

    def estimated_wait(self, request_id: str, *, now: int) -> int | None:
        self._there()
        return 30_000


class Casework:
    """Implements `infra.kafka.writing.Writing`: what it `says` comes as soon as something is written."""

    def __init__(self, rulings: Rulings) -> None:
        self._rulings = rulings
        self.written: list[CaseActionRequested | ReviewDecided] = []
        self.says: Says = lambda said, at: []
        self.fails: Exception | None = None

    def write(self, outgoing: Outgoing) -> Coordinates:
        if self.fails is not None:
            raise self.fails
        said = outgoing.event
        assert isinstance(said, CaseActionRequested | ReviewDecided)
        self.written.append(said)
        at = Coordinates(topic=outgoing.topic, partition=0, offset=len(self.written) - 1)
        self.tell(outgoing.key, *self.says(said, at))
        return at

    def tell(self, key: bytes, *events: Event) -> None:
        """Something about a case comes on `assignments`."""
        for number, event in enumerate(events):
            record = Record(ASSIGNMENTS.name, 0, number, START, key, CODEC.encode(event))
            self._rulings.take([record])


class Following:
    """Implements `producers.desk.desk.Serving`: gives what it is told to."""

    def __init__(self) -> None:
        self.gives: NextCase | NothingToDo | Exception = RuntimeError("nothing was told")
        self.asked: list[tuple[Reviewer, int, str | None]] = []
        self.passed_over: list[tuple[str, str]] = []
        self.left_free: list[tuple[str, str]] = []

    def for_person(self, reviewer: Reviewer, *, wip_limit: int, token: str | None = None) -> NextCase | NothingToDo:
        self.asked.append((reviewer, wip_limit, token))
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives

    def gives_back(self, reviewer_id: str, request_id: str) -> None:
        self.passed_over.append((reviewer_id, request_id))

    def kept(self, reviewer_id: str, request_id: str) -> None:
        self.passed_over.remove((reviewer_id, request_id))

    def left(self, reviewer_id: str, request_id: str) -> None:
        self.left_free.append((reviewer_id, request_id))


class World:
    """The application over all that; `call` is made within one event loop by `run`."""

    def __init__(self, *, local: bool = True, pace: Pace | None = None) -> None:
        self.log = SimulatedLog(partitions=PARTITIONS, wall=lambda: START)
        self.rulings = Rulings(CODEC)
        self.casework, self.model, self.following = Casework(self.rulings), Model(), Following()
        self.config: Config | None = Config()
        self.watch = unserved()
        self.cut_off = 0
        self.feed = Feed(CODEC, cut_off=self._count)
        self.feed.begin(dict.fromkeys(range(PARTITIONS), 0))
        self.desk: Desk
        app = build(self._behind, Admitting(local, INSTALLATION), none, pace=pace)
        self.app = Measured(app, self.watch.instruments, MEASURED)

    def _count(self) -> None:
        self.cut_off += 1

    def _behind(self) -> Desk:
        return self.desk

    def put(self, request_id: str, possession: Possession | None = None) -> Coordinates:
        """An open case, announced on the log and known to the read model."""
        asked = announcement(request_id)
        topic = REVIEW[asked.priority]
        place = TopicPartition(topic.name, 0)
        review = Coordinates(topic=topic.name, partition=0, offset=self.log.watermark(place))
        self.log.append(place, request_id.encode(), CODEC.encode(asked), None)
        self.model.put(asked, review, possession)
        return review

    def run(self, *steps: "Callable[[httpx2.AsyncClient], Any]") -> list[Any]:
        """Each step in turn, awaited."""

        async def running() -> list[Any]:
            async with self.opened() as client:
                return [await step(client) for step in steps]

        return asyncio.run(running())

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[httpx2.AsyncClient]:
        lookup, door = Lookup(self.log, CODEC, self.model), Door(self.rulings, self.casework)
        self.desk = Desk(door, self.following, lookup, self.feed, lambda: self.config)
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield client
        finally:
            self.desk.close()

    def post(self, path: str, body: object = None, who: str | None = "ann", **headers: str) -> httpx2.Response:
        sent = {"content-type": "application/json", **({"reviewer-id": who} if who is not None else {}), **headers}
        content = json.dumps({} if body is None else body)
        (got,) = self.run(lambda client: client.post(path, content=content, headers=sent))
        return cast(httpx2.Response, got)

    def get(self, path: str, who: str | None = "ann", **headers: str) -> httpx2.Response:
        named = {"reviewer-id": who} if who is not None else {}
        (got,) = self.run(lambda client: client.get(path, headers=named | headers))
        return cast(httpx2.Response, got)


@asynccontextmanager
async def none(_: FastAPI) -> AsyncIterator[None]:
    yield


@contextmanager
def served(world: World) -> Iterator[str]:
    """The application at an address of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(world.app, log_config=None, lifespan="off"))

    async def serve() -> None:
        async with world.opened():
            await server.serve(sockets=[listening])

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
