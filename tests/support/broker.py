"""A real broker for the tests: one per session, on a free port, over a temporary folder, gone at the end."""

import atexit
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.broker import EmbeddedBroker
from infra.local.jars import ensure_jars
from infra.settings import Settings


@pytest.fixture(scope="session")
def kafka_jars() -> list[Path]:
    """The pinned jars, from the user's cache; fetched if they are not there."""
    return ensure_jars(Settings().cache_dir)


@pytest.fixture(scope="session")
def broker(kafka_jars: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker that serves. Whoever kills it starts it again; every test uses a topic prefix of its own."""
    running = EmbeddedBroker(tmp_path_factory.mktemp("kafka"), kafka_jars)
    atexit.register(running.kill)  # also when the session ends before its fixtures do
    running.start()
    yield running
    running.kill()
    atexit.unregister(running.kill)
