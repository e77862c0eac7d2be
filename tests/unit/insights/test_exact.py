"""What the view leans on inside faust-streaming: another release that changes it must fail here, not in production."""

import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiokafka
import faust
import pytest
from faust.transport import consumer as transport
from faust.transport.drivers import aiokafka as driver

from infra.errors import SettingsInvalid
from infra.kafka.log import Record
from infra.settings import Settings
from schemas.codec import Codec
from streams.insights.app import InsightsApp
from streams.insights.exact import ExactApp, ExactConsumer, ExactThread, ExactTransport, Run
from streams.insights.following import Following, Gap
from streams.insights.login import credentials_of
from streams.insights.store import ViewWriter
from tests.support.people_log import PeopleLog


def source(of: Any) -> str:
    return inspect.getsource(of)


def test_it_is_the_release_that_was_read() -> None:
    assert version("faust-streaming") == "0.15.3"


def test_the_points_of_extension_are_there() -> None:
    for ours, theirs, names in (
        (ExactThread, driver.AIOKafkaConsumerThread, ("_create_worker_consumer", "_fetch_records", "_seek_wait")),
        (ExactConsumer, driver.Consumer, ("_new_consumer_thread", "seek_to_committed", "_commit")),
        (ExactApp, faust.App, ("_new_transport",)),
    ):
        for name in names:
            own, base = getattr(ours, name), getattr(theirs, name)
            assert list(inspect.signature(own).parameters) == list(inspect.signature(base).parameters), name
            assert inspect.iscoroutinefunction(own) == inspect.iscoroutinefunction(base), name
    assert driver.Transport.Consumer is driver.Consumer and ExactTransport.Consumer is ExactConsumer


def test_the_driver_reads_committed_only_when_in_a_transaction() -> None:
    made = source(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "if self.consumer.in_transaction:" in made and 'isolation_level = "read_committed"' in made


def test_everything_that_is_fetched_comes_through_the_overridden_fetch() -> None:
    assert "self._fetch_records" in source(driver.AIOKafkaConsumerThread.getmany)
    assert "fetcher.fetched_records" in source(driver.AIOKafkaConsumerThread._fetch_records)
    assert "self._seek_wait" in source(driver.AIOKafkaConsumerThread.seek_wait)
    assert "self._new_consumer_thread()" in source(transport.ThreadDelegateConsumer.__init__)
    assert "record.value" in source(driver.Consumer._to_message)
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in source(aiokafka.AIOKafkaConsumer.start)
    for name in ("last_stable_offset", "position", "assignment"):
        assert hasattr(aiokafka.AIOKafkaConsumer, name)


@pytest.fixture
def following(tmp_path: Path) -> Any:
    writer = ViewWriter(tmp_path, origin="test")
    yield Following(writer, Codec.of_repository(), prefix="hitl.")
    writer.close()


def run(after: int, *offsets: int) -> Run:
    people = PeopleLog()
    people.move("tally", "a", 1)
    entry = people.entries[-1]
    records = (Record("hitl.tallies", 0, offset, 0, entry.key, entry.value) for offset in offsets)
    return Run(after, tuple(records))


def test_a_run_that_does_not_follow_on_is_a_gap_and_nothing_behind_it_is_applied(following: Following) -> None:
    assert following.take([run(-1, 0, 1), run(1, 2)]) is None
    assert following.take([run(2, 5), run(7, 8), run(8, 9)]) == Gap("tallies", 0, 5, 7)
    assert following.position("hitl.tallies", 0) == 5


def test_runs_that_overlap_what_was_applied_are_no_gap(following: Following) -> None:
    assert following.take([run(-1, 0, 1, 2)]) is None
    assert following.take([run(-1, 0, 1), run(1, 2, 3)]) is None
    assert (following.position("hitl.tallies", 0), following.applied) == (3, 4)


def test_each_process_is_a_group_of_its_own_within_its_rights(following: Following, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, slot="1")
    ids = {InsightsApp(settings, following).conf.id for _ in range(2)}
    assert len(ids) == 2 and all(each.startswith("hitl.insights.1-") for each in ids)


def test_options_of_librdkafka_become_credentials() -> None:
    assert credentials_of({}) is None
    made = credentials_of(
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "insights",
         "sasl.password": "secret"}
    )  # fmt: skip
    assert (made.protocol.value, made.mechanism.value, made.username) == ("SASL_PLAINTEXT", "SCRAM-SHA-512", "insights")
    assert "secret" not in repr(made)
    assert credentials_of({"security.protocol": "ssl"}).protocol.value == "SSL"


@pytest.mark.parametrize(
    "options",
    [
        {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"},
        {"security.protocol": "SSL", "ssl.keystore.location": "store.p12"},
        {"security.protocol": "SSL", "ssl.ca.location": "nowhere.pem"},
        {"security.protocol": "TLS"},
    ],
)
def test_what_faust_cannot_log_in_with_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid):
        credentials_of(options)
