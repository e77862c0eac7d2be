"""Pictures that a page may show: from origins that the workflow allows, or bytes that are what they say. Pure."""

import base64
import binascii
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from producers.desk.pages.present.cleaning import on_one_line
from producers.desk.pages.present.model import Picture

LARGEST: Final = 2 << 20  # bytes in a page
MOST_PIXELS: Final = 50_000_000  # a browser takes four bytes for each: a small file can be a large picture
MOST_PICTURES: Final = 12
LONGEST_ADDRESS: Final = 4_096  # characters
TAKEN: Final = "png, jpeg, gif or webp"
JPEG_FRAMES: Final = frozenset((0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))
Size = tuple[int, int]


class Judged(NamedTuple):
    """A picture, or the sentence that says why there is none."""

    picture: Picture | None
    notice: str = ""


def png_size(data: bytes) -> Size | None:
    """Width and height that the header says (W3C PNG, 11.2.2)."""
    return struct.unpack(">II", data[16:24]) if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 24 else None


def gif_size(data: bytes) -> Size | None:
    """Of the logical screen (GIF89a, 18)."""
    return struct.unpack("<HH", data[6:10]) if data[:6] in (b"GIF87a", b"GIF89a") and len(data) > 10 else None


def jpeg_size(data: bytes) -> Size | None:
    """Of the first frame (ITU-T T.81, B.2.2)."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        if data[at + 1] in JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def webp_size(data: bytes) -> Size | None:
    """Of the canvas (RFC 9649)."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


SIZES: Final[Mapping[str, Callable[[bytes], Size | None]]] = {
    "image/png": png_size, "image/jpeg": jpeg_size, "image/gif": gif_size, "image/webp": webp_size,
}  # fmt: skip


def kind_of(data: bytes) -> str | None:
    """Which of the types that are shown these bytes are."""
    return next((name for name, size in SIZES.items() if size(data) is not None), None)


def from_bytes(data: bytes, alt: str) -> Judged:
    """A picture inside the page; what it is said to be counts for nothing, what it is does."""
    kind = kind_of(data)
    if kind is None:
        return Judged(None, f"The picture is not shown: it is no {TAKEN}, or damaged.")
    width, height = SIZES[kind](data) or (0, 0)
    if len(data) > LARGEST:
        return Judged(None, f"The picture is not shown: it has {len(data):,} bytes of at most {LARGEST:,}.")
    if not 0 < width * height <= MOST_PIXELS:
        return Judged(None, f"The picture is not shown: {width:,} × {height:,} pixels are too many.")
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return Judged(Picture(source=source, alt=alt, width=width, height=height))


def from_address(address: str, origins: Sequence[str], alt: str) -> Judged:
    """A picture from elsewhere, when it may be loaded from there."""
    if address.startswith("data:"):
        return _from_data(address, alt)
    named = on_one_line(address[:300])
    if len(address) > LONGEST_ADDRESS or origin_of(address) not in origins:
        allowed = ", ".join(origins) or "none"
        return Judged(None, f"A picture is not loaded: {named} (pictures may come from: {allowed}).")
    return Judged(Picture(source=address, alt=alt, note=named))


def origin_of(address: str) -> str | None:
    """Scheme, host and port of an https address; None for anything else, or one that browsers might read otherwise."""
    if not address.isascii() or not address.isprintable() or any(odd in address for odd in " \\\"'<>"):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    return f"https://{parts.hostname}" if port in (None, 443) else f"https://{parts.hostname}:{port}"


def _from_data(address: str, alt: str) -> Judged:
    """RFC 2397, base64 only; the type that it names is not looked at."""
    head, comma, body = address.partition(",")
    if not comma or not head.endswith(";base64"):
        return Judged(None, "The picture is not shown: a data address must be base64.")
    try:
        return from_bytes(base64.b64decode(body, validate=True), alt)
    except (binascii.Error, ValueError):
        return Judged(None, "The picture is not shown: its base64 is damaged.")
