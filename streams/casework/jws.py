"""Signed texts: compact JWS (RFC 7515) with Ed25519 (RFC 8037) and nothing else, read strictly.

What is said of a token is part of a replay and must be the same for ever, so it hangs on no library's idea of a token,
only on Ed25519 (RFC 8032). There is nothing to negotiate: a header may name one algorithm, and a part that is not
written in exactly one way is no part.
"""

import base64
import hashlib
from typing import Final, Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM: Final = "EdDSA"
KEY_BYTES: Final = 32  # of a private key and of a public one


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JOSE header. Any other field is refused: `crit`, `jwk`, `jku` and their like would change what is checked."""

    alg: str
    kid: str = ""
    typ: Literal["JWT"] = "JWT"


class Jws(NamedTuple):
    """A text in its parts; nothing of it is believed yet."""

    header: Header
    payload: bytes
    signed: bytes  # what the signature is about
    signature: bytes


class SigningKey:
    """A private key; what it looks like when it is printed tells only its name."""

    __slots__ = ("_private", "key_id", "public_key")

    def __init__(self, private: bytes) -> None:
        """From `KEY_BYTES` random bytes. Raises `ValueError` for any other number."""
        self._private = Ed25519PrivateKey.from_private_bytes(private)
        self.public_key: bytes = self._private.public_key().public_bytes_raw()
        self.key_id: str = thumbprint(self.public_key)

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"

    def sign(self, payload: bytes) -> str:
        """The payload with header and signature, in the three parts of a JWT."""
        header = msgspec.json.encode(Header(alg=ALGORITHM, kid=self.key_id))
        signed = f"{_written(header)}.{_written(payload)}"
        return f"{signed}.{_written(self._private.sign(signed.encode()))}"


def thumbprint(public_key: bytes) -> str:
    """The name of a public key that follows from itself (RFC 7638, the JWK as in RFC 8037, section 2).

    >>> thumbprint(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{_written(public_key)}"}}'
    return _written(hashlib.sha256(jwk.encode()).digest())


def read(text: str) -> Jws | None:
    """The parts of a text; None when it is no compact JWS in its one way to be written."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    header, payload, signature = map(_read_part, parts)
    if header is None or payload is None or signature is None:
        return None
    try:
        said = msgspec.json.decode(header, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Jws(said, payload, text.rpartition(".")[0].encode(), signature)


def is_signed(jws: Jws, public_key: bytes) -> bool:
    """Whether the holder of the private key signed it. `public_key`: `KEY_BYTES` bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(jws.signature, jws.signed)
    except InvalidSignature:
        return False
    return True


def _written(part: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _read_part(text: str) -> bytes | None:
    try:
        part = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return part if _written(part) == text else None  # Python reads over foreign characters and spare bits
