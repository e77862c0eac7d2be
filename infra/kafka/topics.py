"""The topics of the cluster, made and kept as the catalogue says. Nothing is ever deleted."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import Any, Final, TypeVar

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic

from infra.errors import FatalConfiguration, HitlError
from infra.kafka import id_space
from infra.kafka.client import connect
from infra.kafka.client_config import ClientOptions
from infra.kafka.client_errors import is_passing, kafka_error, refusal, unavailable
from infra.kafka.client_log import LOGGER
from infra.kafka.topic_plan import Difference, Shape, differences, refusals, wanted_shape
from infra.registry.ids import ids_of
from infra.settings import Settings
from schemas.topics import TOPICS, Topic

T = TypeVar("T")
TIMEOUT: Final = 10.0  # seconds, for each question
LEADERS_TIMEOUT: Final = 30.0  # seconds


class TopicsDiffer(FatalConfiguration):
    """Topics of the cluster differ from the catalogue in a way that `hitl topics apply` must not correct."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: names of created topics, and settings that were corrected."""

    created: list[str]
    corrected: list[Difference]
    schemas: int  # that were given their id in this cluster


def apply(settings: Settings, topics: Sequence[Topic[Any]] = TOPICS) -> Applied:
    """Create what is missing, correct settings where no record can be lost by it, and wait until all have leaders.

    Binds the cluster to the ids of our schemas. Raises `TopicsDiffer` after that when something remains,
    `IdSpaceDiffers`, `LogUnavailable`, `AccessDenied`; and, before anything is done, what a schema registry may raise.
    """
    versions = id_space.numbered(ids_of(settings))
    cluster = Cluster(settings)
    wanted = _wanted(settings, topics)
    found = cluster.shapes(wanted)
    plan = [d for name, shape in wanted.items() for d in differences(name, shape, found.get(name))]
    missing = [d.topic for d in plan if d.what == "missing"]
    corrected = [d for d in plan if d.what != "missing" and d.refused is None]
    cluster.create({name: wanted[name] for name in missing})
    cluster.alter(corrected)
    cluster.wait_for_leaders(wanted)
    with closing(connect(settings)) as log:
        bound = id_space.bind(log, versions)
    if refused := refusals(plan):
        raise TopicsDiffer(f"{refused}.")
    return Applied(created=missing, corrected=corrected, schemas=bound)


def check(settings: Settings, topics: Sequence[Topic[Any]] = TOPICS) -> list[Difference]:
    """Everything in which the cluster differs from the catalogue; changes nothing. Raises as `apply` does."""
    versions = id_space.numbered(ids_of(settings))
    wanted = _wanted(settings, topics)
    found = Cluster(settings).shapes(wanted)
    made = [d for name, shape in wanted.items() for d in differences(name, shape, found.get(name))]
    ids = settings.topic_prefix + id_space.TOPIC
    if ids in found:
        with closing(connect(settings)) as log:
            made += id_space.difference(log, ids, versions)
    return made


def _wanted(settings: Settings, topics: Iterable[Topic[Any]]) -> dict[str, Shape]:
    replication = settings.replication_factor
    wanted = {
        settings.topic_prefix + topic.name: wanted_shape(topic, partitions=settings.partitions, replication=replication)
        for topic in topics
    }
    return {**wanted, settings.topic_prefix + id_space.TOPIC: id_space.shape(replication)}


class Cluster:
    """Questions and orders to the brokers about topics, by their full names."""

    def __init__(self, settings: Settings) -> None:
        options = ClientOptions(bootstrap_servers=settings.bootstrap_servers, extra=settings.kafka)
        self._servers = settings.bootstrap_servers
        self._heard = options.heard
        self._admin = AdminClient(options.admin(), logger=LOGGER)

    def shapes(self, names: Iterable[str]) -> dict[str, Shape]:
        """Those of the topics that exist, with every setting the broker reports."""
        metadata = self._ask("topics", lambda: self._admin.list_topics(timeout=TIMEOUT)).topics
        present = [name for name in names if name in metadata and metadata[name].error is None]
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in present]
        shapes = {}
        for resource, answer in (self._admin.describe_configs(resources) if resources else {}).items():
            entries: Mapping[str, ConfigEntry] = self._result(f"settings of {resource.name}", answer)
            partitions = metadata[resource.name].partitions
            shapes[resource.name] = Shape(
                partitions=len(partitions),
                replication=min((len(p.replicas) for p in partitions.values()), default=0),
                settings={name: str(entry.value) for name, entry in entries.items()},
            )
        return shapes

    def create(self, shapes: Mapping[str, Shape]) -> None:
        """Another process may be doing the same at the same time."""
        made = [NewTopic(name, s.partitions, s.replication, config=dict(s.settings)) for name, s in shapes.items()]
        for name, answer in (self._admin.create_topics(made) if made else {}).items():
            try:
                answer.result(TIMEOUT)
            except KafkaException as raised:
                if kafka_error(raised).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self._failed(f"creating {name}", raised) from raised

    def alter(self, changes: Iterable[Difference]) -> None:
        """Set what differs, and nothing else."""
        entries: dict[str, list[ConfigEntry]] = {}
        for change in changes:
            entry = ConfigEntry(change.what, change.wanted, incremental_operation=AlterConfigOpType.SET)
            entries.setdefault(change.topic, []).append(entry)
        resources = [
            ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=made) for name, made in entries.items()
        ]
        for resource, answer in (self._admin.incremental_alter_configs(resources) if resources else {}).items():
            self._result(f"altering {resource.name}", answer)

    def wait_for_leaders(self, names: Iterable[str]) -> None:
        """Until every partition can be written; a new topic has no leaders for a moment."""
        waiting, deadline = set(names), time.monotonic() + LEADERS_TIMEOUT
        while waiting:
            metadata = self._ask("topics", lambda: self._admin.list_topics(timeout=TIMEOUT)).topics
            waiting -= {
                name
                for name in waiting
                if name in metadata and all(p.leader >= 0 for p in metadata[name].partitions.values())
            }
            if waiting and time.monotonic() > deadline:
                raise HitlError(f"no leader for {', '.join(sorted(waiting))}: see whether enough brokers serve.")
            if waiting:
                time.sleep(0.05)

    def _ask(self, about: str, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as raised:
            self._admin.poll(0)  # what its connections have to say
            raise unavailable(kafka_error(raised), about, self._servers, TIMEOUT, self._heard) from raised

    def _result(self, about: str, answer: "Future[T]") -> T:
        try:
            return answer.result(TIMEOUT)
        except KafkaException as raised:
            raise self._failed(about, raised) from raised

    def _failed(self, about: str, raised: KafkaException) -> HitlError:
        error = kafka_error(raised)
        if is_passing(error) or refusal(error, about):
            return unavailable(error, about, self._servers, TIMEOUT, self._heard)
        return HitlError(f"{about}: {error.str()}; correct the settings of this installation.")
