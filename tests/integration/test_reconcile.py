"""From a file to the account, by the commands alone, on a real broker."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cli.main import run
from infra.kafka.client import KafkaLog, connect
from infra.kafka.publisher import Publisher
from infra.kafka.scan import scan
from infra.kafka.topics import apply
from infra.local.broker import EmbeddedBroker
from infra.settings import Settings, load_settings
from schemas.events import DecisionRequested
from schemas.topics import OUTCOMES, REQUESTS
from schemas.values import Coordinates
from tests.support.recorded import CODEC, Recorded

pytestmark = pytest.mark.integration
POLICY = """
name = "moderation"
classes = ["reject", "approve"]
approving_class = "approve"
featurizer = "text"
"""
Hitl = Callable[..., tuple[int, str]]


@pytest.fixture
def settings(broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Fresh topics, and an environment in which every command uses them."""
    monkeypatch.setenv("HITL_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("HITL_TOPIC_PREFIX", f"{tmp_path.name}.")
    monkeypatch.setenv("HITL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    apply(settings)
    return settings


@pytest.fixture
def log(settings: Settings) -> KafkaLog:
    return connect(settings)


@pytest.fixture
def hitl(settings: Settings, capfd: pytest.CaptureFixture[str]) -> Hitl:
    """Exit status and what was printed on standard output."""

    def call(*arguments: str) -> tuple[int, str]:
        capfd.readouterr()
        status = run(list(arguments))
        return status, capfd.readouterr().out

    return call


def published(tmp_path: Path, hitl: Hitl, rows: int) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "rows.csv").write_text("id,text\n" + "".join(f"r{n},text {n}\n" for n in range(rows)))
    assert hitl("policy", "publish", "policy.toml", "--json")[0] == 0
    status, out = hitl("publish", "rows.csv", "--workflow", "moderation", "--json")
    assert (status, json.loads(out)) == (0, {"published": rows, "refused": []})


def places(log: KafkaLog) -> dict[str, Coordinates]:
    entries = scan(log, CODEC, [REQUESTS.name])
    return {x.event.request_id: x.coordinates for x in entries if isinstance(x.event, DecisionRequested)}


def test_what_is_published_is_missing_until_it_is_decided(tmp_path: Path, log: KafkaLog, hitl: Hitl) -> None:
    published(tmp_path, hitl, rows=200)
    status, out = hitl("audit", "reconcile", "--json")
    assert (status, json.loads(out)["reconciliation"]["missing"]) == (1, 200)
    told, where = Recorded(), places(log)
    for number in range(200):
        request = where[f"r{number}"]
        told.outcome(f"r{number}", request) if number < 150 else told.opened(f"r{number}", request)
    publisher = Publisher(log, CODEC)
    for entry in told.entries:
        publisher.send_bytes(entry.topic, entry.key, entry.value)
    publisher.flush()
    publisher.close()
    status, out = hitl("audit", "reconcile", "--json")
    counts = json.loads(out)["workflows"]["moderation"]
    assert (status, counts["outcomes"], counts["open_cases"]) == (0, 150, 50)
    assert json.loads(hitl("cases", "list", "--json")[1])["open"] == 50
    status, out = hitl("audit", "export", "--outcomes", "decided.csv", "--json")
    assert json.loads(out)["rows"] == 150
    assert (tmp_path / "decided.csv").read_text().count("\n") == 151


def test_an_aborted_outcome_was_never_made(tmp_path: Path, log: KafkaLog, hitl: Hitl) -> None:
    published(tmp_path, hitl, rows=1)
    told = Recorded()
    told.outcome("r0", places(log)["r0"])
    (entry,) = told.entries
    for commit, missing in ((False, 1), (True, 0)):
        producer = log.producer(transactional_id="tester")
        producer.begin()
        producer.send(OUTCOMES.name, entry.key, entry.value, None)
        (producer.commit if commit else producer.abort)()
        producer.close()
        status, out = hitl("audit", "reconcile", "--json")
        assert (status, json.loads(out)["reconciliation"]["missing"]) == (missing, missing)


def test_refused_lines_are_named_and_the_good_ones_are_in_the_log(tmp_path: Path, log: KafkaLog, hitl: Hitl) -> None:
    published(tmp_path, hitl, rows=1)
    (tmp_path / "more.csv").write_text("id,text\na,fine\nb\nc,\nd,fine too\n")
    status, out = hitl("publish", "more.csv", "--workflow", "moderation", "--json")
    assert status == 1
    assert [refused["line"] for refused in json.loads(out)["refused"]] == [3, 4]
    assert set(places(log)) == {"r0", "a", "d"}
    assert hitl("publish", "more.csv", "--workflow", "moderation", "--json", "--allow-refused")[0] == 0
    assert hitl("publish", "more.csv", "--workflow", "ghost", "--json")[0] == 1


def test_a_bad_policy_is_refused_on_record_and_the_running_one_stays(tmp_path: Path, log: KafkaLog, hitl: Hitl) -> None:
    published(tmp_path, hitl, rows=1)
    (tmp_path / "bad.toml").write_text(POLICY + "audit_share = 7\n")
    assert hitl("policy", "publish", "bad.toml", "--json")[0] == 1
    assert hitl("policy", "publish", "policy.toml", "--json")[0] == 1
    (shown,) = json.loads(hitl("policy", "show", "--json")[1])
    assert (shown["workflow"], shown["version"]) == ("moderation", 1)
    kinds = [type(entry.event).__name__ for entry in scan(log, CODEC, ["policies"])]
    assert kinds == ["PolicyPublished", "PolicyRefused"]


def test_a_dead_letter_is_sent_again_as_it_was(log: KafkaLog, hitl: Hitl) -> None:
    told = Recorded()
    poison = told.poison(b"k")
    told.dead_letter(poison, value=b"\x00mended", key=b"k")
    told.dead_letter(poison, value=None, key=b"k", reason="too_large")
    publisher = Publisher(log, CODEC)
    for entry in told.entries:
        publisher.send_bytes(entry.topic, entry.key, entry.value)
    publisher.flush()
    publisher.close()
    first, second = json.loads(hitl("dead-letters", "list", "--json")[1])
    assert hitl("dead-letters", "replay", first["place"], "--json")[0] == 0
    status, out = hitl("dead-letters", "replay", second["place"], "--json")
    assert status == 1
    assert "too large to keep" in json.loads(out)["refused"][0]["reason"]
    sent = [(entry.key, entry.value) for entry in scan(log, CODEC, [REQUESTS.name])]
    assert sent == [(b"k", b"\x00poison"), (b"k", b"\x00mended")]
