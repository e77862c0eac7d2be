"""What went wrong, as upstream systems read it (RFC 9457): every `detail` says what to do."""

from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from infra.http.limits import retry_after

MEDIA_TYPE: Final = "application/problem+json"


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem; `reason` is a stable word for machines."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    reason: str | None = None


class Problem(Exception):
    """Ends a request with a problem; `retry_seconds` when the same request may succeed later."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        reason: str | None = None,
        retry_seconds: float | None = None,
        challenge: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.reason = status, detail, reason
        self.headers: dict[str, str] = {}
        if retry_seconds is not None:
            self.headers["Retry-After"] = retry_after(retry_seconds)
        if challenge is not None:
            self.headers["WWW-Authenticate"] = challenge

    def body(self) -> ProblemBody:
        """What is sent."""
        title = HTTPStatus(self.status).phrase
        return ProblemBody(title=title, status=self.status, detail=self.detail, reason=self.reason)

    def response(self) -> Response:
        """The answer over HTTP."""
        return Response(msgspec.json.encode(self.body()), self.status, self.headers, MEDIA_TYPE)
