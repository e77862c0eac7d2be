"""The whole pipeline as it is installed, on a real broker of its own: every service a process, the test the outside."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
import msgspec
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place

from consumers.feedback.stage import FeedbackStage
from consumers.inference.stage import InferenceStage
from consumers.training.stage import TrainingStage
from infra.kafka.client import KafkaLog, connect
from infra.kafka.log import Reader, TopicPartition
from infra.kafka.publisher import Publisher, publish
from infra.kafka.scan import ends_of, partitions_of
from infra.local.broker import Ports
from infra.local.ports import free_ports
from infra.local.stack import Stack
from infra.local.state import ProcessState
from infra.observe.metrics import MODEL_IN_FORCE
from infra.observe.targets import read_target, target_file
from infra.settings import Settings
from schemas.codec import Undecodable
from schemas.events import ExpertReviewRequested, PolicyPublished, RetrainingRequested, ReviewRequested
from schemas.topics import BY_NAME, EXPERT, FEEDBACK, POLICIES, RETRAINING, REVIEW, Outgoing, Topic
from schemas.values import Coordinates, Trigger
from streams.casework.stage import CaseworkStage
from streams.routing.stage import RouterStage
from tests.support.appellants import Appellants
from tests.support.history import History
from tests.support.traffic import CODEC, WORKFLOW, Send, answers, labels

STAGES: Final = ("inference", "router", "casework", "feedback", "training")
INPUTS: Final[dict[str, Sequence[Topic[Any]]]] = {
    stage.name: stage.inputs for stage in (InferenceStage, RouterStage, CaseworkStage, FeedbackStage, TrainingStage)
}
ANNOUNCING: Final = (*(topic.name for topic in REVIEW.values()), EXPERT.name)
APPEALED: Final = 0.05  # share of the outcomes that somebody contests while traffic flows
CALM: Final = 1.0  # seconds without a new record after which a log that was read whole counts as quiet
DOCUMENT: Final = f"""
name = "{WORKFLOW}"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
audit_share = 0.2
[thresholds]
auto_approve = 0.8
human_review = 0.7
[retraining]
labels = 60
"""


def wait_until(condition: Callable[[], bool], *, seconds: float = 120, what: str = "it") -> None:
    """Look again and again. Raises AssertionError when it does not come to pass; the time is one for a busy machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come to pass within {seconds:g} s"
        time.sleep(0.05)


