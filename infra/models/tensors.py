"""Float32 tensors in the safetensors format: header length (u64 little-endian), JSON header, raw numbers.

Format: https://github.com/huggingface/safetensors#format; any reader of the format opens these files.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]

ALIGNMENT = 8
FLOAT32 = "F32"


class MalformedTensors(ValueError):
    """The bytes are not float32 tensors in the safetensors format."""


class Entry(msgspec.Struct, frozen=True):
    """One tensor in the header; offsets count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def encode_tensors(tensors: Tensors) -> bytes:
    """The same tensors give the same bytes, whatever the order of the mapping."""
    header: dict[str, Entry] = {}
    body = bytearray()
    for name in sorted(tensors):
        raw = np.ascontiguousarray(tensors[name], "<f4")
        header[name] = Entry(FLOAT32, raw.shape, (len(body), len(body) + raw.nbytes))
        body += raw.tobytes()
    encoded = msgspec.json.encode(header)
    encoded += b" " * (-len(encoded) % ALIGNMENT)
    return len(encoded).to_bytes(8, "little") + encoded + bytes(body)


def decode_tensors(raw: bytes) -> dict[str, NDArray[np.float32]]:
    """Tensors by name; raises MalformedTensors."""
    start = 8 + int.from_bytes(raw[:8], "little")
    try:
        header = msgspec.json.decode(raw[8:start], type=dict[str, Entry])
        return {name: _tensor(raw, start, entry) for name, entry in header.items()}
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedTensors(f"not float32 tensors in the safetensors format: {error}") from error


def _tensor(raw: bytes, start: int, entry: Entry) -> NDArray[np.float32]:
    if entry.dtype != FLOAT32:
        raise ValueError(f"dtype {entry.dtype}, expected {FLOAT32}")
    first, last = entry.data_offsets
    if not 0 <= first <= last <= len(raw) - start:
        raise ValueError(f"offsets {first}..{last} of {len(raw) - start} bytes")
    return np.frombuffer(raw[start + first : start + last], "<f4").astype(np.float32).reshape(entry.shape)
