"""`hitl watch` for machines: one object at once, one a second after it; Ctrl-C ends it quietly at any time."""

from types import SimpleNamespace
from typing import Never

import msgspec
import pytest
from click.testing import CliRunner

from infra.kafka.id_space import bind
from infra.kafka.log import Record
from infra.kafka.publisher import publish
from infra.observe import flow_command, flow_reading
from infra.observe.flow_command import watch
from schemas.codec import published
from schemas.topics import Outgoing
from tests.support.recorded import CODEC, PARTITIONS, START, Recorded
from tests.support.simlog import SimulatedLog, SimulatedReader


class Connection(SimulatedLog):
    """A simulated log that can be closed, as one on a cluster is."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Connection:
    recorded = Recorded()
    recorded.outcome("a", recorded.request("a"))
    simulated = Connection(partitions=PARTITIONS, wall=lambda: START)
    bind(simulated, published())
    publish(simulated, CODEC, [Outgoing(e.topic, e.key or b"", e.event) for e in recorded.entries])
    monkeypatch.setattr(flow_reading, "connect", lambda _settings: simulated)
    return simulated


@pytest.mark.usefixtures("log")
def test_machines_get_the_state_of_now_at_once() -> None:
    said = CliRunner().invoke(watch, ["--json", "--seconds", "0"], catch_exceptions=False).stdout.splitlines()
    assert [msgspec.json.decode(line)["decisions"] for line in said] == [1]


@pytest.mark.usefixtures("log")
def test_machines_get_an_object_in_every_period_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, read = SimpleNamespace(now=0.0), SimulatedReader.read

    def waits(reader: SimulatedReader, most: int, seconds: float) -> list[Record]:
        clock.now += 0.125 if seconds else 0.0
        return read(reader, most, seconds)

    monkeypatch.setattr(SimulatedReader, "read", waits)
    monkeypatch.setattr(flow_command, "time", SimpleNamespace(monotonic=lambda: clock.now))
    assert flow_command.PRINT_EVERY == 1.0
    said = CliRunner().invoke(watch, ["--json", "--seconds", "3"], catch_exceptions=False).stdout.splitlines()
    assert len(said) == 3


def test_ctrl_c_while_it_connects_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_settings: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(flow_reading, "connect", interrupted)
    ended = CliRunner().invoke(watch, ["--json"])
    assert (ended.exit_code, ended.output) == (0, "")


def test_ctrl_c_while_it_looks_for_topics_closes_the_log(log: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_start: object) -> Never:
        raise KeyboardInterrupt

    monkeypatch.setattr(log, "reader", interrupted)
    ended = CliRunner().invoke(watch, [])
    assert (ended.exit_code, ended.output, log.closed) == (0, "", True)
