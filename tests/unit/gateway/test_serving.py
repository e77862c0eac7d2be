"""Where the gateway listens: where it was told, or beside another stack; after a restart where it did before."""

import asyncio
import socket
from pathlib import Path

import pytest

from infra.errors import SettingsInvalid
from infra.http.serving import bound
from infra.settings import GATEWAY_FILE, Settings
from producers.gateway.serving import place_of


def port_of(settings: Settings) -> int:
    with bound(place_of(settings)) as listening:
        return int(listening.getsockname()[1])


def test_the_default_gives_way_and_a_named_port_does_not(tmp_path: Path) -> None:
    default = Settings(data_dir=tmp_path)
    with bound(place_of(default)) as first, bound(place_of(default)) as second:
        ports = [each.getsockname()[1] for each in (first, second)]
        assert ports[0] != ports[1]
        named = Settings(data_dir=tmp_path, gateway_address=f"localhost:{ports[0]}")
        with pytest.raises(SettingsInvalid, match="free port"):
            bound(place_of(named))


def test_a_restart_keeps_its_port(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, gateway_address="127.0.0.1:0")
    port = port_of(settings)
    (tmp_path / GATEWAY_FILE).parent.mkdir()
    (tmp_path / GATEWAY_FILE).write_text(f"127.0.0.1:{port}")
    assert port_of(settings) == port


def test_an_address_of_another_machine_is_refused() -> None:
    for address in ("192.0.2.1:8088", "127.0.0.1:99999"):
        with pytest.raises(SettingsInvalid, match=address.partition(":")[0]):
            bound(place_of(Settings(gateway_address=address)))


def test_what_is_small_is_sent_at_once(tmp_path: Path) -> None:
    """An answer is two writes; where the second waits for the caller's acknowledgement, each costs 40 ms."""

    async def option() -> int:
        found: asyncio.Queue[int] = asyncio.Queue()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            found.put_nowait(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = bound(place_of(Settings(data_dir=tmp_path, gateway_address="127.0.0.1:0")))
        async with await asyncio.start_server(answer, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await found.get()

    assert asyncio.run(option())