class Stand:
    """Services over a folder; `changes` to the settings."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.stack = Stack(Settings(data_dir=folder, **changes))
        self.log: KafkaLog
        self._publisher: Publisher
        self._people: Reader
        self._appellants: Appellants

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    @property
    def partitions(self) -> int:
        return self.settings.partitions

    def up(self, services: Sequence[str] = STAGES) -> None:
        """Start the servers, at ports that no stack of this machine prefers, and the services; connect the outside."""
        first, second, third = free_ports(3)
        memory = self.stack.folders.kafka / "ports.json"
        memory.parent.mkdir(parents=True)
        memory.write_bytes(msgspec.json.encode(Ports(broker=first, controller=second)))
        memory = self.stack.folders.valkey / "port.json"
        memory.parent.mkdir(parents=True)
        memory.write_bytes(msgspec.json.encode(third))
        self.stack.start(list(services), owner=os.getpid())
        self.log = connect(self.settings)
        self._publisher = Publisher(self._patient(), CODEC)
        self._people = self.log.reader(dict.fromkeys(partitions_of(self.log, ANNOUNCING), 0))
        self._appellants = Appellants(self.log, Random(1), partitions=self.partitions, share=APPEALED)

    def _patient(self) -> KafkaLog:
        """Writes of whom a broker that comes back within five minutes loses nothing."""
        options = self.log.options
        return KafkaLog(replace(options, transaction_timeout_ms=300_000))

    def down(self) -> None:
        """End everything."""
        self.stack.stop()

    # ---- what operators do ----

    def publish_policy(self, document: str = DOCUMENT, *, version: int = 1) -> None:
        """A policy takes effect."""
        event = PolicyPublished(
            event_id=f"policy:{WORKFLOW}:{version}", workflow=WORKFLOW, version=version, digest=str(version) * 64,
            document=document, published_by="test", published_at=0,
        )  # fmt: skip
        publish(self.log, CODEC, [POLICIES.message(event)])

    def teach(self, count: int = 100) -> None:
        """Import labels and wait until a first model was fitted from them, was promoted, and decides."""
        publish(self.log, CODEC, map(FEEDBACK.message, labels(count)))
        end = self.log.watermark(TopicPartition(FEEDBACK.name, 0))
        asked = RetrainingRequested(
            event_id=f"manual:{end}", workflow=WORKFLOW, trigger=Trigger.MANUAL, reason="imported labels",
            feedback_end_offset=end, labels=count, correction_rate=0.0, requested_at=0,
        )  # fmt: skip
        publish(self.log, CODEC, [RETRAINING.message(asked)])
        models = TopicPartition("models", 0)
        wait_until(lambda: self.log.watermark(models) > 0, seconds=180, what="a first model")
        decides = f'{MODEL_IN_FORCE.name}{{workflow="{WORKFLOW}"}} 1.0'
        wait_until(lambda: decides in self.metrics("inference"), seconds=120, what="a model that decides")

    def metrics(self, service: str) -> str:
        """What the first process of a service tells of itself; empty while it tells nothing."""
        address = read_target(target_file(self.settings.data_dir, service, "0"))
        try:
            return httpx2.get(f"http://{address}/metrics", timeout=10).text if address else ""
        except httpx2.TransportError:
            return ""

    def process(self, name: str) -> ProcessState:
        """A process as the supervisor knows it."""
        state = self.stack.state()
        assert state is not None
        return next(each for each in state.processes if each.name == name)

    # ---- what comes from outside ----

    def send(self, sends: Iterable[Send]) -> None:
        """Hand records over; they are sent while others do their work."""
        for send in sends:
            self._publisher.send_bytes(*send)

    def publish(self, outgoing: Iterable[Outgoing]) -> None:
        """Write these, also through a broker that comes back within five minutes."""
        for each in outgoing:
            self._publisher.send(each)
        self.flush()

    def flush(self) -> None:
        """Wait until the broker has everything that was sent."""
        self._publisher.flush()

    def answer(self) -> int:
        """People answer what was announced since; how many announcements there were."""
        records = self._people.read(1_000, 0)
        for record in records:
            try:
                event = CODEC.decode(record.value)
            except Undecodable:
                continue  # nobody can answer it
            assert isinstance(event, (ReviewRequested, ExpertReviewRequested))
            review = Coordinates(topic=record.topic, partition=record.partition, offset=record.offset)
            self.send(answers(event, review, partitions=self.partitions))
        return len(records)

    def drive(
        self, sends: Iterable[Send], *, seconds: float, acts: Iterable[tuple[float, Callable[[], object]]] = ()
    ) -> None:
        """Spread records evenly over a time, people answering meanwhile; do each act at its moment (seconds)."""
        waiting, plan, began = list(sends), sorted(acts, key=lambda act: act[0]), time.monotonic()
        sent, total = 0, len(waiting)
        while sent < total or plan:
            passed = time.monotonic() - began
            due = min(total, round(total * passed / seconds))
            self.send(waiting[sent:due])
            sent = due
            while plan and plan[0][0] <= passed:
                plan.pop(0)[1]()
            self.answer()
            self.send(self._appellants.appeals())
            time.sleep(0.02)

    def kill(self, name: str) -> int:
        """kill -9, as soon as it runs; the pid that is gone."""
        wait_until(lambda: name in self.stack.pids(), what=f"{name} running")
        return self.stack.kill(name)

    # ---- what is on the log ----

    def history(self) -> History:
        """The log as of now."""
        return History(self.log, CODEC, partitions=self.partitions)

    def quiet(self, *, seconds: float = 180, services: Sequence[str] = STAGES, people: bool = True) -> History:
        """Let people answer until nothing moves any more and every service has processed all its inputs."""
        deadline = time.monotonic() + seconds
        while True:
            self._settle(deadline, people=people)
            done = {name: self._committed(name) for name in services}  # first: then their outputs are in the history
            history = self.history()
            behind = [text for name in services for text in _behind(name, done[name], history)]
            if not behind:
                return history
            assert time.monotonic() < deadline, f"still not processed: {'; '.join(behind)}"

    def _settle(self, deadline: float, *, people: bool) -> None:
        self.flush()
        ends, since = ends_of(self.log, list(BY_NAME)), time.monotonic()
        while time.monotonic() - since < CALM:
            assert time.monotonic() < deadline, "the log does not come to rest"
            if people and self.answer():
                self.flush()
            found = ends_of(self.log, list(BY_NAME))
            if found != ends:
                ends, since = found, time.monotonic()
            time.sleep(0.1)

    def _committed(self, group: str) -> dict[tuple[str, int], int]:
        """Positions of a service in its inputs; negative where it has none."""
        prefix = self.settings.topic_prefix
        places = partitions_of(self.log, [topic.name for topic in INPUTS[group]])
        consumer = Consumer({"bootstrap.servers": self.settings.bootstrap_servers, "group.id": prefix + group})
        try:
            found = consumer.committed([Place(prefix + topic, number) for topic, number in places], timeout=30)
        finally:
            consumer.close()
        return {(place.topic, place.partition): at.offset for place, at in zip(places, found, strict=True)}


def _behind(service: str, done: Mapping[tuple[str, int], int], history: History) -> list[str]:
    last = {(e.topic, e.partition): e.offset for topic in INPUTS[service] for e in history.entries(topic.name)}
    return [
        f"{service} at {done[place]} of {place[0]}[{place[1]}], which has {offset + 1}"
        for place, offset in last.items()
        if done[place] <= offset
    ]
