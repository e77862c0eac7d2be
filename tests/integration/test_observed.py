"""Every service as a process on a real broker, seen as Prometheus sees it; and the alerts about processes and edges."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from consumers.index.batch import CachePolicy
from consumers.index.indexer import Indexer
from consumers.index.watching import IndexWatch
from infra.kafka.intake import Intake
from infra.kafka.log import TopicPartition
from infra.local.ports import free_ports
from infra.local.services import environment, installed
from infra.local.valkey import EmbeddedValkey
from infra.observe.alerts import ALERTS
from infra.observe.metrics import DECLARED, Kind
from infra.observe.scraping import prometheus_config
from infra.observe.serving import unserved
from infra.observe.targets import read_target, target_file, write_target
from infra.observe.vitals import Vitals
from infra.redis.connection import Connection
from infra.redis.errors import RedisUnavailable
from infra.redis.keys import Keys
from infra.redis.store import IndexStore
from schemas.topics import PREDICTIONS
from tests.benchmarks.stand import prediction
from tests.support.gateway import ADDRESS, post_all, url_of
from tests.support.promtool import Story, checked, promtool
from tests.support.simlog import SimulatedLog
from tests.support.simstate import Calm
from tests.support.stand import Stand, wait_until
from tests.support.watched import CODEC, MINUTE, Moments

pytestmark = [pytest.mark.integration, pytest.mark.long]
SERVICES = tuple(installed())


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Everything that `hitl up` starts; a workflow without a model, of which one request was made."""
    stand = Stand(
        tmp_path_factory.mktemp("observed"), gateway_address=ADDRESS, gateway_acknowledge_seconds=30.0,
        repeat_window_seconds=60,
    )  # fmt: skip
    try:
        stand.up(SERVICES)
        stand.publish_policy()
        for name in SERVICES:
            wait_until(lambda name=name: is_ready(stand, name), what=f"{name} ready")  # type: ignore[misc]
        post_all(url_of(stand), ["a", "b", "c"])
        stand.quiet(people=False)
        yield stand
    finally:
        stand.down()


def address_of(stand: Stand, service: str, slot: str = "0") -> str:
    return read_target(target_file(stand.settings.data_dir, service, slot))


def asked(address: str, path: str = "/metrics") -> str | None:
    """What is answered; None when nobody does, or it is not well."""
    try:
        with urlopen(f"http://{address}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        error.close()
        return None
    except (URLError, OSError):
        return None


def is_ready(stand: Stand, service: str) -> bool:
    return asked(address_of(stand, service), "/ready") is not None


@pytest.mark.parametrize("service", SERVICES)
def test_promtool_accepts_what_a_service_shows_and_all_of_it_is_declared(stand: Stand, service: str) -> None:
    address = address_of(stand, service)
    assert asked(address, "/health") is not None
    text = asked(address)
    assert text is not None
    checked("check", "metrics", said=text)
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE hitl_")}
    assert "hitl_service_ready" in names
    assert names <= DECLARED.keys(), names - DECLARED.keys()
    for metric in DECLARED.values():
        if metric.name in names and metric.kind is Kind.COUNTER:
            assert f"# TYPE {metric.name} counter" in text


def test_what_was_done_is_shown(stand: Stand) -> None:
    def shows(service: str, line: str) -> None:
        wait_until(lambda: line in (asked(address_of(stand, service)) or ""), what=f"{line} of {service}")

    shows("inference", 'hitl_stage_taken_records_total{stage="inference",topic="requests"} 3.0')
    shows("inference", 'hitl_inference_model_in_force{workflow="posts"} 0.0')
    shows("router", 'action="human_review",priority="high",stage="router",workflow="posts"} 3.0')
    shows("router", 'hitl_stage_lag_records{partition="0",stage="router",topic="predictions"} 0.0')
    shows("gateway", 'hitl_gateway_requests_total{code="202",route="/v1/requests"} 3.0')
    shows("casework", 'hitl_casework_open_cases{case_stage="human",priority="high"} 3.0')


def test_status_tells_where_metrics_are(stand: Stand) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "status"], env=environment(stand.settings), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    for service in SERVICES:
        line = next(line for line in said.stdout.splitlines() if line.strip().startswith(service))
        assert f"metrics {address_of(stand, service)}" in line


