"""The two secrets of a deployment: the key that seals fields and the salt of the draws."""

import os
import secrets as entropy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from infra.errors import SettingsInvalid
from infra.settings import Settings

SEAL_KEY_BYTES = 64  # AES-256-SIV takes two 256-bit keys (RFC 5297)
DRAW_SALT_BYTES = 32


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


def _secret(variable: str, path: Path, size: int, is_local: bool, environ: Mapping[str, str]) -> bytes:
    if text := environ.get(variable):
        return _from_hex(variable, text, size)
    if not path.exists():
        if not is_local:
            # Every process of a deployment must hold the same one, so a cluster's secret is never minted in passing.
            raise SettingsInvalid(f"no secret: set {variable} to {size} random bytes in hex, or put them in {path}.")
        _create(path, entropy.token_bytes(size))
    value = path.read_bytes()
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
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        Path(path).hardlink_to(temporary)  # fails if it exists, unlike a rename
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
