"""What nobody can guess: ids of sessions, states, links. Known by its form, kept by its digest only."""

import hashlib
import re
import secrets
from typing import Final

BYTES: Final = 32  # of randomness, so that a digest needs no salt
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """A new one, of 43 characters."""
    return secrets.token_urlsafe(BYTES)


def is_secret(text: str | None) -> bool:
    """Whether it could be one.

    >>> is_secret("a" * 43), is_secret("a" * 42), is_secret("a" * 42 + ";"), is_secret(None)
    (True, False, False, False)
    """
    return text is not None and _FORM.fullmatch(text) is not None


def digest_of(text: str) -> str:
    """What is kept, so that whoever reads the store can be nobody."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
