"""A desk that people could not sign in at safely does not start, and says why."""

from pathlib import Path

import pytest

from infra.errors import SettingsInvalid
from infra.redis.keeping import MemoryKeeping, RedisKeeping
from infra.secret_keys import oidc_client_secret
from infra.settings import Settings, load_settings
from producers.desk.access.recording import nothing_kept
from producers.desk.signin.flow import SignIn
from producers.desk.signin.opening import keeping_of, open_sign_in
from streams.casework.signing_keys import NO_IDENTITIES

PROVIDER = {"oidc_issuer": "https://id.example/realms/desk", "oidc_client_id": "desk"}


def opened(address: str = "127.0.0.1:8090", **values: str) -> SignIn:
    settings = Settings(**({"desk_sessions": "memory"} | values))  # type: ignore[arg-type]
    return open_sign_in(settings, address, lambda: NO_IDENTITIES, nothing_kept())


def test_on_this_machine_links_are_enough() -> None:
    made = opened()
    assert made.provider is None and made.links is not None and not made.origin.is_secure


def test_beyond_this_machine_a_provider_is_needed_and_links_are_none() -> None:
    with pytest.raises(SettingsInvalid, match="HITL_OIDC_ISSUER"):
        opened(desk_url="https://desk.example")
    made = opened(desk_url="https://desk.example", **PROVIDER)
    assert made.links is None and made.origin.is_secure and made.provider is not None
    assert made.provider.client.redirect_uri == "https://desk.example/sign-in/callback"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"desk_url": "http://desk.example"} | PROVIDER, "it is https"),
        ({"desk_url": "https://desk.example/desk"} | PROVIDER, "an origin to itself"),
        ({"oidc_issuer": "http://id.example"}, "must be https"),
        ({"oidc_issuer": "https://id.example"}, "HITL_OIDC_CLIENT_ID"),
        (PROVIDER | {"oidc_scopes": "profile"}, "must hold openid"),
    ],
)
def test_what_others_could_read_or_nobody_could_use_is_refused(values: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        opened(**values)


def test_an_address_of_all_networks_without_a_url_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="it is https"):
        opened(address="0.0.0.0:8090")


def test_sessions_are_kept_in_redis_unless_told_otherwise() -> None:
    assert isinstance(keeping_of(Settings()), RedisKeeping)
    assert isinstance(keeping_of(Settings(desk_sessions="memory")), MemoryKeeping)


def test_the_secret_stands_in_a_file_or_in_the_environment_and_is_shown_to_nobody(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    assert oidc_client_secret(Settings(oidc_client_secret_file=file)) == "s3cret"
    assert oidc_client_secret(Settings(oidc_client_secret="plain")) == "plain"
    with pytest.raises(SettingsInvalid, match="unset one of them"):
        oidc_client_secret(Settings(oidc_client_secret="plain", oidc_client_secret_file=file))
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        oidc_client_secret(Settings(oidc_client_secret_file=tmp_path / "none"))
    made = opened(**PROVIDER, oidc_client_secret="s3cret")
    assert "s3cret" not in repr(made)


def test_a_setting_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="HITL_DESK_SESSIONS"):
        load_settings({"HITL_DESK_SESSIONS": "cookie"})
    with pytest.raises(SettingsInvalid, match="HITL_OIDC_ISSUER"):
        load_settings({"HITL_OIDC_ISSUER": "id.example"})
