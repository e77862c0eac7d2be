"""What browsers are told with every answer, so that nothing foreign runs in a page or shows it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

ONE_YEAR: Final = 31_536_000  # seconds


def content_security_policy(images: Sequence[str] = ()) -> str:
    """Scripts, styles and requests are ours alone, and none stands in a page; `images`: further origins of pictures.

    >>> content_security_policy(["https://cdn.example"]).split("; ")[3]
    "img-src 'self' data: https://cdn.example"
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("img-src 'self' data:", *images)),
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def security_headers(*, secure: bool, images: Sequence[str] = ()) -> Mapping[str, str]:
    """Headers of every answer; `secure` where browsers come over TLS."""
    headers = {
        "content-security-policy": content_security_policy(images),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
        # Not `no-referrer`: with that browsers send `Origin: null` with a form, as if it were foreign.
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    return headers | ({"strict-transport-security": f"max-age={ONE_YEAR}"} if secure else {})
