"""The seal key and the draw salt: made once, never in passing on a cluster."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.errors import SettingsInvalid
from infra.secret_keys import Secrets, identity_key, put_identity_key, secrets
from infra.settings import Settings


def test_local_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: secrets(settings, {}), range(16)))
    assert len(set(made)) == 1
    assert [len(value) for value in made[0]] == [64, 32]
    assert settings.seal_key_file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["draw.salt", "seal.key"]


def test_a_cluster_never_mints_a_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, bootstrap_servers="kafka:9092")
    with pytest.raises(SettingsInvalid, match="set HITL_SEAL_KEY"):
        secrets(settings, {})
    given = {"HITL_SEAL_KEY": "ab" * 64, "HITL_DRAW_SALT": "cd" * 32}
    assert secrets(settings, given) == Secrets(b"\xab" * 64, b"\xcd" * 32)


@pytest.mark.parametrize("text", ["ab", "zz" * 64])
def test_a_secret_of_the_wrong_size_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsInvalid, match="HITL_SEAL_KEY must be 64 bytes in hex"):
        secrets(Settings(data_dir=tmp_path), {"HITL_SEAL_KEY": text})


def test_a_truncated_secret_file_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    secrets(settings, {})
    settings.draw_salt_file.write_bytes(b"short")
    with pytest.raises(SettingsInvalid, match="5 bytes instead of 32"):
        secrets(settings, {})


def test_secrets_do_not_show_in_a_repr(tmp_path: Path) -> None:
    assert "…" in repr(secrets(Settings(data_dir=tmp_path), {}))


def test_the_key_that_signs_is_never_made_in_passing_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert identity_key(settings) is None and secrets(settings, {})
    assert not settings.identity_key_file.exists()
    for key in (b"a" * 32, b"b" * 32):
        put_identity_key(settings, key)
        assert identity_key(settings) == key
        assert settings.identity_key_file.stat().st_mode & 0o777 == 0o600
    assert len(list(settings.identity_key_file.parent.iterdir())) == 3


def test_a_key_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    settings = Settings(identity_key_file=tmp_path / "key")
    settings.identity_key_file.write_bytes(b"short")
    with pytest.raises(SettingsInvalid, match="5 bytes instead of 32"):
        identity_key(settings)
    with pytest.raises(SettingsInvalid, match="HITL_IDENTITY_KEY_FILE.*cannot be read"):
        identity_key(Settings(identity_key_file=tmp_path))
