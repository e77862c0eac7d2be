"""A Valkey of our own: at a port of its own, over data of its own, whatever it finds there."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.errors import ValkeyFailed
from infra.local.valkey import EmbeddedValkey
from infra.redis.connection import Connection, Script

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey", prefer=None)
    yield server
    server.kill()


def ask(server: EmbeddedValkey, *words: str) -> object:
    connection = Connection(server.url, address="it")
    try:
        return connection.call(*words)
    finally:
        connection.close()


def test_it_listens_on_this_machine_alone_and_keeps_its_port_and_its_data(server: EmbeddedValkey) -> None:
    server.start()
    url, pid = server.url, server.pid
    ask(server, "SET", "a", "1")
    assert server.is_serving()
    server.stop()
    assert server.pid is None and not server.is_serving()
    again = EmbeddedValkey(server.data_dir, prefer=None)
    again.start()
    try:
        assert again.url == url and again.pid != pid
        assert ask(again, "GET", "a") == b"1"
        with pytest.raises(OSError, match="."):
            socket.create_connection(("127.0.0.2", again._port or 0), 1.0)
    finally:
        again.kill()


def test_a_port_that_another_has_is_left_to_it(server: EmbeddedValkey, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        second = EmbeddedValkey(tmp_path / "second", prefer=taken)
        second._port = taken  # it was free when it was chosen
        second.start()
        try:
            assert second.is_serving()
            assert str(taken) not in second.url
        finally:
            second.kill()


def test_another_server_at_its_port_is_not_taken_for_it(server: EmbeddedValkey, tmp_path: Path) -> None:
    server.start()
    second = EmbeddedValkey(tmp_path / "second", prefer=None)
    second._port = server._port
    second.launch()
    assert not second.is_serving()
    second.kill()
    assert server.is_serving()


def test_it_serves_only_once_its_data_is_read(server: EmbeddedValkey) -> None:
    server.start()
    connection = Connection(server.url, address="it")
    script = Script("for n = 1, 300000 do redis.call('SET', 'key' .. n, string.rep('x', 100)) end")
    connection.run(script, [], [])
    server.kill()
    for _ in range(2):
        server.start()
        assert connection.call("DBSIZE") == 300_000
        server.kill()
    connection.close()


def test_data_that_cannot_be_read_is_set_aside(server: EmbeddedValkey) -> None:
    server.start()
    for number in range(100):
        ask(server, "SET", f"key{number}", "x" * 100)
    server.kill()
    (file,) = server.data_dir.glob("appendonlydir/*.incr.aof")
    content = file.read_bytes()
    file.write_bytes(content[:2000] + b"\xff" * 500 + content[2500:])
    server.start()
    assert ask(server, "DBSIZE") == 0
    assert list(server.data_dir.glob("appendonlydir.broken/*.incr.aof"))
    ask(server, "SET", "a", "1")
    server.kill()
    server.start()
    assert ask(server, "GET", "a") == b"1", "set aside once"


def test_what_keeps_it_from_starting_is_told(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path, prefer=None)
    (tmp_path / "appendonlydir").write_text("a file in the place of a folder")
    with pytest.raises(ValkeyFailed, match="ended at its start"):
        server.start()
    assert server.pid is None
