"""A process that is told to stop finishes what is open."""

import signal
from collections.abc import Iterator

import pytest

from infra.kafka.running import told_to_stop


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_is_heard(number: signal.Signals) -> None:
    stopping = told_to_stop()
    assert not stopping()
    signal.raise_signal(number)
    assert stopping()
