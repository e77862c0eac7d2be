"""A real Apicurio: our ids in it, its ids on a real broker, and what happens when it is away."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.cli.main import run
from infra.kafka.client import connect
from infra.kafka.id_space import IdSpaceDiffers, bound_codec, bound_ids
from infra.kafka.log import TopicPartition
from infra.kafka.publisher import publish
from infra.kafka.topics import apply, check
from infra.local.apicurio import EmbeddedRegistry
from infra.local.broker import EmbeddedBroker
from infra.local.stack import Stack
from infra.local.state import Condition, ProcessState
from infra.registry.client import FULL_TRANSITIVE, Registry
from infra.registry.errors import IdsDiffer, RegistryUnavailable, SchemaRefused
from infra.registry.http import Answer, Http
from infra.registry.ids import codec_of, fingerprint_of, subject_of
from infra.registry.loading import State, load, register, survey
from infra.settings import Settings
from schemas.codec import HEADER, Codec, SchemaVersion, published
from schemas.events import DeadLettered, DecisionRequested, FeedbackRecorded, StageTallied
from schemas.publishing import EXAMPLES, example_event
from schemas.topics import DEAD_LETTERS, FEEDBACK, REQUESTS, TALLIES
from tests.support.logs import read_all
from tests.support.registry import FakeRegistry, apicurio, serving
from tests.support.stand import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long]
EVERY = published()
OURS = {version.fingerprint: version.schema_id for version in EVERY}


class AskingAgain(Http):
    """Asks once more where that changes nothing: now and then Apicurio never answers, and does when asked again."""

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            return super().ask(method, path, body, headers)
        except RegistryUnavailable:
            if method != "GET":
                raise
        return super().ask(method, path, body, headers)


def registry_of(server: EmbeddedRegistry) -> Registry:
    return Registry(AskingAgain(server.url))


@pytest.fixture(scope="module")
def ours(apicurio_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegistry]:
    """A registry into which first the first versions were loaded, under our ids, and the others later."""
    with apicurio(apicurio_app, tmp_path_factory.mktemp("ours")) as server:
        older = [version for version in EVERY if version.version == 1]
        assert len(load(registry_of(server), older).registered) == len(older)
        done = load(registry_of(server), EVERY)
        assert done.registered == [version.key for version in EVERY if version.version > 1]
        yield server


@pytest.fixture(scope="module")
def numbering(apicurio_app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRegistry]:
    """A registry that has numbered our schemas itself, in another order than ours."""
    with apicurio(apicurio_app, tmp_path_factory.mktemp("numbering")) as server:
        mixed = sorted(EVERY, key=lambda version: (version.version, -version.schema_id))
        assert len(register(registry_of(server), mixed).registered) == len(EVERY)
        yield server


@pytest.fixture
def settings(broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """An installation of its own that takes our ids."""
    prefix = f"registry-{uuid.uuid4().hex[:8]}."
    return Settings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, partitions=1, data_dir=tmp_path)


def confluents_client(server: EmbeddedRegistry) -> SchemaRegistryClient:
    """Which waits for ever by itself: now and then Apicurio never answers, and does when it is asked again."""
    return SchemaRegistryClient({"url": ",".join([server.url] * 3), "timeout": 10})


def read_by_confluent(value: bytes, server: EmbeddedRegistry) -> dict[str, Any]:
    """What Confluent's own client makes of wire bytes."""
    with confluents_client(server) as client:
        found: dict[str, Any] = AvroDeserializer(client)(value, SerializationContext("any", MessageField.VALUE))
        return found


def service(name: str, settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "run", name],
        env=os.environ | settings.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


# ---- away ----


def test_a_service_is_tried_again_until_the_registry_is_back(tmp_path: Path) -> None:
    fake = FakeRegistry()
    stack = Stack(Settings(data_dir=tmp_path))
    try:
        with serving(fake):
            register(fake.client, EVERY)
            stack = Stack(Settings(data_dir=tmp_path, schema_registry_url=fake.url))
            stack.start(["feedback"], owner=os.getpid())
            wait_until(lambda: starts(stack) == 1, what="a service that runs")
        stack.kill("feedback")
        away = f"failed with exit status 1: the schema registry at {fake.url} does not answer"
        wait_until(lambda: (process(stack).last_exit or "").startswith(away), what="the reason in `hitl status`")
        with serving(fake):
            wait_until(lambda: process(stack).condition is Condition.RUNNING, what="another start")
            wait_until(lambda: starts(stack) == 2, what="a service that runs again")
    finally:
        stack.stop()


def starts(stack: Stack) -> int:
    """How often the service came as far as to run."""
    return stack.folders.log("feedback").read_text().count("feedback runs.")


def process(stack: Stack) -> ProcessState:
    state = stack.state()
    assert state is not None
    return next(each for each in state.processes if each.name == "feedback")


# ---- under our ids ----


@pytest.mark.parametrize("version", EVERY, ids=lambda version: version.key)
def test_every_committed_id_means_its_schema(version: SchemaVersion, ours: EmbeddedRegistry) -> None:
    meaning = registry_of(ours).schema(version.schema_id)
    assert meaning is not None and fingerprint_of(meaning) == version.fingerprint


def test_all_is_as_it_should_be_and_loading_again_does_nothing(ours: EmbeddedRegistry) -> None:
    registry = registry_of(ours)
    assert survey(registry, EVERY).is_right(own_ids=False)
    done = load(registry, EVERY)
    assert (done.registered, done.made_full_transitive) == ([], [])
    assert codec_of(Settings(schema_registry_url=ours.url)).ids == OURS


