"""Each principal on a real secured Kafka: what the catalogue grants works, everything else is refused."""

import time
from contextlib import closing
from dataclasses import replace as with_
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.cli.main import run
from infra.errors import FATAL_EXIT
from infra.kafka import acl, id_space
from infra.kafka.acl_plan import Grant, Operation, Principal, Resource, principals
from infra.kafka.client import KafkaLog, connect
from infra.kafka.client_config import ClientOptions
from infra.kafka.client_errors import AccessDenied, LogUnavailable
from infra.kafka.client_log import LOGGER
from infra.kafka.log import TopicPartition as Place
from infra.kafka.publisher import Publisher
from infra.kafka.topics import apply, check
from infra.local.credentials import SUPERUSERS, Credentials
from infra.settings import Settings
from schemas.codec import Codec
from schemas.topics import BY_NAME
from tests.support.secured import ALL, SECONDS, Secured, granted, options, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.long]

EVERY_TOPIC = (*BY_NAME, id_space.TOPIC)
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED
HARMLESS = b'{"schema":"Nobodys/v1","id":4000000}'  # a number that no schema of ours has


def what_can_be_written(settings: Settings) -> dict[str, int | None]:
    """The error code of writing each topic, None where it was acknowledged; one connection for all."""
    codes: dict[str, int | None] = {}
    plain = {key: value for key, value in options(settings).common("matrix").items() if key != "error_cb"}
    producer = Producer({**plain, "message.timeout.ms": 20_000, "linger.ms": 0}, logger=LOGGER)

    def told(error: KafkaError | None, message: Message) -> None:
        codes[(message.topic() or "").removeprefix(settings.topic_prefix)] = error.code() if error else None

    for topic in EVERY_TOPIC:
        try:
            value = HARMLESS if topic == id_space.TOPIC else b""
            producer.produce(settings.topic_prefix + topic, value, b"key", 0, on_delivery=told)
        except KafkaException as raised:
            codes[topic] = raised.args[0].code()
    producer.flush(SECONDS)
    return codes


def what_can_be_read(settings: Settings) -> dict[str, int | None]:
    """The error code of reading each topic, None where a record or the end was reached; one connection for all."""
    codes: dict[str, int | None] = {}
    consumer = Consumer(options(settings).consumer(settings.topic_prefix + "reader", wait_ms=10), logger=LOGGER)
    for topic in EVERY_TOPIC:  # whoever may not even see a topic is told here, and waits for ever elsewhere
        full = settings.topic_prefix + topic
        if (error := consumer.list_topics(full, 20).topics[full].error) is not None:
            codes[topic] = error.code()
    seen = [topic for topic in EVERY_TOPIC if topic not in codes]
    consumer.assign([TopicPartition(settings.topic_prefix + topic, 0, 0) for topic in seen])
    deadline = time.monotonic() + SECONDS
    while len(codes) < len(EVERY_TOPIC) and time.monotonic() < deadline:
        for message in consumer.consume(500, 0.1):
            error, topic = message.error(), (message.topic() or "").removeprefix(settings.topic_prefix)
            fine = error is None or error.code() == KafkaError._PARTITION_EOF
            codes[topic] = None if fine or error is None else error.code()
    consumer.close()
    return codes


@ALL
def test_each_topic_is_written_by_whom_the_catalogue_names_and_by_nobody_else(
    secured: Secured, principal: Principal
) -> None:
    may = granted(principal, writes=True)
    assert what_can_be_written(secured.settings(principal.name)) == {
        topic: None if topic in may else DENIED for topic in EVERY_TOPIC
    }


@ALL
def test_each_topic_is_read_by_whom_the_catalogue_names_and_by_nobody_else(
    secured: Secured, principal: Principal
) -> None:
    may = granted(principal, writes=False)
    assert what_can_be_read(secured.settings(principal.name)) == {
        topic: None if topic in may else DENIED for topic in EVERY_TOPIC
    }


