"""What casework must know of a case and reviewers must not: sealed with AES-SIV, at one length for every case."""

from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from infra.errors import FatalConfiguration
from schemas.values import SampleKind, Split

PLAIN_BYTES: Final = 512  # every sealed field has this length and SIV_BYTES more, so that length tells nothing
SIV_BYTES: Final = 16
SEALED_BYTES: Final = PLAIN_BYTES + SIV_BYTES
LENGTH_BYTES: Final = 2
MAX_REASON_BYTES: Final = 160  # so that a sealed field always holds it


class SealBroken(FatalConfiguration):
    """A sealed field does not open: start with the seal key it was written with, and restore it from a backup."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Why the case exists and what the model answered; new fields go to the end and have a default."""

    kind: SampleKind
    model_label: str | None = None
    confidence: float | None = None
    model_digest: str | None = None
    calibrator: str | None = None
    certificate: str | None = None
    inclusion_probability: float
    split: Split
    routed_reason: str
    risk_score: float = 0.0
    overlap: int = 1  # answers of different people that are wanted
    adaptive: bool = False  # a further person only while they disagree
    most_answers: int = 1
    four_eyes: tuple[int, ...] = ()  # positions of classes that a second person must confirm
    validation: float | None = None  # probability with which it was drawn for expert validation
    gold_id: str | None = None
    gold_label: str | None = None


def fitting(reason: str) -> str:
    """A reason as far as a sealed field always holds it."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class Sealer:
    """Seals and opens with one key of 64 bytes (AES-256-SIV, RFC 5297): the same contents give the same bytes.

    Request id and revision are associated data: without them equal contents of two cases would show as equal bytes.
    """

    __slots__ = ("_cipher", "_decoder", "_encoder")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Sealed)

    def seal(self, sealed: Sealed, *, request_id: str, revision: int) -> bytes:
        """`SEALED_BYTES` bytes. Raises `ValueError` when label, digests and reason are too long to fit."""
        packed = self._encoder.encode(sealed)
        if len(packed) > PLAIN_BYTES - LENGTH_BYTES:
            raise ValueError(
                f"a sealed field holds {PLAIN_BYTES - LENGTH_BYTES} bytes, this needs {len(packed)}: "
                f"shorten the class {(sealed.model_label or '')[:60]!r} or the reason {sealed.routed_reason[:60]!r}"
            )
        plain = (len(packed).to_bytes(LENGTH_BYTES) + packed).ljust(PLAIN_BYTES, b"\0")
        return self._cipher.encrypt(plain, _associated(request_id, revision))

    def open(self, data: bytes, *, request_id: str, revision: int) -> Sealed:
        """What was sealed for this request and revision. Raises `SealBroken`."""
        try:
            plain = self._cipher.decrypt(data, _associated(request_id, revision))
            size = int.from_bytes(plain[:LENGTH_BYTES])
            return self._decoder.decode(plain[LENGTH_BYTES : LENGTH_BYTES + size])
        except (InvalidTag, ValueError, msgspec.DecodeError) as error:
            raise SealBroken(
                f"the sealed field of request {request_id[:100]!r}, revision {revision}, does not open: start with "
                "the seal key it was written with (HITL_SEAL_KEY or its file), restored from a backup."
            ) from error


def _associated(request_id: str, revision: int) -> list[bytes]:
    return [request_id.encode(), revision.to_bytes(8)]
