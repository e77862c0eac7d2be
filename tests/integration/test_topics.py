"""`hitl topics` on a real broker."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewPartitions

from infra.cli.main import run
from infra.kafka import id_space
from infra.kafka.client import KafkaLog, connect
from infra.kafka.client_errors import TopicMissing
from infra.kafka.publisher import publish
from infra.kafka.topics import Cluster, TopicsDiffer, apply, check
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings
from schemas.codec import Codec, published
from schemas.events import DecisionRequested
from schemas.topics import CASES, REQUESTS, TOPICS
from tests.support.stand import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: EmbeddedBroker) -> Settings:
    return Settings(
        bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"topics-{uuid.uuid4().hex[:8]}.", partitions=3
    )


def alter(settings: Settings, topic: str, name: str, value: str) -> None:
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, settings.topic_prefix + topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(20)


def test_apply_creates_the_whole_catalogue_once(settings: Settings) -> None:
    names = [settings.topic_prefix + name for name in (*(topic.name for topic in TOPICS), id_space.TOPIC)]
    assert [d.topic for d in check(settings) if d.what == "missing"] == names
    done = apply(settings)
    assert (done.created, done.schemas) == (names, len(published()))
    assert check(settings) == []
    again = apply(settings)
    assert (again.created, again.corrected, again.schemas) == ([], [], 0)
    shapes = Cluster(settings).shapes(names)
    assert {name: shape.partitions for name, shape in shapes.items()} == {
        settings.topic_prefix + id_space.TOPIC: 1,
        **{settings.topic_prefix + topic.name: 3 if topic.partitioned else 1 for topic in TOPICS},
    }


def test_changed_setting_is_found_and_corrected(settings: Settings) -> None:
    apply(settings, [REQUESTS])
    alter(settings, "requests", "retention.ms", "1000")
    wait_until(lambda: check(settings, [REQUESTS]) != [], what="the change, as the broker tells it")
    (found,) = check(settings, [REQUESTS])
    assert (found.what, found.wanted, found.found) == ("retention.ms", "-1", "1000")
    assert apply(settings, [REQUESTS]).corrected == [found]
    wait_until(lambda: check(settings, [REQUESTS]) == [], what="the correction, as the broker tells it")


def test_change_that_would_delete_records_is_left_with_the_reason(settings: Settings) -> None:
    apply(settings, [CASES])
    alter(settings, "cases", "cleanup.policy", "delete")
    alter(settings, "cases", "max.message.bytes", "1000")
    wait_until(lambda: len(check(settings, [CASES])) == 2, what="both changes, as the broker tells them")
    with pytest.raises(TopicsDiffer, match="delete records that are kept"):
        apply(settings, [CASES])
    wait_until(
        lambda: [d.what for d in check(settings, [CASES])] == ["cleanup.policy"],
        what="what is safe corrected all the same",
    )


def test_other_partition_count_is_refused_with_the_way_out(settings: Settings) -> None:
    apply(settings, [REQUESTS])
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    name = settings.topic_prefix + "requests"
    admin.create_partitions([NewPartitions(name, 5)])[name].result(20)
    wait_until(lambda: check(settings, [REQUESTS]) != [], what="the partitions, as the broker tells them")
    with pytest.raises(TopicsDiffer, match=r"partitions is 5, should be 3 .*HITL_PARTITIONS.*migrate"):
        apply(settings, [REQUESTS])


def test_cluster_is_bound_to_the_ids_it_was_given_first(settings: Settings) -> None:
    apply(settings, [])
    with closing(connect(settings)) as log:
        id_space.require_bound(log, Codec.of_repository())
        assert id_space.bound_ids(log) == {v.fingerprint: v.schema_id for v in published()}
        first, second, *_ = published()
        with pytest.raises(id_space.IdSpaceDiffers, match=f"it has {first.schema_id}.*HITL_TOPIC_PREFIX"):
            id_space.bind(log, [replace(first, schema_id=7)])
        with pytest.raises(id_space.IdSpaceDiffers, match="another schema has it"):
            id_space.bind(log, [replace(second, fingerprint=b"new", schema_id=first.schema_id)])
        newer = replace(first, version=2, fingerprint=b"newer", schema_id=9_999)
        assert (id_space.bind(log, [first, newer]), id_space.bind(log, [first, newer])) == (1, 0)
        assert id_space.bound_ids(log)[b"newer"] == 9_999


def test_cluster_without_ids_is_not_used(settings: Settings) -> None:
    with closing(connect(settings)) as log, pytest.raises(TopicMissing, match="hitl topics apply"):
        id_space.require_bound(log, Codec.of_repository())


def test_impossible_replication_is_an_error_not_a_traceback(
    settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(settings, monkeypatch)
    monkeypatch.setenv("HITL_REPLICATION_FACTOR", "5")
    assert run(["topics", "apply"]) == 1
    said = capfd.readouterr().err.splitlines()
    assert said[-1].startswith("error: creating ")
    assert "replication factor" in said[-1].lower()


def enter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line find this installation."""
    monkeypatch.setenv("HITL_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("HITL_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("HITL_PARTITIONS", str(settings.partitions))


@pytest.fixture
def hitl(
    settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    enter(settings, monkeypatch)

    def call(*words: str) -> tuple[int, str]:
        status = run(list(words))
        return status, capfd.readouterr().out

    return call


def test_command_lists_applies_and_checks(settings: Settings, hitl: Callable[..., tuple[int, str]]) -> None:
    status, said = hitl("topics", "check", "--json")
    assert (status, len(json.loads(said)["differences"])) == (1, len(TOPICS) + 1)
    status, said = hitl("topics", "list", "--json")
    assert {row["offsets"] for row in json.loads(said)} == {None}
    status, said = hitl("topics", "apply", "--json")
    assert (status, len(json.loads(said)["created"])) == (0, len(TOPICS) + 1)
    assert hitl("topics", "check") == (0, "all topics are as the catalogue says\n")
    status, said = hitl("topics", "list")
    assert (status, len(said.splitlines())) == (0, len(TOPICS) + 1)
    status, said = hitl("topics", "list", "--json")
    rows = {row["name"]: row for row in json.loads(said)}
    requests = rows[settings.topic_prefix + "requests"]
    assert (requests["partitions"], requests["offsets"], requests["key"]) == (3, 0, "request id")


def test_missing_topics_are_listed_after_one_question(
    hitl: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = KafkaLog._ask

    def counting(log: KafkaLog, about: str, question: Callable[..., Any]) -> Any:
        asked.append(about)
        return ask(log, about, question)

    monkeypatch.setattr(KafkaLog, "_ask", counting)
    status, said = hitl("topics", "list", "--json")
    assert (status, {row["offsets"] for row in json.loads(said)}, asked) == (0, {None}, ["topics"])


def test_records_are_printed_decoded(settings: Settings, hitl: Callable[..., tuple[int, str]]) -> None:
    apply(settings)
    events = [DecisionRequested(request_id=f"r{number}", workflow="w") for number in range(12)]
    with closing(connect(settings)) as log:
        publish(log, Codec.of_repository(), map(REQUESTS.message, events))
        aborting = log.producer(transactional_id="aborting")
        aborting.begin()
        aborting.send(REQUESTS.name, b"r0", b"never", None)
        aborting.flush()
        aborting.abort()
    status, said = hitl("topics", "read", "requests", "--json")
    lines = [json.loads(line) for line in said.splitlines()]
    assert status == 0
    assert {(line["key"], line["event"], line["value"]["request_id"]) for line in lines} == {
        (event.request_id, "DecisionRequested", event.request_id) for event in events
    }
    status, said = hitl("topics", "read", settings.topic_prefix + "requests", "--key", "r3", "--count", "1", "--follow")
    assert (status, said.splitlines()[1:3]) == (0, ['  request_id: "r3"', '  workflow: "w"'])
    partition = max(line["partition"] for line in lines)
    status, said = hitl("topics", "read", "requests", "--json", "--partition", str(partition), "--from", "end")
    assert (status, said) == (0, "")


def test_a_topic_that_is_none_is_an_error_of_one_line(hitl: Callable[..., tuple[int, str]]) -> None:
    assert hitl("topics", "read", "reviews") == (1, "")


def test_following_ends_with_ctrl_c(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(settings, [REQUESTS])
    enter(settings, monkeypatch)
    with closing(connect(settings)) as log:
        publish(log, Codec.of_repository(), [REQUESTS.message(DecisionRequested(request_id="r", workflow="w"))])
    command = [sys.executable, "-m", "infra.cli.main", "topics", "read", "requests", "--follow", "--json"]
    following = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())  # comes at once, not when a buffer is full
    following.send_signal(signal.SIGINT)
    rest, complaint = following.communicate(timeout=30)
    assert (first["key"], rest, complaint, following.returncode) == ("r", "", "", 0)