def test_the_newest_version_is_the_latest_there(ours: EmbeddedRegistry) -> None:
    newest = {version.name: version.schema_id for version in EVERY}
    with confluents_client(ours) as client:
        latest = {name: client.get_latest_version(subject_of(name)).schema_id for name in newest}
    assert latest == newest


@pytest.mark.parametrize("wire", sorted(EXAMPLES.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_confluents_own_deserializer_reads_our_golden_bytes(wire: Path, ours: EmbeddedRegistry) -> None:
    read = read_by_confluent(wire.read_bytes(), ours)
    written: dict[str, Any] = json.loads(wire.with_suffix(".json").read_bytes())
    plain = {name: value for name, value in written.items() if isinstance(value, str | int | bool) and name in read}
    texts = {name: value for name, value in plain.items() if isinstance(read[name], str | int | bool)}
    assert texts and {name: read[name] for name in texts} == texts


def test_a_version_that_older_ones_cannot_read_is_refused(ours: EmbeddedRegistry, numbering: EmbeddedRegistry) -> None:
    [version] = [version for version in EVERY if version.key == "DecisionRequested/v1"]
    schema: dict[str, Any] = json.loads(version.source)
    schema["fields"].append({"name": "added", "type": "string"})  # without a default
    for server in (ours, numbering):
        assert registry_of(server).compatibility(subject_of(version.name)) == FULL_TRANSITIVE
        with pytest.raises(SchemaRefused, match=r"refuses hitl\.DecisionRequested"):
            registry_of(server).register(subject_of(version.name), json.dumps(schema))


# ---- under its own ids ----


def test_a_registry_with_other_ids_is_left_alone(numbering: EmbeddedRegistry) -> None:
    registry = registry_of(numbering)
    before = survey(registry, EVERY)
    assert len(before.those(State.OTHER_ID)) == len(EVERY)
    with pytest.raises(IdsDiffer, match="nothing was changed.*--own-ids"):
        load(registry, EVERY)
    assert survey(registry, EVERY) == before


def dead_letters(settings: Settings, codec: Codec) -> list[str]:
    with closing(connect(settings)) as log:
        values = read_all(log, TopicPartition(DEAD_LETTERS.name, 0))
    events = [codec.decode(value) for value in values]
    return [event.reason for event in events if isinstance(event, DeadLettered)]


def test_its_ids_are_used_from_end_to_end_also_after_it_was_killed(
    numbering: EmbeddedRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = settings.with_changes(schema_registry_url=numbering.url)
    for name, value in theirs.environment().items():
        monkeypatch.setenv(name, value)
    apply(theirs)
    assert check(theirs) == []
    with closing(connect(theirs)) as log:
        codec = bound_codec(log, theirs)
        assert bound_ids(log) == codec.ids != OURS

        # A publisher and a reader agree, and Confluent's own reader with them.
        publish(log, codec, [REQUESTS.message(DecisionRequested(request_id="r1", workflow="w"))])
        (request,) = read_all(log, TopicPartition(REQUESTS.name, 0))
        assert request is not None and read_by_confluent(request, numbering)["request_id"] == "r1"
        assert run(["topics", "read", "requests", "--json"]) == 0
        assert json.loads(capfd.readouterr().out)["value"]["request_id"] == "r1"

        # Whoever takes our ids is not let in on that cluster: a service, a command, and `topics apply`.
        with pytest.raises(IdSpaceDiffers, match="HITL_SCHEMA_REGISTRY_URL"):
            bound_codec(log, settings)
        with pytest.raises(IdSpaceDiffers):
            apply(settings)
        assert [found.what for found in check(settings) if found.refused] == ["schema ids"]
    refused = service("feedback", settings)
    said, _ = refused.communicate(timeout=60)
    assert (refused.returncode, "HITL_SCHEMA_REGISTRY_URL" in said) == (78, True), said

    running = service("feedback", theirs)
    try:
        assert running.stdout is not None
        assert any("runs." in line for line in running.stdout), "it does not start"
        os.kill(numbering.pid or 0, signal.SIGKILL)
        wait_until(lambda: not numbering.is_serving(), what="the end of the registry")
        feedback = example_event(EXAMPLES / "FeedbackRecorded" / "v1.full.json")
        assert isinstance(feedback, FeedbackRecorded)
        with closing(connect(theirs)) as log:
            publish(log, codec, [FEEDBACK.message(feedback)])
            stray = log.producer(transactional_id=None)
            stray.send(FEEDBACK.name, feedback.workflow.encode(), HEADER.pack(0, 77_777) + b"newer", 0)
            stray.flush()
            stray.close()
        wait_until(lambda: dead_letters(theirs, codec) == ["unknown_schema"], what="the dead letter of the unknown id")
        with closing(connect(theirs)) as log:
            tallied = [codec.decode(value) for value in read_all(log, TopicPartition(TALLIES.name, 0))]
        assert {event.stage for event in tallied if isinstance(event, StageTallied)} == {"feedback"}
        assert running.poll() is None, "it needs no registry any more"
    finally:
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 0

    # What starts now needs it: a service ends with an error that passes, a command says what to do.
    late = service("feedback", theirs)
    said, _ = late.communicate(timeout=60)
    assert late.returncode == 1 and f"error: the schema registry at {numbering.url} does not answer" in said
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        apply(theirs)
    assert run(["topics", "read", "requests", "--json"]) == 1
    assert json.loads(capfd.readouterr().err)["kind"] == "RegistryUnavailable"
