"""The middle of the demo on a simulated log: it ends when all is decided and quiet, and with whatever goes wrong."""

import io

import pytest
from rich.console import Console

from infra.kafka.publisher import publish
from infra.local import demo_stream
from infra.local.demo_commands import StepFailed
from infra.local.demo_progress import DemoState
from infra.local.demo_stream import Stalled, await_cases, follow, headline
from infra.observe.flow_reading import FlowReader
from schemas.topics import Outgoing
from tests.support.recorded import CODEC, PARTITIONS, START, Recorded
from tests.support.simlog import SimulatedLog


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stream, "QUIET", 0.1)
    monkeypatch.setattr(demo_stream, "GLANCE", 0.02)
    monkeypatch.setattr(demo_stream, "STALLED", 0.3)


def followed(
    log: Recorded, *, requests: int, published: bool = True, terminal: bool = False, live: bool = True
) -> tuple[DemoState, str]:
    simulated = SimulatedLog(partitions=PARTITIONS, wall=lambda: START)
    publish(simulated, CODEC, [Outgoing(e.topic, e.key or b"", e.event) for e in log.entries])
    state = DemoState()
    reader = FlowReader(simulated, CODEC, state)
    out = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    follow(reader, state, lambda: published, requests=requests, console=out, live=live)
    assert isinstance(out.file, io.StringIO)
    return state, out.file.getvalue()


def test_it_ends_when_all_is_decided_and_quiet() -> None:
    log = Recorded()
    for name in ("a", "b"):
        log.outcome(name, log.request(name))
    state, shown = followed(log, requests=2, terminal=True)
    assert state.decisions == 2
    assert "2 of 2" in shown
    assert "people are simulated" in shown


def test_without_a_live_screen_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stream, "PLAIN_EVERY", 0.0)
    log = Recorded()
    log.outcome("a", log.request("a"))
    _, shown = followed(log, requests=1, terminal=True, live=False)
    assert "decisions: 1 of 1" in shown
    assert "people are simulated" not in shown
    assert "\x1b[?25l" not in shown  # the cursor is not hidden


def test_cases_are_awaited_until_all_are_decided_or_open_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_stream, "OPENING", 0.3)
    log = Recorded()
    log.outcome("a", log.request("a"))
    log.opened("b", log.request("b"))
    simulated = SimulatedLog(partitions=PARTITIONS, wall=lambda: START)
    publish(simulated, CODEC, [Outgoing(e.topic, e.key or b"", e.event) for e in log.entries])
    for requests in (2, 3):  # of three, one never comes
        state = DemoState()
        await_cases(FlowReader(simulated, CODEC, state), state, requests=requests)
        assert (state.decisions, list(state.open_cases)) == (1, ["b"])


def test_it_gives_up_when_nothing_moves() -> None:
    log = Recorded()
    log.outcome("a", log.request("a"))
    with pytest.raises(Stalled, match="1 of 2 requests are decided"):
        followed(log, requests=2)
    with pytest.raises(Stalled):
        followed(log, requests=1, published=False)


def test_what_is_wrong_with_a_process_ends_it() -> None:
    def look() -> bool:
        raise StepFailed("router does not stay up")

    state = DemoState()
    reader = FlowReader(SimulatedLog(partitions=PARTITIONS, wall=lambda: START), CODEC, state)
    with pytest.raises(StepFailed, match="router"):
        follow(reader, state, look, requests=1, console=Console(file=io.StringIO()), live=True)


def test_the_headline_says_what_is_waited_for() -> None:
    log = Recorded()
    request = log.request("a")
    state = DemoState()

    def line() -> str:
        for entry in log.entries:
            state.add(entry)
        log.entries.clear()
        return headline(state, requests=2)

    assert "1 of 2 requests published" in line()
    log.request("b")
    log.opened("a", request)
    assert "1 cases open" in line()
    log.closed("a", request)
    assert "last answers are learnt" in line()
    assert "Ctrl-C ends everything" in line()
