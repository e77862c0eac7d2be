"""One request to a schema registry over HTTP: an answer, or an error that says what to do."""

import base64
import copy
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Final, NamedTuple

from infra.registry.errors import NoRegistry, RegistryDenied, RegistryUnavailable

TIMEOUT: Final = 10.0  # seconds, for each answer
LARGEST_ANSWER: Final = 16 << 20  # bytes
DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
REGISTRY_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class Answer(NamedTuple):
    """What came back, whatever its status below 500."""

    status: int
    body: bytes


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the password to another host."""

    def redirect_request(self, *_: object) -> None:
        return None


class Http:
    """Requests below one address, with a name and a password where they are given there or apart.

    Safe to use from many threads.
    """

    def __init__(self, url: str, *, user: str = "", password: str = "", timeout_seconds: float = TIMEOUT) -> None:
        parts = urllib.parse.urlsplit(url)
        user = user or urllib.parse.unquote(parts.username or "")
        password = password or urllib.parse.unquote(parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        self.address = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._timeout = timeout_seconds
        self._headers = {"Accept": f"{REGISTRY_TYPE}, application/json"}
        if user or password:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        tls = [urllib.request.HTTPSHandler(context=ssl.create_default_context())] if parts.scheme == "https" else []
        self._opener = urllib.request.build_opener(_StayHere, *tls)

    def at(self, url: str) -> "Http":
        """The same below another address of that server."""
        other = copy.copy(self)
        other.address = url
        return other

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises `RegistryUnavailable`, `RegistryDenied`, and `NoRegistry` for what no registry says."""
        sent = self._headers | ({"Content-Type": REGISTRY_TYPE} if body is not None else {}) | dict(headers or {})
        url = self.address + path
        try:
            request = urllib.request.Request(url, body, sent, method=method)
            with self._opener.open(request, timeout=self._timeout) as got:
                answer = Answer(got.status, got.read(LARGEST_ANSWER + 1))
        except urllib.error.HTTPError as error:
            with error:
                answer = Answer(error.code, _rest(error))
        except (OSError, HTTPException) as error:  # URLError, timeouts, a connection cut short
            why = getattr(error, "reason", None) or error
            raise RegistryUnavailable(
                f"the schema registry at {self.address} does not answer ({why}): start it, or correct "
                "HITL_SCHEMA_REGISTRY_URL (without it the ids of our own list hold)."
            ) from error
        except ValueError as error:  # http.client.InvalidURL and the like
            raise NoRegistry(f"{self.address} is no address ({error}): correct HITL_SCHEMA_REGISTRY_URL.") from error
        return self._checked(answer, path)

    def _checked(self, answer: Answer, path: str) -> Answer:
        if answer.status in DENIED:
            raise RegistryDenied(
                f"the schema registry at {self.address} denies {path} ({answer.status}): correct "
                "HITL_SCHEMA_REGISTRY_USER and HITL_SCHEMA_REGISTRY_PASSWORD, or the rights of that user."
            )
        if answer.status >= 500 or answer.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS):
            raise RegistryUnavailable(
                f"the schema registry at {self.address} cannot serve now ({answer.status} for {path}); "
                "its own log says why."
            )
        if 300 <= answer.status < 400 or len(answer.body) > LARGEST_ANSWER:
            raise NoRegistry(f"{self.address}{path} answers {answer.status}, as no schema registry does: {ADVICE}")
        return answer


ADVICE: Final = (
    "name the Confluent API in HITL_SCHEMA_REGISTRY_URL (of Apicurio: http://HOST:PORT/apis/ccompat/v7), "
    "without redirects."
)


def _rest(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read(LARGEST_ANSWER + 1)
    except (OSError, HTTPException):
        return b""
