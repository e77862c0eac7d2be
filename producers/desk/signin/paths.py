"""Where somebody goes after signing in: a page of ours, whatever was asked for. Pure."""

import re
from typing import Final

HOME: Final = "/"
LONGEST: Final = 2_000  # characters
# A browser drops tabs and line ends from an address and takes a backslash for a slash, so none of these may be in it.
_OURS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")


def own_path(wanted: str | None) -> str:
    r"""The path when it stays at this origin; else the first page.

    >>> own_path("/cases/7?tab=text"), own_path("//evil.example"), own_path("https://evil.example/")
    ('/cases/7?tab=text', '/', '/')
    """
    if wanted is None or len(wanted) > LONGEST or _OURS.fullmatch(wanted) is None:
        return HOME
    return wanted
