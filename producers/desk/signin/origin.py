"""Where browsers reach the desk: which requests are meant for it, and which come from one of its own pages. Pure."""

from typing import NamedTuple, Self
from urllib.parse import urlsplit

from infra.errors import SettingsInvalid
from infra.settings import is_loopback


class Origin(NamedTuple):
    """Scheme and host with port, as browsers write them (RFC 6454, 6.2)."""

    scheme: str
    host: str

    @classmethod
    def of(cls, url: str) -> Self:
        """The origin of a URL. Raises `SettingsInvalid` for one at which others could read along.

        >>> str(Origin.of("https://Desk.example:443/")), str(Origin.of("http://127.0.0.1:8090"))
        ('https://desk.example', 'http://127.0.0.1:8090')
        """
        parts = urlsplit(url)
        if parts.path not in ("", "/") or not parts.hostname:
            raise SettingsInvalid(f"HITL_DESK_URL={url}: the desk has an origin to itself; name scheme and host only.")
        if parts.scheme != "https" and not is_loopback(parts.hostname):
            raise SettingsInvalid(f"HITL_DESK_URL={url}: people sign in there, so beyond this machine it is https.")
        usual = {"https": 443, "http": 80}[parts.scheme]
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        return cls(parts.scheme, f"{name}{port}")

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.scheme == "https"

    @property
    def is_here(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(urlsplit(str(self)).hostname or "")

    def is_meant(self, host: str) -> bool:
        """Whether a `Host` header means the desk; on this machine any of its names does.

        >>> Origin("http", "127.0.0.1:8090").is_meant("localhost:8090"), Origin("https", "d.org").is_meant("e.org")
        (True, False)
        """
        if host.lower() == self.host:
            return True
        theirs = _loopback_port(host)
        return theirs is not None and self.is_here and theirs == urlsplit(str(self)).port

    def is_own(self, origin: str | None, fetch_site: str | None, *, host: str) -> bool | None:
        """Whether a page of ours sends the request; None when the browser says nothing about it.

        `origin` and `fetch_site` are the headers `Origin` and `Sec-Fetch-Site`, `host` is `Host`, already judged.
        """
        if origin is not None:
            return origin.lower() == f"{self.scheme}://{host.lower()}"
        return None if fetch_site is None else fetch_site == "same-origin"


def _loopback_port(host: str) -> int | None:
    """The port of a host that is this machine; None for any other, and for one without a port."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.port if parts.hostname and is_loopback(parts.hostname) and "@" not in host else None
    except ValueError:
        return None
