"""Which keys vouch for people: a fold over the topic `identities`. While none is in force, identity is off."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from schemas.events import Event, SigningKeyPublished, SigningKeyRetired, TokenRevoked
from streams.casework.jws import KEY_BYTES, thumbprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key, in force from `since` until before `until`, and the tokens revoked; times in milliseconds."""

    public_key: bytes
    since: int
    until: int | None = None
    revoked: Mapping[str, int] = field(default_factory=dict)  # token id -> when

    def is_in_force(self, at: int) -> bool:
        """Whether it makes tokens necessary at a time."""
        return self.since <= at and not self.is_retired(at)

    def is_retired(self, at: int) -> bool:
        return self.until is not None and at >= self.until


Identities = Mapping[str, Key]
NO_IDENTITIES: Final[Identities] = MappingProxyType({})


def fold_identities(identities: Identities, event: Event) -> Identities:
    """The keys after one more event; what is impossible changes nothing.

    A key is named by its thumbprint, so no event can put another one in its place; what was retired stays so.
    """
    match event:
        case SigningKeyPublished(key_id=key_id, public_key=public_key) if key_id not in identities:
            if len(public_key) == KEY_BYTES and key_id == thumbprint(public_key):
                return _with(identities, key_id, Key(public_key=public_key, since=event.published_at))
        case SigningKeyRetired(key_id=key_id) if (key := identities.get(key_id)) and key.until is None:
            return _with(identities, key_id, replace(key, until=event.retired_at))
        case TokenRevoked(key_id=key_id, token_id=token_id) if (key := identities.get(key_id)):
            if token_id not in key.revoked:
                return _with(identities, key_id, replace(key, revoked={**key.revoked, token_id: event.revoked_at}))
    return identities


def is_identity_on(identities: Identities, *, at: int) -> bool:
    """Whether a record of this time (milliseconds) needs a token."""
    return any(key.is_in_force(at) for key in identities.values())


def _with(identities: Identities, key_id: str, key: Key) -> Identities:
    return MappingProxyType({**identities, key_id: key})
