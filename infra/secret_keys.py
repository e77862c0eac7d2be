"""The secrets of a deployment: the key that seals fields, the salt of the draws, the key that signs people's tokens."""

import os
import secrets as entropy
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from infra.errors import SettingsInvalid
from infra.settings import UNSET, Settings

SEAL_KEY_BYTES = 64  # AES-256-SIV takes two 256-bit keys (RFC 5297)
DRAW_SALT_BYTES = 32
IDENTITY_KEY_BYTES = 32  # a private key of Ed25519 (RFC 8032)


class Secrets(NamedTuple):
    """What router, casework and audit hold and nobody else."""

    seal_key: bytes
    draw_salt: bytes

    def __repr__(self) -> str:
        return "Secrets(seal_key=…, draw_salt=…)"


def secrets(settings: Settings, environ: Mapping[str, str] | None = None) -> Secrets:
    """The secrets from `HITL_SEAL_KEY` / `HITL_DRAW_SALT` (hex), else from their files, made on first use if local.

    Raises SettingsInvalid if one is missing on a cluster, or has the wrong length.
    """
    environ = os.environ if environ is None else environ
    return Secrets(
        _secret("HITL_SEAL_KEY", settings.seal_key_file, SEAL_KEY_BYTES, settings.is_local, environ),
        _secret("HITL_DRAW_SALT", settings.draw_salt_file, DRAW_SALT_BYTES, settings.is_local, environ),
    )


def identity_key(settings: Settings) -> bytes | None:
    """The key that signs people's tokens, which the gateway holds and nobody else; None where no file is.

    Raises SettingsInvalid when the file cannot be read or has the wrong length.
    """
    path = settings.identity_key_file
    try:
        return _sized(path, path.read_bytes(), IDENTITY_KEY_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        said = f"HITL_IDENTITY_KEY_FILE: {path} cannot be read ({error.strerror}); correct the path or its owner."
        raise SettingsInvalid(said) from error


def put_identity_key(settings: Settings, key: bytes) -> None:
    """Put a key in the place of the one that signs now, whole or not at all."""
    _placed(settings.identity_key_file, key, lambda made: made.replace(settings.identity_key_file))


def oidc_client_secret(settings: Settings) -> str:
    """The desk's secret at the identity provider; empty where it has none. Raises SettingsInvalid."""
    path = settings.oidc_client_secret_file
    if path == UNSET:
        return settings.oidc_client_secret
    if settings.oidc_client_secret:
        raise SettingsInvalid("both HITL_OIDC_CLIENT_SECRET and …_FILE are set; unset one of them.")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"HITL_OIDC_CLIENT_SECRET_FILE: {path} cannot be read ({error}).") from error


def _secret(variable: str, path: Path, size: int, is_local: bool, environ: Mapping[str, str]) -> bytes:
    if text := environ.get(variable):
        return _from_hex(variable, text, size)
    if not path.exists():
        if not is_local:
            # Every process of a deployment must hold the same one, so a cluster's secret is never minted in passing.
            raise SettingsInvalid(f"no secret: set {variable} to {size} random bytes in hex, or put them in {path}.")
        _create(path, entropy.token_bytes(size))
    return _sized(path, path.read_bytes(), size)


def _sized(path: Path, value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise SettingsInvalid(f"{path} holds {len(value)} bytes instead of {size}; restore it from a backup.")
    return value


def _from_hex(variable: str, text: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(text.strip())
    except ValueError:
        value = b""
    if len(value) != size:
        raise SettingsInvalid(f"{variable} must be {size} bytes in hex; make one with `openssl rand -hex {size}`.")
    return value


def _create(path: Path, value: bytes) -> None:
    """Write the file whole or not at all; the first of several processes wins."""
    with suppress(FileExistsError):
        _placed(path, value, path.hardlink_to)  # fails if it exists, unlike a rename


def _placed(path: Path, value: bytes, put: Callable[[Path], object]) -> None:
    """Write a file beside its place, for this user alone, and `put` it there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        put(Path(temporary))
    finally:
        Path(temporary).unlink(missing_ok=True)
