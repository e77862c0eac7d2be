"""What must never stop the pipeline, and what must: poison of every kind, sizes at their limits, and a flood."""

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from msgspec.structs import replace

from infra.kafka.partitioner import partition_of
from infra.local.services import command, environment
from infra.local.state import Condition
from producers.gateway.publisher import RequestPublisher
from schemas.codec import HEADER, MAGIC
from schemas.events import DeadLettered, DecisionRefused, DecisionRequested, ReviewDecided
from schemas.topics import FEEDBACK, MIB, PREDICTIONS, REQUESTS, RETRAINING, REVIEW_DECISIONS
from schemas.values import Coordinates, Payload
from streams.workflow.submitted import RequestRefused
from tests.support.history import History
from tests.support.stand import Stand, wait_until
from tests.support.traffic import CODEC, Send, asked, decision, request

pytestmark = pytest.mark.integration
NOTE = "n" * 16 * 1024  # the longest that a reviewer may write
FLOOD = 600


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Without a model: everything that is good goes to people."""
    stand = Stand(tmp_path_factory.mktemp("poison"))
    try:
        stand.up()
        stand.publish_policy()
        yield stand
    finally:
        stand.down()


def letters(history: History, origin: Callable[[Coordinates], bool] = lambda _: True) -> list[DeadLettered]:
    return [letter for letter in history.events("dead-letters") if origin(letter.origin)]


def place_in(history: History, topic: str, value: bytes | None, key: bytes | None = None) -> Coordinates:
    """Where the last record with this value lies."""
    found = [e for e in history.entries(topic) if e.value == value and key in (None, e.key)]
    return found[-1].coordinates


def announced(history: History, request_id: str) -> Coordinates:
    """Where people were asked about a request."""
    return next(e.coordinates for e in history.entries("review.high") if _id(e.event) == request_id)


def _id(event: Any) -> str:
    return str(getattr(event, "request_id", ""))


def good(name: str) -> Send:
    return asked(request(name, f"all is well with {name}"))


def truncated(send: Send) -> bytes:
    return (send.value or b"")[:-3]


def _unknown_encoding() -> bytes:
    """A request whose payload has an encoding that the schema does not know."""
    value = CODEC.encode(DecisionRequested(request_id="enum", workflow="posts", payload=Payload(body=b"{}")))
    where = value.index(b"posts") + len(b"posts") + 2  # past the absent subject and the branch of the payload
    return value[:where] + b"\x0e" + value[where + 1 :]


def poisons(partitions: int) -> dict[str, tuple[Send, str]]:
    """Records of every bad kind, and the reason each must be given."""

    def bad(name: str, value: bytes | None, key: bytes | None = None, partition: int | None = None) -> Send:
        return Send(REQUESTS.name, name.encode() if key is None else key, value, partition)

    foreign = CODEC.encode(
        ReviewDecided(
            decision_id="d", request_id="foreign", reviewer_id="r", action="approve",
            review=Coordinates(topic="review.high", partition=0, offset=0),
        )
    )  # fmt: skip
    wrong_place = (partition_of(b"place", partitions) + 1) % partitions
    value = good("key").value
    return {
        "junk": (bad("junk", b"\xde\xad\xbe\xef"), "undecodable"),
        "nothing": (bad("nothing", None), "empty"),
        "zero bytes": (bad("zero", b""), "undecodable"),
        "JSON": (bad("json", b'{"request_id": "json"}'), "undecodable"),
        "schema": (bad("schema", HEADER.pack(MAGIC, 999_999) + b"\x02a"), "unknown_schema"),
        "cut short": (bad("cut", truncated(good("cut"))), "undecodable"),
        "too long": (bad("long", (good("long").value or b"") + b"\x00"), "undecodable"),
        "enum": (bad("enum", _unknown_encoding()), "undecodable"),
        "foreign event": (bad("foreign", foreign), "wrong_event"),
        "workflow": (asked(request("nobody", "?", workflow="nobody")), "unknown_workflow"),
        "key": (bad("key", value, key=b"another"), "wrong_key"),
        "binary key": (bad("", b"junk", key=b"\x00\xff\xfe"), "undecodable"),
        "long id": (asked(request("i" * 2_000, "?")), "invalid"),
        "no key": (Send(REQUESTS.name, None, good("keyless").value, 0), "wrong_key"),
        "place": (bad("place", good("place").value, partition=wrong_place), "wrong_partition"),
        "conflict": (asked(request("twice", "another content")), "id_conflict"),
    }


def test_each_poison_has_its_dead_letter_and_its_neighbours_are_decided(stand: Stand) -> None:
    bad = poisons(stand.partitions)
    stand.send([good("twice"), good("twice")])
    neighbours = ["twice"]
    for name, (send, _) in bad.items():
        stand.send([good(f"before {name}"), send, good(f"after {name}")])
        neighbours += [f"before {name}", f"after {name}"]
    history = stand.quiet(people=False)
    found = {(letter.original_value, letter.original_key): letter for letter in letters(history)}
    for name, (send, reason) in bad.items():
        letter = found.pop((send.value, send.key), None)
        if reason == "id_conflict":  # the router's, of the prediction that carries the request
            letter = next(each for each in letters(history) if each.reason == reason)
            found.pop((letter.original_value, letter.original_key))
            assert (letter.stage, letter.origin.topic, letter.request_id) == ("router", PREDICTIONS.name, "twice")
            continue
        assert letter is not None, f"{name}: no dead letter"
        assert (letter.stage, letter.reason) == ("inference", reason), f"{name}: {letter.reason}: {letter.detail}"
        assert letter.detail
        assert letter.origin == place_in(history, REQUESTS.name, send.value, send.key), name
        assert letter.original_sha256 == hashlib.sha256(send.value or b"").digest()
    assert not found, "dead letters of good records"
    cases = {opened.request_id for opened in history.events("assignments") if type(opened).__name__ == "CaseOpened"}
    assert cases == set(neighbours)
    assert history.account.reconciled, history.account.problems[:5]
    counts = history.account.workflows["posts"]
    assert (counts.duplicates, history.account.workflows["nobody"].dead_letters) == (1, 1)


def test_bad_answers_are_refused_with_the_reason_and_change_nothing(stand: Stand) -> None:
    stand.send(good(name) for name in ("asked", "passed on"))
    history = stand.quiet(people=False)
    review, passed = (announced(history, name) for name in ("asked", "passed on"))
    away = (review.partition + 1) % stand.partitions
    stranger = next(f"s{n}" for n in range(99) if partition_of(b"s%d" % n, stand.partitions) == review.partition)

    def answer(name: str, action: str = "approve", *, confidence: float = 0.9, **place: Any) -> Send:
        return decision("asked", replace(review, **place), action, name=name, confidence=confidence)

    bad = {
        "wrong_partition": [answer("there")._replace(partition=away)],
        "wrong_key": [answer("key")._replace(key=stranger.encode()), answer("keyless")._replace(key=None, partition=0)],
        "unknown_case": [decision(stranger, review, "approve", name="stranger")],
        "bad_value": [answer("word", "perhaps"), answer("surer", confidence=7.0)],
        "no_recommendation": [answer("wrong", "mark_wrong")],
        "impossible_coordinates": [
            answer("away", partition=away), answer("far", offset=review.offset + 1_000_000),
            answer("topic", topic="requests"), answer("negative", offset=-1),
        ],
    }  # fmt: skip
    junk = [Send(REVIEW_DECISIONS.name, b"asked", value) for value in (b"junk", None, good("asked").value)]
    stand.send([*(send for sends in bad.values() for send in sends), *junk, answer("good"), answer("late", "reject")])
    stand.send(decision("passed on", passed, action, name=action) for action in ("escalate", "approve"))
    history = stand.quiet(people=False)
    expected = {_name(send): reason for reason, sends in bad.items() for send in sends}
    refused = [each for each in history.events("assignments") if isinstance(each, DecisionRefused)]
    found = {each.decision_id.partition(":")[0]: each.reason for each in refused}
    assert found == expected | {"late": "finished", "approve": "superseded"}
    assert all(each.detail for each in refused)
    assert all(each.watermark is not None for each in refused if each.decision_id == "far:asked")
    buried = [(each.stage, each.reason) for each in letters(history, lambda at: at.topic == REVIEW_DECISIONS.name)]
    assert sorted(buried) == [("casework", "empty"), ("casework", "undecodable"), ("casework", "wrong_event")]
    assert [made.outcome for made in history.events("outcomes") if made.request_id == "asked"] == ["approved"]
    assert history.account.reconciled, history.account.problems[:5]


def _name(send: Send) -> str:
    event = CODEC.decode(send.value)
    assert isinstance(event, ReviewDecided)
    return event.decision_id.partition(":")[0]


def of_size(size: int, request_id: str) -> DecisionRequested:
    """A request that is exactly so many bytes on the wire."""
    length = size - 2_000
    for _ in range(3):  # lengths within have lengths of their own
        length += size - len(CODEC.encode(request(request_id, "x" * length)))
    return request(request_id, "x" * length)


def test_request_of_exactly_one_mib_passes_every_topic(stand: Stand) -> None:
    name = "largest " + "i" * 1_016  # the longest id, too
    event = of_size(MIB, name)
    assert len(CODEC.encode(event)) == MIB
    publisher = RequestPublisher(stand.log, CODEC)
    publisher.send(event)
    publisher.flush()
    with pytest.raises(RequestRefused, match="more than the 1,048,576"):
        publisher.send(of_size(MIB + 1, name))
    publisher.close()
    history = stand.quiet(people=False)
    stand.send([decision(name, announced(history, name), "escalate", note=NOTE)])
    history = stand.quiet(people=False)
    expert = next(e.coordinates for e in history.entries("expert") if _id(e.event) == name)
    stand.send([decision(name, expert, "approve", name="expert", note=NOTE)])
    history = stand.quiet(people=False)
    body, _ = CODEC.body(CODEC.encode(event))
    for topic in (PREDICTIONS.name, "review.high", "expert", FEEDBACK.name, "cases"):
        bodies = [getattr(each, "request_body", None) for each in history.events(topic) if _id(each) == name]
        assert body in bodies, f"{topic} does not carry it"
    (outcome,) = (made for made in history.events("outcomes") if made.request_id == name)
    assert outcome.decided_by == "expert"
    assert history.account.reconciled, history.account.problems[:5]


def test_poison_of_exactly_one_mib_keeps_its_body_in_the_dead_letter(stand: Stand) -> None:
    junk = b"\xff" * MIB
    stand.send([Send(topic, b"k" * 1_024, junk) for topic in (REQUESTS.name, PREDICTIONS.name, REVIEW_DECISIONS.name)])
    history = stand.quiet(people=False)
    kept = [letter for letter in letters(history) if letter.original_size == MIB]
    assert {(letter.stage, letter.reason) for letter in kept} == {
        ("inference", "undecodable"),
        ("router", "undecodable"),
        ("casework", "undecodable"),
    }
    assert history.account.reconciled, history.account.problems[:5]
    assert all(letter.original_value == junk and letter.original_key == b"k" * 1_024 for letter in kept)


def raw_producer(stand: Stand, compression: str) -> Producer:
    """Somebody else's, with limits of its own."""
    return Producer(
        {
            "bootstrap.servers": stand.settings.bootstrap_servers, "partitioner": "murmur2_random",
            "compression.type": compression, "message.max.bytes": 10 * MIB,
        }
    )  # fmt: skip


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_oversized_record_that_passes_compressed_leaves_its_digest_only(stand: Stand, compression: str) -> None:
    value = compression.encode() + bytes(3 * MIB // 2)
    producer = raw_producer(stand, compression)
    producer.produce(stand.settings.topic_prefix + REQUESTS.name, value, b"oversized")
    assert producer.flush(30) == 0
    stand.send([good(f"after {compression}")])
    history = stand.quiet()
    (letter,) = (each for each in letters(history) if each.original_sha256 == hashlib.sha256(value).digest())
    assert (letter.reason, letter.original_value, letter.original_size) == ("too_large", None, len(value))
    assert letter.origin == place_in(history, REQUESTS.name, value)
    assert letter.original_key == b"oversized"
    assert "content_uri" in letter.detail
    assert history.account.reconciled, history.account.problems[:5]


def test_record_far_beyond_the_limit_is_refused_by_the_broker(stand: Stand) -> None:
    failed: list[KafkaError] = []
    producer = raw_producer(stand, "none")
    producer.produce(
        stand.settings.topic_prefix + REQUESTS.name, bytes(3 * MIB), b"k",
        on_delivery=lambda error, _: failed.append(error) if error is not None else None,
    )  # fmt: skip
    producer.flush(30)
    assert [error.code() for error in failed] == [KafkaError.MSG_SIZE_TOO_LARGE]
    with pytest.raises(KafkaException, match="too large"):
        Producer({"bootstrap.servers": stand.settings.bootstrap_servers}).produce("any", bytes(3 * MIB))


@pytest.mark.parametrize(
    ("topic", "stage"),
    [("review.high", "casework"), ("expert", "casework"), (FEEDBACK.name, "feedback"), (RETRAINING.name, "training")],
)
def test_poison_between_the_stages_is_buried_by_its_reader(stand: Stand, topic: str, stage: str) -> None:
    junk = f"junk for {topic}".encode()
    stand.send([Send(topic, b"posts", junk, 0), good(f"after {topic}")])
    history = stand.quiet()
    (letter,) = (each for each in letters(history) if each.original_value == junk)
    assert (letter.stage, letter.reason, letter.origin.topic) == (stage, "undecodable", topic)
    assert history.account.reconciled, history.account.problems[:5]


def test_flood_of_poison_stops_the_stage_until_it_is_told_to_go_on(stand: Stand) -> None:
    before = len(letters(stand.history()))
    stand.send([Send(REQUESTS.name, b"flood", b"flood %d" % n, n % stand.partitions) for n in range(FLOOD)])
    stand.send([good("after the flood")])
    stand.flush()
    wait_until(lambda: stand.process("inference").condition is Condition.DOWN, what="the end of inference")
    said = stand.process("inference").last_exit or ""
    assert "hitl dead-letters list" in said
    assert "hitl run inference --accept-dead-letters" in said
    restarts = stand.process("inference").restarts
    history = stand.quiet(services=("router", "casework"), people=False)
    assert len(letters(history)) - before < FLOOD
    assert stand.process("inference").restarts == restarts, "it stays down"
    with _resumed(stand, "--accept-dead-letters", str(FLOOD)) as resumed:
        history = stand.quiet(people=False)
        assert resumed.poll() is None
        resumed.terminate()
        assert resumed.wait(30) == 0
    assert len(letters(history)) - before == FLOOD
    assert announced(history, "after the flood")
    assert history.account.reconciled, history.account.problems[:5]


def _resumed(stand: Stand, *options: str) -> "subprocess.Popen[bytes]":
    log = Path(stand.process("inference").log).open("ab")  # noqa: SIM115 - the process has it as long as it runs
    with log:
        return subprocess.Popen(
            [*command("inference"), *options],
            env=environment(stand.settings), cwd=stand.settings.data_dir, stderr=log, stdout=log,
        )  # fmt: skip
