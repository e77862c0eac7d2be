"""A stack for the page to work on: people are vouched for, and their cases are of three workflows."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from infra.cli.main import run
from infra.kafka.publisher import publish
from infra.redis.connection import connect as connect_redis
from infra.redis.keys import Keys
from infra.settings import DESK_FILE
from producers.desk.signin.roles import Role
from producers.desk.surroundings import LOOK_EVERY
from schemas.events import PolicyPublished
from schemas.topics import POLICIES
from tests.e2e.desk.conftest import SignedIn
from tests.support.gateway import ADDRESS, url_of
from tests.support.refused import Office
from tests.support.stand import Stand
from tests.support.traffic import CODEC
from tests.support.working import POSTS, QUICK, TOPICS, Shift, Worker


@pytest.fixture(scope="module")
def stand(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("work"), desk_address=ADDRESS)
    try:
        stand.up(["casework", "index", "desk"])
        for number, document in enumerate((POSTS, QUICK, TOPICS), start=1):
            name = document.split('"')[1]
            event = PolicyPublished(
                event_id=f"policy:{name}", workflow=name, version=1, digest=str(number) * 64, document=document,
                published_by="test", published_at=0,
            )  # fmt: skip
            publish(stand.log, CODEC, [POLICIES.message(event)])
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("HITL_DATA_DIR", str(stand.settings.data_dir))
            assert run(["identity", "enable"]) == 0
        yield stand
    finally:
        stand.down()


@pytest.fixture(scope="module")
def url(stand: Stand) -> str:
    return url_of(stand, DESK_FILE)


@pytest.fixture(scope="module")
def office(stand: Stand) -> Iterator[Office]:
    made = Office(stand)
    yield made
    made.close()


@pytest.fixture
def shift(stand: Stand, office: Office, request: pytest.FixtureRequest) -> Shift:
    """Named after the test; whoever worked before has gone home, and has no share in what waits."""
    redis, prefix = connect_redis(stand.settings), Keys(stand.settings.topic_prefix).prefix.rstrip(":")
    while redis.call("DEL", *(f"{prefix}reserving:{each}" for each in ("at_work", "people"))):
        time.sleep(LOOK_EVERY / 1_000)  # until the desk has seen that, and nobody came back who was just leaving
    redis.close()
    return Shift(stand, office, request.node.name.removeprefix("test_")[:40].rstrip("_"))


class Works:
    """Signs people in who can do the cases of a test."""

    def __init__(self, signed_in: SignedIn, shift: Shift) -> None:
        self._signed_in, self._shift = signed_in, shift

    def __call__(self, name: str, *roles: Role, **options: object) -> Worker:
        skill = self._shift.skill
        page = self._signed_in(f"{name}-{skill}", *(roles or (Role.REVIEWER,)), skills=[skill], path="/work", **options)
        return Worker(page)


@pytest.fixture
def worker(signed_in: SignedIn, shift: Shift) -> Works:
    return Works(signed_in, shift)
