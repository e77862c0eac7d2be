"""Who may ask for what: API tokens, of which a file keeps the digests only."""

import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from infra.errors import SettingsInvalid
from infra.http.limits import Rate

TOKEN_BYTES: Final = 32  # of randomness, so that its digest needs no salt
PREFIX: Final = "hitl_"  # so that scanners of repositories know one that was committed


class Scope(StrEnum):
    """What a token is good for."""

    WRITE = "requests:write"
    READ = "requests:read"
    APPEAL = "appeals:write"
    ISSUE = "reviewers:issue"


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender, and what it may do. `rate` in requests a second, none means unlimited; `burst` at once."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...]
    rate: Annotated[float, Meta(gt=0)] | None = None
    burst: Annotated[float, Meta(ge=1)] | None = None

    @property
    def limit(self) -> Rate | None:
        """How often it may ask; a second's worth at once unless `burst` says otherwise."""
        return None if self.rate is None else Rate(per_second=self.rate, burst=self.burst or max(1.0, self.rate))


class TokenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: one table `[[token]]` each."""

    token: tuple[Token, ...]


ANYBODY: Final = Token(
    name="anybody on this machine", sha256="0" * 64, scopes=(Scope.WRITE, Scope.READ, Scope.APPEAL)
)  # nobody vouches for others without having shown who he is


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens of a TOML file, or of a JSON file of the same shape. Raises `SettingsInvalid` with what to do."""
    try:
        text = path.read_text(encoding="utf-8")
        plain = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
        tokens = msgspec.convert(plain, TokenFile).token
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"HITL_GATEWAY_TOKENS_FILE: {path} cannot be read ({error}); correct the path."
        ) from error
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path}: {error}; `hitl gateway token` prints what belongs there.") from error
    names = [token.name for token in tokens]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsInvalid(f"{path}: the name {repeated[0]} stands there twice; rename one.")
    return tokens


def digest_of(token: str) -> str:
    """What the file keeps of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def owner_of(given: str, tokens: Iterable[Token]) -> Token | None:
    """Whose token this is; the time it takes tells nothing about how much of it is right."""
    digest = digest_of(given)
    found = None
    for token in tokens:
        if hmac.compare_digest(digest, token.sha256):
            found = token
    return found


def new_token(name: str, scopes: Sequence[Scope], rate: float | None) -> tuple[str, str]:
    """A token, to be told once, and the lines for the file."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    lines = [
        "[[token]]",
        f"name = {msgspec.json.encode(name).decode()}",
        f'sha256 = "{digest_of(token)}"',
        f"scopes = {msgspec.json.encode(list(scopes)).decode()}",
        *([f"rate = {rate:g}"] if rate else []),
    ]
    return token, "\n".join(lines)