@ALL
def test_a_principal_writes_transactions_under_its_own_ids_and_no_other(secured: Secured, principal: Principal) -> None:
    log = KafkaLog(options(secured.settings(principal.name)))
    written = sorted(granted(principal, writes=True) & BY_NAME.keys())
    own = [f"{principal.name}-0", *(f"{begin}any" for begin in principal.transactional_ids)]
    for name in own if written else []:
        with closing(log.producer(transactional_id=name)) as producer:
            producer.begin()
            producer.send(written[0], b"key", b"", 0)
            producer.commit()
    for foreign in ({"router-0", "casework-0"} | set(own if not written else [])) - set(own if written else []):
        with pytest.raises(AccessDenied, match="Transactional Id authorization failed"):
            log.producer(transactional_id=foreign)


def test_a_record_outside_ones_rights_is_our_error_in_every_way_of_writing_and_reading(secured: Secured) -> None:
    log = KafkaLog(options(secured.settings("inference")))
    with closing(Publisher(log, Codec.of_repository())) as publisher:
        publisher.send_bytes("outcomes", b"key", b"")
        with pytest.raises(AccessDenied, match="Topic authorization failed"):
            publisher.flush()
    with closing(log.producer(transactional_id="inference-1")) as producer:
        producer.begin()
        producer.send("outcomes", b"key", b"", 0)
        with pytest.raises(AccessDenied, match="Topic authorization failed"):
            producer.commit()
    with closing(log.reader({Place("predictions", 0): 0})) as reader, pytest.raises(AccessDenied, match="predictions"):
        wait_until(lambda: bool(reader.read(1, 0.1)))
    with pytest.raises(AccessDenied, match="Topic authorization failed.*hitl topics acl"):
        log.watermark(Place("audits", 0))


def asking(settings: Settings, **changes: str) -> KafkaLog:
    """A log whose login differs from the settings in this."""
    given = {key.replace("_", "."): value for key, value in changes.items()}
    return KafkaLog(with_(options(settings), extra={**settings.kafka, **given}, request_timeout_seconds=5.0))


def test_a_wrong_password_an_unknown_user_and_an_unknown_authority_are_refused_with_what_to_do(
    secured: Secured, tmp_path: Path
) -> None:
    settings, other = secured.settings("router"), Credentials(tmp_path / "secrets" / "other")
    other.mint([])
    for change, said in (
        ({"sasl_password": "wrong"}, "Authentication failed.*HITL_KAFKA_"),
        ({"sasl_username": "nobody-at-all"}, "Authentication failed.*HITL_KAFKA_"),
        ({"sasl_mechanism": "PLAIN"}, "Authentication failed.*HITL_KAFKA_"),  # that way is for superusers
        ({"ssl_ca_location": str(other.ca_file)}, "certificate.*ssl.ca.location.*HITL_KAFKA_"),
    ):
        with closing(asking(settings, **change)) as log, pytest.raises(AccessDenied, match=said):
            log.partitions("requests")


def test_a_client_without_tls_gets_no_answer_and_is_told_what_may_be_missing(secured: Secured) -> None:
    plain = ClientOptions(bootstrap_servers=secured.broker.bootstrap_servers, request_timeout_seconds=1.0)
    with closing(KafkaLog(plain)) as log, pytest.raises(LogUnavailable, match="HITL_KAFKA_SECURITY_PROTOCOL"):
        log.partitions("requests")


def test_a_user_whom_the_catalogue_does_not_name_may_do_nothing(secured: Secured) -> None:
    log = KafkaLog(options(secured.settings("nobody")))
    with pytest.raises(AccessDenied, match="partitions of requests"):
        log.partitions("requests")