def test_the_command_asks_everybody_and_says_who_is_not_ready(stand: Stand) -> None:
    def command(*words: str) -> "subprocess.CompletedProcess[str]":
        own = environment(stand.settings)
        return subprocess.run(
            [sys.executable, "-m", "infra.cli.main", "metrics", *words], env=own, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    done = command("list", "--json")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert {f"{name}@0" for name in SERVICES} == found.keys()
    write_target(target_file(stand.settings.data_dir, "gone", "0"), "127.0.0.1:9", service="gone", slot="0")
    done = command("list", "--json")
    target_file(stand.settings.data_dir, "gone", "0").unlink()
    (gone,) = [each for each in json.loads(done.stdout) if each["name"] == "gone@0"]
    assert done.returncode == 1 and not gone["healthy"] and "does not answer" in gone["detail"]


def test_a_real_prometheus_finds_every_service_and_takes_the_rules(stand: Stand, tmp_path: Path) -> None:
    promtool()
    server = shutil.which("prometheus")
    assert server is not None, "it comes with promtool"
    config = tmp_path / "prometheus.yml"
    config.write_text(prometheus_config(stand.settings.data_dir).replace("15s", "1s"))
    checked("check", "config", str(config))
    (port,) = free_ports(1)
    with (tmp_path / "prometheus.log").open("wb") as log:
        running = subprocess.Popen(
            [server, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: all_up(f"127.0.0.1:{port}"), what="every target up")
        rules = json.loads(asked(f"127.0.0.1:{port}", "/api/v1/rules") or "{}")["data"]["groups"]
        assert sum(len(group["rules"]) for group in rules) == len(ALERTS)
        assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
    finally:
        running.terminate()
        running.wait(60)


def all_up(server: str) -> bool:
    """Whether Prometheus has scraped every service."""
    text = asked(server, "/api/v1/targets?state=active")
    active = json.loads(text)["data"]["activeTargets"] if text else []
    up = {target["labels"]["service"] for target in active if target["health"] == "up"}
    return set(SERVICES) <= up


def test_a_service_that_is_killed_is_missed_and_comes_back_at_its_port(stand: Stand, tmp_path: Path) -> None:
    story = Story()
    own = environment(stand.settings.with_changes(slot="9"))
    command = [sys.executable, "-m", "infra.cli.main", "run", "feedback"]

    def started() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL)
        wait_until(lambda: asked(address_of(stand, "feedback", "9")) is not None, what="its metrics")
        return process

    first = started()
    try:
        address = address_of(stand, "feedback", "9")
        for _ in range(3):
            story.minute(feedback_9=asked(address))
        first.kill()
        first.wait()
        for _ in range(4):
            story.minute(feedback_9=asked(address))
        second = started()
        try:
            assert address_of(stand, "feedback", "9") == address
            turns = "hitl_stage_paused_partitions"
            wait_until(lambda: turns in (asked(address) or ""), what="its loop turning")
        finally:
            second.terminate()
            assert second.wait(60) == 0
        assert address_of(stand, "feedback", "9") == ""  # who ends as told is not missed
    finally:
        first.kill()
    firing = story.firing(tmp_path)
    assert firing[2] == set()
    assert "HitlServiceDown" in firing[-1]


def test_a_service_that_is_started_again_and_again(stand: Stand, tmp_path: Path) -> None:
    story = Story()
    for _ in range(3):
        story.minute(feedback=asked(address_of(stand, "feedback")))
    for _ in range(3):
        pid = stand.kill("feedback")
        wait_until(lambda pid=pid: stand.stack.pids().get("feedback", pid) != pid, what="its restart")  # type: ignore[misc]
        wait_until(lambda: asked(address_of(stand, "feedback")) is not None, what="its metrics")
        story.minute(feedback=asked(address_of(stand, "feedback")))
    firing = story.firing(tmp_path)
    assert firing[2] == set()
    assert "HitlServiceRestarts" in firing[-1]


def test_brokers_that_acknowledge_nothing(stand: Stand, tmp_path: Path) -> None:
    story, address, url = Story(), address_of(stand, "gateway"), url_of(stand)
    post_all(url, ["before"])
    for _ in range(5):
        story.minute(gateway=asked(address))
    kafka = stand.stack.pids()["kafka"]
    os.kill(kafka, signal.SIGSTOP)
    try:
        sender = threading.Thread(target=post_all, args=(url, ["meanwhile"]))
        sender.start()
        waiting = "hitl_gateway_unacknowledged_records 1.0"
        wait_until(lambda: waiting in (asked(address) or ""), what="a record that waits")
        for _ in range(5):
            story.minute(gateway=asked(address))
    finally:
        os.kill(kafka, signal.SIGCONT)
    sender.join()
    firing = story.firing(tmp_path)
    assert firing[4] == set()
    assert "HitlGatewayNotAcknowledged" in firing[-1]


def test_a_stack_that_was_ended_is_not_missed(stand: Stand) -> None:
    assert target_file(stand.settings.data_dir, "router", "0").exists()
    stand.down()
    assert list(target_file(stand.settings.data_dir, "router", "0").parent.iterdir()) == []


# ---- the index, on a Redis that the test may end ----


class Patient(Calm):
    """A transaction may stay open for as long as it likes."""

    def wait(self) -> bool:
        return True


class Indexed:
    """The indexer on a simulated log and a real Valkey, seen minute by minute."""

    def __init__(self, redis: EmbeddedValkey) -> None:
        self.time, self.story = Moments(), Story()
        self.log = SimulatedLog(partitions=2, wall=self.time, interference=Patient())
        self.watch = unserved(Vitals(self.time.seconds))
        store = IndexStore(Connection(redis.url, address="it"), Keys("test."), "me")
        self._indexer = Indexer(
            self.log, store, Intake(CODEC, 2), cache=CachePolicy(keep_ms=1, inline_bytes=0), keep_ms=1 << 40,
            wall=self.time, elapsed=self.time,
        )  # fmt: skip
        self._index = IndexWatch(self.watch, clock=self.time.seconds)

    def minutes(self, count: int) -> None:
        for _ in range(count):
            for _ in range(10):
                self.time.now += MINUTE // 10
                try:
                    self._index.applied(self._indexer.step(), self._indexer)
                except RedisUnavailable:
                    self._indexer.resume()
                    self._index.unavailable(self._indexer)
            self.story.minute(index=self.watch.instruments.text().decode())

    def write(self, number: int, *, committed: bool) -> None:
        producer = self.log.producer(transactional_id=f"writer-{number}")
        out = PREDICTIONS.message(prediction(number))
        assert out.event is not None
        producer.begin()
        producer.send(out.topic, out.key, CODEC.encode(out.event), 0)
        if committed:
            producer.commit()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey", prefer=None)
    server.start()
    yield server
    server.kill()


def test_a_redis_that_is_gone(redis: EmbeddedValkey, tmp_path: Path) -> None:
    indexed = Indexed(redis)
    indexed.write(1, committed=True)
    indexed.minutes(6)
    redis.kill()
    indexed.minutes(4)
    firing = indexed.story.firing(tmp_path)
    assert firing[:6] == [set()] * 6
    assert "HitlRedisUnavailable" in firing[-1]
    assert not indexed.watch.vitals.ready().good


def test_a_read_model_that_lags(redis: EmbeddedValkey, tmp_path: Path) -> None:
    indexed = Indexed(redis)
    indexed.write(1, committed=True)
    indexed.minutes(6)
    assert indexed.log.watermark(TopicPartition(PREDICTIONS.name, 0)) == 2
    indexed.write(2, committed=False)
    indexed.minutes(6)
    firing = indexed.story.firing(tmp_path)
    assert firing[:6] == [set()] * 6
    assert "HitlReadModelBehind" in firing[-1]
