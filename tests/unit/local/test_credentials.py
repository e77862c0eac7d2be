"""Secrets of the secured local Kafka: made once, kept private, and of use to nobody without them."""

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from infra.local.access import LocalAccess
from infra.local.credentials import ADMIN, BROKER, Credentials
from infra.local.folders import Folders
from infra.local.kafka_config import as_text, controller_properties, secured, server_properties
from infra.local.probe import Login, cluster_at
from infra.local.services import environment
from infra.local.stack import without_login
from infra.settings import CLIENT_FILE, Settings, load_settings


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    made = Credentials(tmp_path / "secrets" / "kafka")
    made.mint(["router", "operator"])
    return made


def test_passwords_are_made_once_and_all_differ(credentials: Credentials, tmp_path: Path) -> None:
    first = credentials.mint(["router", "operator"])
    again = Credentials(tmp_path / "secrets" / "kafka").mint(["router", "operator", "casework"])
    assert {name: again[name] for name in first} == first
    assert set(again) == {BROKER, ADMIN, "router", "operator", "casework"}
    assert len(set(again.values())) == len(again)
    assert all(len(password) >= 32 for password in again.values())


def test_only_the_owner_can_read_what_is_secret(credentials: Credentials, tmp_path: Path) -> None:
    credentials.mint_server()
    folder = tmp_path / "secrets" / "kafka"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "server.pem": 0o600, "passwords.json": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def greet(server: Credentials, client_ca: Path) -> None:
    """A TLS greeting in memory, as of a client that connects to 127.0.0.1."""
    server.mint_server()
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(server.keystore_file)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        ssl.create_default_context(cafile=str(client_ca)).wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        accepting.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue


def test_a_client_knows_the_broker_by_its_authority_and_no_other(credentials: Credentials, tmp_path: Path) -> None:
    greet(credentials, credentials.ca_file)
    greet(credentials, credentials.ca_file)  # with the certificate of a later start
    other = Credentials(tmp_path / "secrets" / "other")
    other.mint([])
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(credentials, other.ca_file)


@pytest.mark.parametrize("is_controller", [False, True])
def test_no_listener_of_a_secured_node_is_open(credentials: Credentials, is_controller: bool, tmp_path: Path) -> None:
    plain = (
        controller_properties(controller_port=2, data_dir=tmp_path)
        if is_controller
        else server_properties(port=1, controller_port=2, data_dir=tmp_path)
    )
    passwords = {BROKER: "b", ADMIN: "a"}
    made = secured(plain, passwords, keystore=credentials.keystore_file, truststore=credentials.ca_file)
    assert "PLAINTEXT" not in as_text(made)
    assert made["allow.everyone.if.no.acl.found"] == "false"
    assert made["super.users"] == "User:broker;User:admin"


def test_a_service_gets_its_own_password_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_KAFKA_SASL_PASSWORD", "of the shell")
    monkeypatch.setenv("HITL_KAFKA_SASL_OAUTHBEARER_CONFIG", "of the shell")
    access = LocalAccess(Folders(tmp_path), ["router@1", "own-service"])
    settings = Settings(data_dir=tmp_path, kafka={"compression.type": "lz4"})
    for name in ("router@1", "simulated-people", "own-service"):
        user = name.partition("@")[0]
        made = environment(access.as_service(settings, name))
        given = {key: value for key, value in made.items() if key.startswith("HITL_KAFKA_")}
        assert given.pop("HITL_KAFKA_SASL_PASSWORD") == access.credentials.password(user)
        assert given == {
            "HITL_KAFKA_COMPRESSION_TYPE": "lz4",
            "HITL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HITL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "HITL_KAFKA_SASL_USERNAME": user,
            "HITL_KAFKA_SSL_CA_LOCATION": str(access.credentials.ca_file),
        }
        others = {access.credentials.password(each) for each in ("operator", BROKER, ADMIN)}
        assert not others & set(made.values())


def test_commands_log_in_to_the_stack_that_runs_and_a_stale_login_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bootstrap").write_text("127.0.0.1:4001")
    (tmp_path / CLIENT_FILE).write_text('{"sasl.username":"operator"}')
    environ = {"HITL_DATA_DIR": str(tmp_path), "HITL_KAFKA_COMPRESSION_TYPE": "lz4"}
    found = load_settings(environ)
    assert found.kafka == {"sasl.username": "operator", "compression.type": "lz4"}
    assert load_settings(environ | {"HITL_BOOTSTRAP_SERVERS": "kafka:9092"}).kafka == {"compression.type": "lz4"}
    assert without_login(found).kafka == {"compression.type": "lz4"}


def test_a_login_does_not_show_its_password() -> None:
    assert "secret" not in repr(Login(Path("ca.pem"), "admin", "secret"))


def test_whatever_else_listens_is_no_broker(credentials: Credentials) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def say_nonsense() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()

        talking = threading.Thread(target=say_nonsense)
        talking.start()
        assert cluster_at(port) is None
        assert cluster_at(port, Login(credentials.ca_file, ADMIN, "x")) is None
        talking.join()
    assert cluster_at(port) is None
