"""The words about signing keys that go into the log. Pure; times in milliseconds."""

import msgspec

from schemas.events import SigningKeyPublished, SigningKeyRetired, TokenRevoked
from schemas.ids import derive_id
from streams.casework.identity import Claims
from streams.casework.jws import SigningKey, read
from streams.casework.signing_keys import Identities


def in_force(identities: Identities, *, now: int) -> list[str]:
    """The names of the keys in force, the oldest first."""
    return sorted((name for name, key in identities.items() if key.is_in_force(now)), key=lambda n: identities[n].since)


def token_id_in(text: str) -> str:
    """The id of a token, given whole or by its id."""
    jws = read(text)
    try:
        return text if jws is None else msgspec.json.decode(jws.payload, type=Claims).jti
    except msgspec.DecodeError:
        return text


def key_published(key: SigningKey, *, by: str, now: int) -> SigningKeyPublished:
    """From now on its tokens are good."""
    return SigningKeyPublished(
        event_id=derive_id("signing-key", key.key_id),
        key_id=key.key_id,
        public_key=key.public_key,
        published_by=by,
        published_at=now,
    )


def key_retired(key_id: str, *, by: str, now: int) -> SigningKeyRetired:
    """From now on its tokens are no longer good."""
    return SigningKeyRetired(
        event_id=derive_id("signing-key-retired", key_id), key_id=key_id, retired_by=by, retired_at=now
    )


def token_revoked(key_id: str, token_id: str, *, by: str, now: int) -> TokenRevoked:
    """From now on this one is no longer good."""
    return TokenRevoked(
        event_id=derive_id("token-revoked", key_id, token_id),
        key_id=key_id,
        token_id=token_id,
        revoked_by=by,
        revoked_at=now,
    )
