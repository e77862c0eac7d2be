"""Bad input on a real broker: each gets its dead letter or refusal with the reason, and its neighbours are decided."""

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from infra.errors import FATAL_EXIT
from infra.kafka.partitioner import partition_of
from infra.local.services import command, environment
from infra.local.state import Condition
from producers.gateway.publisher import checked
from schemas.events import DeadLettered, DecisionRefused, DecisionRequested, PolicyPublished
from schemas.topics import DEAD_LETTERS, EXPERT, REQUESTS, REVIEW_DECISIONS
from schemas.values import Coordinates, Payload, Priority
from tests.support.laws import nothing_is_lost_or_double
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, WORKFLOW, Send, asked, decision, request

pytestmark = pytest.mark.integration
SERVICES = ("inference", "router", "casework")
LIMIT = REQUESTS.max_value_bytes


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("poison"))
    try:
        stand.up(SERVICES)
        stand.publish_policy()
        time.sleep(1)  # services look for news five times a second
        yield stand
    finally:
        stand.down()


def letters(stand: Stand) -> dict[str, DeadLettered]:
    """Dead letters by the key of the record that could not be processed."""
    return {(e.original_key or b"").decode(): e for e in stand.history().events(DEAD_LETTERS.name)}


def announced(stand: Stand, request_id: str) -> Coordinates:
    """Where people were asked about a request, lately."""
    for topic in (EXPERT.name, *(f"review.{p}" for p in Priority)):
        for entry in stand.history().entries(topic):
            if getattr(entry.event, "request_id", None) == request_id:
                return entry.coordinates
    raise AssertionError(f"nobody was asked about {request_id}")


