"""The programs that the README shows do what it says, as they stand there, against a real broker."""

import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from infra.kafka.client import connect
from infra.kafka.log import Log, TopicPartition
from infra.kafka.partitioner import partition_of
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import DecisionRequested, ReviewDecided, ReviewRequested
from schemas.publishing import EXAMPLES, HERE, example_event
from schemas.topics import REQUESTS, REVIEW, REVIEW_DECISIONS
from schemas.values import Coordinates, Priority
from tests.support.logs import read_all

pytestmark = pytest.mark.integration
ROOT = HERE.parent
CODEC = Codec.of_repository()


def program(name: str, prefix: str) -> str:
    """A program of the README, its topic prefix changed."""
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    programs: dict[str, str] = dict(blocks)
    code = programs[name]
    assert 'PREFIX, AVRO = os.environ.get("BROKER", "127.0.0.1:9092"), "hitl.",' in code
    return code.replace('"hitl.",', f'"{prefix}",')


def start(code: str, broker: EmbeddedBroker, folder: Path) -> "subprocess.Popen[str]":
    script = folder / "program.py"
    script.write_text(code)
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT, env={**os.environ, "BROKER": broker.bootstrap_servers}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def topics_of_its_own(broker: EmbeddedBroker) -> tuple[Log, str]:
    """The catalogue's topics under a prefix that no other test uses."""
    prefix = f"readme-{uuid.uuid4().hex[:8]}."
    settings = Settings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, partitions=2)
    apply(settings)
    return connect(settings), prefix


def values_of(log: Log, topic: str) -> list[tuple[TopicPartition, bytes]]:
    places = [TopicPartition(topic, number) for number in range(log.partitions(topic))]
    return [(place, value) for place in places for value in read_all(log, place) if value]


def test_publishing_from_an_app_of_ones_own(broker: EmbeddedBroker, tmp_path: Path) -> None:
    log, prefix = topics_of_its_own(broker)
    run = start(program("publish.py", prefix), broker, tmp_path)
    _, complaint = run.communicate(timeout=30)
    assert run.returncode == 0, complaint
    [(place, value)] = values_of(log, REQUESTS.name)
    request = CODEC.decode(value)
    assert isinstance(request, DecisionRequested)
    assert (request.request_id, request.workflow) == ("post-1", "content_moderation")
    assert place.partition == partition_of(b"post-1", log.partitions(REQUESTS.name))


def test_reviewing_from_an_app_of_ones_own(broker: EmbeddedBroker, tmp_path: Path) -> None:
    log, prefix = topics_of_its_own(broker)
    review = example_event(EXAMPLES / "ReviewRequested" / "v1.full.json")
    assert isinstance(review, ReviewRequested)
    asked = REVIEW[Priority.HIGH].message(review)
    producer = log.producer(transactional_id="router")
    producer.begin()
    producer.send(asked.topic, asked.key, CODEC.encode(review), 1)
    producer.commit()
    run = start(program("review.py", prefix), broker, tmp_path)
    assert run.stdin is not None
    run.stdin.write("reject\n")
    run.stdin.flush()
    try:
        decision = first_decision(log)
    finally:
        run.kill()
        shown = run.communicate()[0]
    assert (decision.request_id, decision.action) == ("post-8812", "reject")
    assert decision.review == Coordinates(topic="review.high", partition=1, offset=0)
    assert "See you at the match tonight?" in shown


def first_decision(log: Log) -> ReviewDecided:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for _, value in values_of(log, REVIEW_DECISIONS.name):
            event = CODEC.decode(value)
            assert isinstance(event, ReviewDecided)
            return event
        time.sleep(0.2)
    pytest.fail("no decision arrived within 30 seconds")
