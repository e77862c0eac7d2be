"""Whose broker answers on a port: Kafka's protocol by hand, since a client library would take its time to say no."""

import socket
import ssl
import struct
from contextlib import closing
from io import SEEK_CUR, BytesIO
from pathlib import Path
from typing import NamedTuple

TIMEOUT = 1.0  # seconds, for each step
TLS_TIMEOUT = 5.0  # seconds; the first greeting of a cold JVM takes its time on a loaded machine
METADATA, SASL_HANDSHAKE, SASL_AUTHENTICATE = (3, 2), (17, 1), (36, 0)  # API keys and versions


class Login(NamedTuple):
    """How to enter a secured broker: the authority of its certificate, and a user by SASL/PLAIN."""

    ca_file: Path
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user})"


def cluster_at(port: int, login: Login | None = None) -> str | None:
    """The cluster whose broker answers a Metadata request there (no topics) and lists at least one."""
    try:
        with closing(_connected(port, login)) as connection:
            if login is not None:
                _log_in(connection, login)
            answer = _ask(connection, METADATA, struct.pack(">i", 0))
        (brokers,) = struct.unpack(">i", answer.read(4))
        for _ in range(brokers):  # id, host, port, rack
            answer.seek(4, SEEK_CUR)
            _text(answer)
            answer.seek(4, SEEK_CUR)
            _text(answer)
        return _text(answer) if brokers else None
    except (OSError, struct.error):  # ssl.SSLError is an OSError
        return None


def _connected(port: int, login: Login | None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    try:
        connection.settimeout(TIMEOUT if login is None else TLS_TIMEOUT)
        if login is None:
            return connection
        context = ssl.create_default_context(cafile=str(login.ca_file))
        return context.wrap_socket(connection, server_hostname="127.0.0.1")
    except BaseException:
        connection.close()
        raise


def _log_in(connection: socket.socket, login: Login) -> None:
    _refused(_ask(connection, SASL_HANDSHAKE, _string("PLAIN")))
    token = f"\0{login.user}\0{login.password}".encode()
    _refused(_ask(connection, SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token))


def _refused(answer: BytesIO) -> None:
    (code,) = struct.unpack(">h", answer.read(2))
    if code:
        raise ConnectionError(f"the broker refused with error {code}")


def _ask(connection: socket.socket, api: tuple[int, int], body: bytes) -> BytesIO:
    """The answer to a request without its correlation id."""
    request = struct.pack(">hhi", *api, 1) + _string("p") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    answer = BytesIO(_read(connection, struct.unpack(">i", _read(connection, 4))[0]))
    answer.seek(4)
    return answer


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _text(answer: BytesIO) -> str | None:
    """A nullable string of Kafka's protocol."""
    size = struct.unpack(">h", answer.read(2))[0]
    return None if size < 0 else answer.read(size).decode()


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionError("the broker hung up")
        parts += part
    return bytes(parts)
