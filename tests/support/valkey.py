"""A Valkey for a module of tests, and a connection to it while it is empty."""

from collections.abc import Iterator

import pytest

from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), prefer=None)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis(valkey: EmbeddedValkey) -> Iterator[Connection]:
    connection = Connection(valkey.url, address="it")
    connection.call("FLUSHALL")
    yield connection
    connection.close()
