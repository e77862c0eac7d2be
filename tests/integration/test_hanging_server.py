"""A server that hangs when it is started again, for ever, is ended, and the one after it serves; the real ones."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.broker import EmbeddedBroker
from infra.local.restart import RestartPolicy
from infra.local.servers import ServerChild
from infra.local.state import Condition
from infra.local.valkey import EmbeddedValkey

pytestmark = [pytest.mark.integration, pytest.mark.long]
POLICY = RestartPolicy(first_wait_seconds=0.0, answer_seconds=3.0)


def watched_until(child: ServerChild, condition: Callable[[], bool]) -> None:
    """Look after it as the supervisor does."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to pass: {child.state}"
        child.look(POLICY)
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["kafka", "valkey"])
def test_a_server_that_hangs_after_kill_9_is_replaced(name: str, tmp_path: Path, kafka_jars: list[Path]) -> None:
    server: EmbeddedBroker | EmbeddedValkey = (
        EmbeddedBroker(tmp_path, kafka_jars) if name == "kafka" else EmbeddedValkey(tmp_path, prefer=None)
    )
    child = ServerChild(name, server)
    child.start()
    try:
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        watched_until(child, lambda: server.pid not in (None, first))
        hung = server.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)  # before it can answer

        watched_until(child, server.is_serving)
        assert server.pid not in (None, first, hung)
        assert child.state.condition is Condition.RUNNING and child.state.restarts >= 2
        assert "did not answer within" in (child.state.last_exit or "")
    finally:
        server.kill()