def test_the_operator_keeps_the_topics_but_not_the_rights(secured: Secured) -> None:
    operator = secured.settings("operator")
    assert apply(operator).created == []
    assert check(operator) == []
    with pytest.raises(AccessDenied, match="granting .*Cluster authorization failed"):
        acl.apply(operator)
    with pytest.raises(AccessDenied):
        apply(secured.settings("router", topic_prefix="elsewhere."))


def test_a_new_installation_is_made_by_its_operator_once_an_administrator_granted_it(secured: Secured) -> None:
    operator, administrator = (
        each.with_changes(topic_prefix="second.") for each in (secured.settings("operator"), secured.administrator)
    )
    with pytest.raises(AccessDenied):
        apply(operator)
    assert acl.apply(administrator).left == []
    assert len(apply(operator).created) == len(EVERY_TOPIC)
    assert acl.apply(secured.administrator).added == [], "the first installation lost nothing"


def test_apply_adds_what_is_missing_and_prune_removes_what_the_catalogue_does_not_grant(secured: Secured) -> None:
    settings = secured.administrator.with_changes(topic_prefix="pruned.")
    (router,) = [each for each in principals() if each.name == "router"]
    done = acl.apply(settings, [router])
    assert (done.removed, done.left) == ([], [])
    assert acl.apply(settings, [router]).added == []
    beyond = Grant("router", Resource.TOPIC, "pruned.", True, Operation.ALL)
    stranger = Grant("payments", Resource.TOPIC, "pruned.requests", False, Operation.READ)
    rights = acl.Rights(settings)
    rights.add([beyond, stranger])
    rights.remove([done.added[0]])
    rights.wait_for([beyond, stranger], gone=[done.added[0]])
    mended = acl.apply(settings, [router])
    assert (mended.added, mended.left) == ([done.added[0]], [beyond])
    assert acl.apply(settings, [router], prune=True).removed == [beyond]
    assert rights.of(["payments"]) == {stranger}
    assert acl.apply(secured.administrator, prune=True).removed == [], "the rights of another installation stay"


def test_the_command_shows_and_grants(
    secured: Secured, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in secured.administrator.with_changes(topic_prefix="shown.").environment().items():
        monkeypatch.setenv(name, value)
    assert run(["topics", "acl", "--principal", "router"]) == 0
    assert "predictions" in capfd.readouterr().out
    assert run(["topics", "acl", "--principal", "router", "--apply", "--json"]) == 0
    made = msgspec.json.decode(capfd.readouterr().out)
    assert len(made["added"]) == len(made["grants"]) > 20
    assert run(["topics", "acl", "--principal", "router", "--apply"]) == 0
    assert capfd.readouterr().out == "nothing to do: the cluster grants what the catalogue says\n"
    monkeypatch.setenv("HITL_KAFKA_SASL_PASSWORD", "wrong")
    assert run(["topics", "acl", "--apply"]) == FATAL_EXIT
    said = capfd.readouterr().err
    assert "Authentication failed" in said
    assert "HITL_KAFKA_" in said


def test_rights_and_passwords_outlive_kill_9_and_no_secret_is_seen(secured: Secured) -> None:
    settings = secured.settings("router")
    secured.broker.kill()
    secured.broker.start()
    with closing(connect(settings)) as log:
        assert log.partitions("predictions") == 1
        with pytest.raises(AccessDenied):
            log.partitions("feedback")
    pid = secured.broker.pid
    assert pid is not None
    seen = Path(f"/proc/{pid}/cmdline").read_bytes() + secured.broker.log_file.read_bytes()
    seen += b"".join(path.read_bytes() for path in secured.folders.kafka.glob("*.log"))
    for name in (*SUPERUSERS, "router", "operator"):
        assert secured.access.credentials.password(name).encode() not in seen
    secret = [*secured.folders.credentials.iterdir(), *secured.folders.kafka.glob("*.properties")]
    readable = {path.name for path in secret if path.stat().st_mode & 0o077}
    assert readable <= {"ca.pem", "log4j2.properties", "fencing-log4j2.properties"}
