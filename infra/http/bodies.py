"""What is sent in: its kind and size, and JSON as one of our types. Every refusal says what to do."""

from typing import Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from infra.http.problems import Problem

T = TypeVar("T")
MIB: Final = 1 << 20


class Unreadable(ValueError):
    """A body that is no JSON at all."""


class Invalid(ValueError):
    """JSON that is not what is asked for."""


def require_one_length(request: Request) -> None:
    """Raises `Problem` for a body whose end a proxy may see elsewhere than we: a second request could hide in it.

    RFC 9112, 6.3: such a request may be refused, and the connection must be closed.
    """
    if "content-length" in request.headers and "transfer-encoding" in request.headers:
        problem = Problem(400, "Say the length of a body in one way: send it again without one of both headers.")
        problem.headers["Connection"] = "close"
        raise problem


async def body_of(request: Request, *, most: int) -> bytes:
    """The whole JSON body. Raises `Problem` 400, 413 or 415, before more than `most` bytes are kept."""
    require_one_length(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, "Send JSON, and say so: `Content-Type: application/json`.", reason="content_type")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
    except ClientDisconnect as error:
        raise Problem(400, "The body ended too early; send it again.", reason="disconnected") from error
    return b"".join(parts)


def read_json(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """What a body says. Raises `Unreadable`, `Invalid`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(f"{error}; correct that field") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise Unreadable(f"the body is no JSON that can be read ({error}); correct it") from error


def _too_large(most: int) -> Problem:
    detail = (
        f"A body may have {most:,} bytes. Store large content elsewhere and send content_uri and content_sha256; "
        "split a batch."
    )
    return Problem(413, detail, reason="too_large")
