"""The read model of the whole pipeline, hurt under load: what it shows is what the log says, by itself."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from consumers.index.indexer import FOLLOWED
from infra.kafka.log import TopicPartition
from infra.kafka.scan import name_of
from infra.local.ports import free_ports
from infra.local.services import command, environment
from infra.local.state import Condition
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import connect as connect_redis
from infra.redis.errors import RedisUnavailable
from infra.redis.keys import Keys
from infra.redis.reading import ReadModel, connect
from infra.redis.store import IndexStore
from infra.settings import Settings
from tests.support.history import History
from tests.support.stand import STAGES, Stand, wait_until
from tests.support.traffic import requests
from tests.support.view import LogView, differences

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("index"))
    try:
        stand.up([*STAGES, "index"])
        stand.publish_policy()
        stand.teach()
        yield stand
    finally:
        stand.down()


@pytest.fixture
def model(stand: Stand) -> Iterator[ReadModel]:
    model = connect(stand.settings)
    yield model
    model.close()


def check(settings: Settings, model: ReadModel, history: History) -> LogView:
    """Wait until the model has applied all of this history; then it says what the log says, field by field."""
    store = IndexStore(connect_redis(settings), Keys(settings.topic_prefix), "looking")
    entries = {topic: history.entries(topic) for topic in (*FOLLOWED, "cases")}
    last = {
        name_of(TopicPartition(topic, entry.partition)): entry.offset
        for topic in FOLLOWED
        for entry in entries[topic]
    }

    def is_there() -> bool:
        try:
            offsets = store.held().offsets
            return not model.is_rebuilding() and all(offsets.get(name, 0) > offset for name, offset in last.items())
        except RedisUnavailable:
            return False

    wait_until(is_there, what="the read model at the end of the log")
    store.close()
    log = LogView(
        chain.from_iterable(entries.values()),
        partitions=settings.partitions,
        inline_bytes=settings.index_inline_bytes,
    )
    assert differences(log, model, now=now()) == []
    return log


def now() -> int:
    return time.time_ns() // 1_000_000


def test_the_model_is_what_the_log_says(stand: Stand, model: ReadModel) -> None:
    stand.drive(requests(1, 400, partitions=stand.partitions, name="view"), seconds=4)
    stand.quiet()
    stand.send(requests(2, 200, partitions=stand.partitions, name="open"))  # nobody answers these
    log = check(stand.settings, model, stand.quiet(people=False))
    assert {view["state"] for view in log.requests().values()} >= {"completed", "human_review", "failed"}
    assert sum(map(len, log.queues().values())) > 20
    people = {each.reviewer_id: each for each in model.reviewers(now=now())}
    assert people.keys() <= {"anna", "boris"}, "boris judges anew what anna took part in, where somebody appealed"
    assert people["anna"].decisions_last_hour > 20
    last = log.queues()["posts", next(iter(log.queues()))[1]][-1]
    wait = model.estimated_wait(last, now=now())
    assert wait is not None and wait > 0, "one who has answered twice is at work"


def test_a_flush_and_a_kill_of_valkey_under_load_heal_by_themselves(stand: Stand, model: ReadModel) -> None:
    index, valkey = stand.process("index"), stand.process("valkey")
    redis, keys = connect_redis(stand.settings), Keys(stand.settings.topic_prefix)

    def lose(name: str) -> None:
        """As soon as Valkey answers: it was killed before."""

        def is_lost() -> bool:
            with suppress(RedisUnavailable):
                redis.call("DEL", name)
                return True
            return False

        wait_until(is_lost, what="an answer of Valkey")

    stand.drive(
        requests(3, 600, partitions=stand.partitions, name="hurt"),
        seconds=6,
        acts=[
            (1.0, lambda: redis.call("FLUSHALL")),
            (2.5, partial(stand.kill, "valkey")),
            (4.0, partial(lose, keys.offsets)),
            (5.0, partial(lose, keys.meta)),
        ],
    )
    check(stand.settings, model, stand.quiet())
    assert stand.process("index") == index, "the service stayed up"
    assert stand.process("valkey").restarts == valkey.restarts + 1
    redis.call("FLUSHALL")  # and while nothing comes
    redis.close()
    wait_until(lambda: not model.is_rebuilding(), what="the rebuilt model")
    check(stand.settings, model, stand.history())


def test_kill_9_of_the_index_loses_and_doubles_nothing(stand: Stand, model: ReadModel) -> None:
    before = stand.process("index").restarts
    stand.drive(
        requests(4, 600, partitions=stand.partitions, name="killed"),
        seconds=6,
        acts=[(moment, partial(stand.kill, "index")) for moment in (0.7, 2.4, 4.4)],
    )
    check(stand.settings, model, stand.quiet())
    assert stand.process("index").restarts >= before + 3


def test_a_pipeline_without_redis_goes_on_and_the_index_waits(stand: Stand, tmp_path: Path) -> None:
    """An index whose Redis comes up long after it: it says so, tries again, and catches up."""
    port = free_ports(1)[0]
    settings = stand.settings.with_changes(redis_url=f"redis://127.0.0.1:{port}/0")
    server, said = EmbeddedValkey(tmp_path / "late", prefer=port), tmp_path / "said.log"
    with said.open("wb") as out, subprocess.Popen(command("index"), env=environment(settings), stderr=out) as late:
        try:
            wait_until(lambda: said.read_bytes().count(b"redis_unavailable") > 2, what="three attempts")
            assert late.poll() is None
            server.start()
            assert server.url == settings.redis_url
            model = connect(settings)
            check(settings, model, stand.history())
            model.close()
        finally:
            late.terminate()
            late.wait(20)
            server.kill()
    assert late.returncode == 0, said.read_text()


def test_a_zombie_changes_nothing_and_ends_with_the_reason(stand: Stand, model: ReadModel) -> None:
    """The first is stopped under load, a second takes over, the first goes on: exit 78, and the view is right."""
    wait_until(lambda: "index" in stand.stack.pids(), what="index running")
    first = stand.process("index").process
    processes: list[subprocess.Popen[bytes]] = []

    def take_over() -> None:
        processes.append(
            subprocess.Popen(command("index"), env=environment(stand.settings), cwd=stand.settings.data_dir)
        )

    stand.drive(
        requests(5, 500, partitions=stand.partitions, name="zombie"),
        seconds=6,
        acts=[
            (0.7, lambda: stand.stack.kill("index", signal.SIGSTOP)),
            (1.0, take_over),
            (4.5, lambda: stand.stack.kill("index", signal.SIGCONT)),
        ],
    )
    try:
        wait_until(lambda: stand.process("index").condition is Condition.DOWN, what="the end of the first")
        assert first is not None
        assert "Another index has taken the read model over" in (stand.process("index").last_exit or "")
        check(stand.settings, model, stand.quiet())
        assert processes[0].poll() is None
    finally:
        processes[0].terminate()
        processes[0].wait(20)
    assert processes[0].returncode == 0
