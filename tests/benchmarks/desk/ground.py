"""A whole stack with many open cases: Kafka, Valkey, casework, index and the desk as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from consumers.index.keeping import place_of
from infra.kafka.running import wall
from infra.local.valkey import EmbeddedValkey
from infra.redis.cached_case import CachedCase
from infra.redis.connection import Command, Connection
from infra.redis.keys import Keys
from infra.secret_keys import secrets
from infra.settings import DESK_FILE, Settings
from schemas.events import CaseSnapshot
from schemas.topics import POLICIES
from streams.casework.sealing import Sealer
from tests.benchmarks.casework import policy_published, snapshots
from tests.benchmarks.claiming import read_model
from tests.benchmarks.stand import Stand, fill, stand

SERVICES: Final = ("casework", "index", "desk")
LONGEST_START: Final = 600.0  # seconds: a million cases are restored
KEPT: Final = 24 * 3_600_000  # milliseconds for which what a page shows is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the desk listens, and the pid of each process."""

    url: str
    settings: Settings
    pids: Mapping[str, int]


@contextmanager
def ground(cases: int) -> Iterator[Ground]:
    """So many open cases that nobody has; everything is gone afterwards."""
    with ExitStack() as opened:
        running = opened.enter_context(stand(lasting=True))
        server = EmbeddedValkey(running.settings.data_dir / "valkey", prefer=None)
        server.start()
        opened.callback(server.kill)
        settings = running.settings.with_changes(redis_url=server.url, desk_address="127.0.0.1:0")
        running, now = Stand(broker=running.broker, settings=settings, log=running.log), wall()
        _fill(running, cases, now=now)
        pids = {name: opened.enter_context(_service(running, name)).pid for name in SERVICES}
        pids |= {"kafka": running.broker.pid or 0, "valkey": server.pid or 0}
        yield Ground(url=_come_up(settings), settings=settings, pids=pids)


def _fill(running: Stand, cases: int, *, now: int) -> None:
    """The log and the read model, as router, casework and index would have left them."""
    fill(running, iter([POLICIES.message(policy_published())]))
    fill(running, snapshots(cases, Sealer(secrets(running.settings).seal_key), now=now))
    redis = Connection(running.settings.redis_url, address="benchmark")
    keys = Keys(running.settings.topic_prefix)

    def also(case: CaseSnapshot) -> Iterator[Command]:
        value = msgspec.msgpack.encode(_cached(case))
        yield ("SET", keys.case(case.request_id), value, "PX", str(KEPT))

    read_model(running, redis, cases, now=now, also=also)
    redis.close()


def _cached(case: CaseSnapshot) -> CachedCase:
    """What the index keeps of a case's announcement."""
    assert case.review is not None
    fields: dict[str, Any] = {name: getattr(case, name, None) for name in CachedCase.__struct_fields__}
    fields |= {"request": place_of(case.request), "review": place_of(case.review), "created_at": case.opened_at}
    return CachedCase(**fields)


@contextmanager
def _service(running: Stand, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    hitl = Path(sys.executable).parent / "hitl"
    environment = {**os.environ, **running.settings.environment()}
    log = running.settings.data_dir / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([hitl, "run", name], env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def _come_up(settings: Settings) -> str:
    """Where the desk listens, once casework grants and the index follows."""
    deadline, file = time.monotonic() + LONGEST_START, settings.data_dir / DESK_FILE
    while not file.exists():
        assert time.monotonic() < deadline, "the desk does not come up"
        time.sleep(0.1)
    url, headers = f"http://{file.read_text()}", {"reviewer-id": "first"}
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        while client.get("/ready").status_code != 200:
            assert time.monotonic() < deadline, "the desk is not ready"
            time.sleep(0.1)
        while (got := client.post("/v1/cases:next", json={})).status_code != 200:
            assert time.monotonic() < deadline, f"no case is given: {got.text}"
        while not client.get("/v1/queue").json()["in_hand"]:
            assert time.monotonic() < deadline, "the index does not follow"
            time.sleep(0.1)
    return url
