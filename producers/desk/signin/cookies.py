"""The cookies of the desk: one names the session, one the browser that has begun to sign in. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

SESSION: Final = "hitl_session"
BROWSER: Final = "hitl_sign_in"


class Cookies(NamedTuple):
    """How cookies are set and read; `secure` everywhere but on plain http at this machine.

    The prefix `__Host-` lets no other host and no page without TLS set one of ours (RFC 6265bis, 4.1.3.2).
    """

    secure: bool

    def name(self, plain: str) -> str:
        """The name as browsers know it."""
        return f"__Host-{plain}" if self.secure else plain

    def kept(self, plain: str, value: str) -> str:
        """The header that sets it, until the browser is closed; the server ends it earlier by itself.

        >>> Cookies(secure=True).kept("hitl_session", "x")
        '__Host-hitl_session=x; Path=/; HttpOnly; SameSite=Lax; Secure'
        """
        return f"{self.name(plain)}={value}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "")

    def dropped(self, plain: str) -> str:
        """The header that lets the browser forget it."""
        return f"{self.kept(plain, '')}; Max-Age=0"

    def read(self, plain: str, headers: Iterable[str]) -> str | None:
        """Its value in `Cookie` headers. None when it is there twice: somebody else has set one of them.

        >>> Cookies(secure=False).read("hitl_session", ["a=1; hitl_session=x", "b=2"])
        'x'
        """
        pairs = (pair.strip().partition("=") for header in headers for pair in header.split(";"))
        found = [value for name, _, value in pairs if name == self.name(plain)]
        return found[0] if len(found) == 1 else None
