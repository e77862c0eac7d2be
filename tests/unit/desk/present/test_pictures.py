"""Pictures: what a page loads, and what it only names."""

import struct
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.desk.pages.present.pictures import from_address, from_bytes, kind_of, origin_of
from tests.support.presented import ORIGIN, png

GIF = b"GIF89a" + struct.pack("<HH", 7, 5) + b"\0" * 10
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 10 + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 5, 7) + b"\0" * 12
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\x06\0\0" + b"\x04\0\0"
VP8L = b"RIFF\0\0\0\0WEBPVP8L" + b"\0\0\0\0\x2f" + (6 | 4 << 14).to_bytes(4, "little") + b"\0" * 9
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 7, 5) + b"\0" * 4
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.mark.parametrize(
    ("data", "kind"),
    [(png(7, 5), "image/png"), (GIF, "image/gif"), (JPEG, "image/jpeg"), (VP8X, "image/webp"), (VP8L, "image/webp"),
     (VP8, "image/webp")],
)  # fmt: skip
def test_a_picture_is_what_its_bytes_are(data: bytes, kind: str) -> None:
    picture = from_bytes(data, "a scan").picture
    assert picture is not None and kind_of(data) == kind
    assert (picture.width, picture.height, picture.alt) == (7, 5, "a scan")
    assert picture.source == f"data:{kind};base64,{b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("data", "why"),
    [(SVG, "no png"), (b"", "no png"), (b"\x89PNG\r\n\x1a\n", "no png"), (b"\xff\xd8\xff" + b"\xff" * 40, "no png"),
     (png(1, 1) + b"\0" * (2 << 20), "bytes of at most"), (b"GIF89a" + b"\xff" * 20, "too many"),
     (b"GIF89a" + b"\0" * 20, "too many")],
)  # fmt: skip
def test_anything_else_is_named_and_not_shown(data: bytes, why: str) -> None:
    judged = from_bytes(data, "a scan")
    assert judged.picture is None and why in judged.notice


HEADS = st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF0000WEBPVP8L", b"\x89PNG\r\n\x1a\n"])


@given(st.binary(max_size=80), HEADS)
def test_damaged_pictures_are_told_from_whole_ones_without_a_fall(data: bytes, head: bytes) -> None:
    judged = from_bytes(head + data, "a scan")
    assert (judged.picture is None) == bool(judged.notice)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://pictures.example/a.png?x=1", ORIGIN),
        ("https://PICTURES.example:443/a", ORIGIN),
        ("https://pictures.example:8443/a", "https://pictures.example:8443"),
        ("http://pictures.example/a", None),
        ("//pictures.example/a", None),
        ("https://pictures.example@evil.example/a", None),
        ("https://evil.example#@pictures.example", "https://evil.example"),
        ("https://evil.example\\@pictures.example/a", None),
        ("https://pictures.example/a b", None),
        ('https://pictures.example/"onerror=x', None),
        ("https://pictures.example/\n", None),
        ("https://pictures.example:99999/", None),
        ("https://ｐictures.example/", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://[::1/", None),
    ],
)
def test_an_address_has_the_origin_that_a_browser_sees(address: str, origin: str | None) -> None:
    assert origin_of(address) == origin


def test_a_picture_comes_only_from_where_the_workflow_lets_it_come_from() -> None:
    assert from_address(f"{ORIGIN}/a.png", [ORIGIN], "x").picture is not None
    elsewhere = from_address("https://evil.example/a.png", [ORIGIN], "x")
    assert elsewhere.picture is None and "https://evil.example/a.png" in elsewhere.notice
    assert from_address(f"{ORIGIN}/a.png", [], "x").picture is None
    assert from_address(f"{ORIGIN}/{'a' * 5_000}", [ORIGIN], "x").picture is None


@pytest.mark.parametrize("address", ["data:image/svg+xml;base64,", "data:text/html,<b>", "data:image/png;base64,@@"])
def test_a_data_address_is_judged_by_its_bytes(address: str) -> None:
    padded = address + b64encode(SVG).decode() if address.endswith(",") else address
    assert from_address(padded, [ORIGIN], "x").picture is None
    shown = from_address(f"data:text/html;base64,{b64encode(png()).decode()}", [], "x").picture
    assert shown is not None and shown.source.startswith("data:image/png;base64,")
