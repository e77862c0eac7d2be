"""What a registry says becomes a value or an error that says what to do; a password is never in it."""

import socket
from collections.abc import Iterator

import pytest

from infra.errors import FatalConfiguration, HitlError
from infra.registry.client import FULL_TRANSITIVE, NONE, Registry
from infra.registry.errors import NoRegistry, RegistryDenied, RegistryUnavailable, SchemaRefused
from infra.registry.http import Http
from infra.settings import Settings
from tests.support.registry import LOGIN, FakeRegistry, serving

ONE = '{"type":"record","name":"One","namespace":"n","doc":"d","fields":[{"name":"a","type":"int","doc":"d"}]}'
OTHER = ONE.replace('"int"', '"string"')


@pytest.fixture
def guarded() -> Iterator[FakeRegistry]:
    with serving(FakeRegistry(login=LOGIN)) as running:
        yield running


def test_what_was_registered_is_found_again(fake_registry: FakeRegistry) -> None:
    client = fake_registry.client
    assert client.versions("n.One") == []
    assert client.register("n.One", ONE) == client.register("n.One", ONE) == 1
    found = client.version("n.One", 1)
    assert found is not None and (found.id, found.schema, found.is_plain_avro) == (1, ONE, True)
    assert (client.versions("n.One"), client.schema(1), client.schema(2)) == ([1], ONE, None)
    assert client.version("n.One", 2) is None


def test_what_is_incompatible_is_refused_with_the_reason(fake_registry: FakeRegistry) -> None:
    client = fake_registry.client
    client.register("n.One", ONE)
    assert client.compatibility("n.One") == NONE
    client.require("n.One", FULL_TRANSITIVE)
    assert client.compatibility("n.One") == FULL_TRANSITIVE
    with pytest.raises(SchemaRefused, match=r"refuses n\.One: incompatible: One\.a"):
        client.register("n.One", OTHER)


def test_name_and_password_are_sent_from_the_settings_or_from_the_address(guarded: FakeRegistry) -> None:
    user, password = LOGIN
    apart = Settings(
        schema_registry_url=guarded.url, schema_registry_user=user, schema_registry_password=password
    )
    inside = Settings(schema_registry_url=guarded.url.replace("://", "://me:sec%3Aret@"))
    for settings in (apart, inside):
        registry = Registry.of(settings)
        assert registry.versions("n.One") == []
        assert registry.address == guarded.url


def test_wrong_password_is_fatal_and_not_shown(guarded: FakeRegistry) -> None:
    registry = Registry(Http(guarded.url, user="me", password="hunter2"))
    with pytest.raises(RegistryDenied, match="HITL_SCHEMA_REGISTRY_USER") as failed:
        registry.versions("n.One")
    assert "hunter2" not in str(failed.value)
    assert isinstance(failed.value, FatalConfiguration)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (503, b"", RegistryUnavailable, "cannot serve now .503"),
        (429, b"", RegistryUnavailable, "429"),
        (403, b"{}", RegistryDenied, "denies"),
        (404, b"<html>nothing</html>", NoRegistry, "apis/ccompat/v7"),
        (404, b'{"detail": "no page"}', NoRegistry, "apis/ccompat/v7"),
        (200, b"<html>hello</html>", NoRegistry, "apis/ccompat/v7"),
        (200, b'{"a": 1}', NoRegistry, "apis/ccompat/v7"),
        (302, b"", NoRegistry, "without redirects"),
        (418, b"tea", NoRegistry, "418 .tea"),
    ],
)
def test_what_is_no_registrys_answer_is_named(
    status: int, body: bytes, kind: type[HitlError], said: str, fake_registry: FakeRegistry
) -> None:
    fake_registry.broken = (status, body)
    with pytest.raises(kind, match=said):
        fake_registry.client.versions("n.One")


def test_an_id_that_four_bytes_cannot_hold_is_refused(fake_registry: FakeRegistry) -> None:
    fake_registry.next_id = 2**31
    with pytest.raises(NoRegistry, match="2147483647"):
        fake_registry.client.register("n.One", ONE)


def _nothing() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_without_an_answer_the_address_is_named_without_its_password() -> None:
    url = _nothing().replace("://", "://me:hunter2@")
    with pytest.raises(RegistryUnavailable, match="does not answer.*HITL_SCHEMA_REGISTRY_URL") as failed:
        Registry(Http(url)).versions("n.One")
    assert "hunter2" not in str(failed.value)
    assert not isinstance(failed.value, FatalConfiguration), "it may be back soon"


def test_one_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnavailable, match="timed out"):
            Registry(Http(url, timeout_seconds=0.2)).versions("n.One")


def test_settings_without_a_registry_say_how_to_name_one() -> None:
    with pytest.raises(NoRegistry, match="HITL_SCHEMA_REGISTRY_URL"):
        Registry.of(Settings())
