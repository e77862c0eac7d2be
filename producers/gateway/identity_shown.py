"""How identity stands in an installation, for people and for machines; times in milliseconds."""

from pathlib import Path

import msgspec

from infra.cli.moments import moment
from producers.gateway.identity import in_force
from streams.casework.jws import SigningKey
from streams.casework.signing_keys import Identities


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key as it stands; times in milliseconds. `signs_here`: its private half is in this machine's file."""

    key_id: str
    since: int
    retired_at: int | None
    revoked_tokens: int
    signs_here: bool


class IdentityShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whether people must prove who they are, and by which keys."""

    on: bool
    key_file: Path
    keys: list[KeyShown]


def shown_of(identities: Identities, here: SigningKey | None, key_file: Path, *, now: int) -> IdentityShown:
    """How things stand; `now` in milliseconds."""
    keys = [
        KeyShown(
            key_id=name,
            since=key.since,
            retired_at=key.until,
            revoked_tokens=len(key.revoked),
            signs_here=here is not None and here.key_id == name,
        )
        for name, key in sorted(identities.items(), key=lambda item: item[1].since)
    ]
    return IdentityShown(on=bool(in_force(identities, now=now)), key_file=key_file, keys=keys)


def identity_text(shown: IdentityShown) -> str:
    """How things stand, in words, a line for each key, whose name can be copied whole."""
    said = (
        "identity is on: every answer needs a token of its person"
        if shown.on
        else "identity is off: reviewer ids are taken as they stand; `hitl identity enable` turns it on"
    )
    return "\n".join([said, *map(key_text, shown.keys)])


def key_text(key: KeyShown) -> str:
    """A key in a line."""
    until = "in force" if key.retired_at is None else f"retired {moment(key.retired_at)}"
    here = ", signs here" if key.signs_here else ""
    revoked = f", tokens revoked: {key.revoked_tokens}" if key.revoked_tokens else ""
    return f"{key.key_id}  since {moment(key.since)}, {until}{here}{revoked}"