def padded(request_id: str, size: int) -> Send:
    """A request whose value has exactly so many bytes."""

    def made(filling: int) -> Send:
        body = json.dumps({"text": "x" * filling}).encode()
        return asked(DecisionRequested(request_id=request_id, workflow=WORKFLOW, payload=Payload(body=body)))

    filling = size - len(made(size // 2).value or b"") + size // 2
    send = made(filling)
    assert len(send.value or b"") == size
    return send


def test_every_kind_of_poison_gets_its_reason_and_good_neighbours_are_decided(stand: Stand) -> None:
    good = asked(request("good", "thanks"))
    other_event = CODEC.encode(
        PolicyPublished(
            event_id="p", workflow="w", version=1, digest="d", document="", published_by="me", published_at=0
        )
    )
    wrong = (partition_of(b"misplaced", stand.partitions) + 1) % stand.partitions
    bad_value = bytearray(asked(request("broken", "x")).value or b"")
    stand.send(
        [
            good,
            Send(REQUESTS.name, b"poison", b"not avro at all"),
            Send(REQUESTS.name, b"schema", b"\x00\x00\x00\x00\x07body"),
            Send(REQUESTS.name, b"cut", bytes(bad_value[:-4])),
            Send(REQUESTS.name, b"empty", None),
            Send(REQUESTS.name, b"event", other_event),
            Send(REQUESTS.name, b"key", asked(request("another", "x")).value),
            asked(request("nobody", "x", workflow="nobody")),
            asked(request("misplaced", "x"))._replace(partition=wrong),
            good,
            asked(request("good", "other content")),
            asked(request("also-good", "garden")),
        ]
    )
    history = stand.quiet(services=SERVICES, people=False)
    found = {(e.original_key or b"").decode(): e.reason for e in history.events(DEAD_LETTERS.name)}
    assert found == {
        "poison": "undecodable",
        "schema": "unknown_schema",
        "cut": "undecodable",
        "empty": "empty",
        "event": "wrong_event",
        "key": "wrong_key",
        "nobody": "unknown_workflow",
        "misplaced": "wrong_partition",
        "good": "id_conflict",
    }
    counts = history.account.workflows[WORKFLOW]
    assert (counts.open_cases, counts.duplicates) == (2, 1)
    nothing_is_lost_or_double(history, stand.settings)


def test_bad_answers_are_refused_with_the_reason_and_the_case_goes_on(stand: Stand) -> None:
    stand.send([asked(request("case", "music"))])
    stand.quiet(services=SERVICES, people=False)
    review = announced(stand, "case")
    far = Coordinates(topic=review.topic, partition=review.partition, offset=review.offset + 1_000_000)
    elsewhere = Coordinates(topic="requests", partition=review.partition, offset=0)
    wrong = (review.partition + 1) % stand.partitions
    stranger = next(f"s{n}" for n in range(99) if partition_of(f"s{n}".encode(), stand.partitions) == review.partition)
    stand.send(
        [
            Send(REVIEW_DECISIONS.name, b"case", b"\x00junk"),
            decision("case", far, "approve", name="far"),
            decision("case", elsewhere, "approve", name="elsewhere"),
            decision("case", review, "perhaps", name="word"),
            decision("case", review, "approve", name="sure", confidence=1.5),
            decision("case", review, "mark_wrong", name="no-recommendation"),
            decision("case", review, "approve", name="place")._replace(partition=wrong),
            decision(stranger, review, "approve", name="stranger"),
            decision("case", review, "approve", name="good"),
            decision("case", review, "reject", name="late"),
        ]
    )
    history = stand.quiet(services=SERVICES, people=False)
    refused = {
        e.decision_id.partition(":")[0]: e.reason
        for e in history.events("assignments")
        if isinstance(e, DecisionRefused)
    }
    assert refused == {
        "far": "impossible_coordinates",
        "elsewhere": "impossible_coordinates",
        "word": "bad_value",
        "sure": "bad_value",
        "no-recommendation": "no_recommendation",
        "place": "wrong_partition",
        "stranger": "unknown_case",
        "late": "finished",
    }
    outcomes = [o for o in history.events("outcomes") if o.request_id == "case"]
    assert [o.outcome for o in outcomes] == ["approved"]
    nothing_is_lost_or_double(history, stand.settings)


def test_our_publisher_refuses_what_is_too_large_and_so_does_the_broker(stand: Stand) -> None:
    body = json.dumps({"text": "x" * LIMIT}).encode()
    large = DecisionRequested(request_id="large", workflow=WORKFLOW, payload=Payload(body=body))
    with pytest.raises(Exception, match="content_uri"):
        checked(large, CODEC)
    producer = Producer({"bootstrap.servers": stand.settings.bootstrap_servers, "message.max.bytes": 8 * LIMIT})
    errors: list[str] = []
    producer.produce(
        stand.settings.topic_prefix + REQUESTS.name, b"\x00" * (2 * LIMIT), key=b"large",
        on_delivery=lambda error, _: errors.append(error.name() if error else "none"),
    )  # fmt: skip
    producer.flush(30)
    assert errors == ["MSG_SIZE_TOO_LARGE"]


def test_what_is_too_large_only_uncompressed_becomes_a_dead_letter_without_its_body(stand: Stand) -> None:
    value = b"\x00" * (LIMIT + 1)
    _compressed(stand, b"zeros", value)
    stand.quiet(services=SERVICES, people=False)
    letter = letters(stand)["zeros"]
    assert letter.reason == "too_large"
    assert letter.original_value is None
    assert (letter.original_size, letter.original_sha256) == (len(value), hashlib.sha256(value).digest())
    assert letter.origin.topic == REQUESTS.name


def test_exactly_at_the_limit_a_request_passes_every_topic(stand: Stand) -> None:
    stand.send([padded("brim", LIMIT), Send(REQUESTS.name, b"brim-poison", b"\x01" * LIMIT)])
    stand.quiet(services=SERVICES, people=False)
    stand.send([decision("brim", announced(stand, "brim"), "escalate", name="up", note="please look")])
    stand.quiet(services=SERVICES, people=False)
    stand.send([decision("brim", announced(stand, "brim"), "approve", name="expert")])
    history = stand.quiet(services=SERVICES, people=False)
    assert [o.outcome for o in history.events("outcomes") if o.request_id == "brim"] == ["approved"]
    taught = [f for f in history.events("feedback") if f.request_id == "brim"]
    assert [len(f.request_body) > LIMIT - 64 for f in taught] == [True]
    assert letters(stand)["brim-poison"].original_value == b"\x01" * LIMIT
    nothing_is_lost_or_double(history, stand.settings)


def test_nothing_but_poison_stops_the_stage_and_says_how_to_resume(stand: Stand) -> None:
    stand.send(Send(REQUESTS.name, f"flood{n}".encode(), b"\x01poison") for n in range(700))
    stand.flush()
    wait_until(lambda: stand.process("inference").condition is Condition.DOWN, what="the end of inference")
    ended = stand.process("inference")
    assert "--accept-dead-letters" in (ended.last_exit or "")
    assert ended.restarts == 0
    assert FATAL_EXIT == 78
    with subprocess.Popen(
        [*command("inference"), "--accept-dead-letters", "700"],
        env=environment(stand.settings), cwd=stand.settings.data_dir, stderr=subprocess.PIPE,
    ) as resumed:  # fmt: skip
        try:
            stand.send([asked(request("after-the-flood", "holiday"))])
            history = stand.quiet(services=SERVICES, people=False)
        finally:
            resumed.terminate()
            _, said = resumed.communicate(timeout=20)
            print(said.decode()[-3000:])
    assert sum((e.original_key or b"").startswith(b"flood") for e in history.events(DEAD_LETTERS.name)) == 700
    assert announced(stand, "after-the-flood")
    nothing_is_lost_or_double(history, stand.settings)


def _compressed(stand: Stand, key: bytes, value: bytes) -> None:
    settings = stand.settings
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": 8 * LIMIT,
            "partitioner": "murmur2_random",
        }
    )
    failed: list[KafkaError] = []
    producer.produce(
        settings.topic_prefix + REQUESTS.name, value, key=key, on_delivery=lambda e, _: failed.append(e) if e else None
    )
    producer.flush(30)
    assert not failed, failed
