"""Requests as they come from outside: what they hold, and whether any stage could take them."""

import math
from typing import Any, Final

import msgspec

from infra.kafka.intake import LONGEST_KEY
from schemas.codec import Codec
from schemas.events import DecisionRequested
from schemas.topics import REQUESTS
from schemas.values import Payload
from streams.workflow.types import WorkflowType

FLOAT_BYTES: Final = 4
SHA256_BYTES: Final = 32


class RequestRefused(ValueError):
    """A request that could never be decided; nothing of it was sent."""


def payload_of(given: dict[str, Any] | str | None, workflow_type: WorkflowType) -> Payload | None:
    """What is to be decided; a text becomes the workflow's text field. Raises `RequestRefused`."""
    if given is None:
        return None
    if isinstance(given, str):
        if workflow_type.featurizer != "text":
            return Payload(content_type="text/plain", body=_utf8(given))
        given = {workflow_type.text_field: given}
    try:
        return Payload(body=msgspec.json.encode(given))
    except (ValueError, RecursionError) as error:  # a lone surrogate, nesting without end
        raise RequestRefused(f"the payload cannot be kept ({error}); correct it") from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RequestRefused(f"the payload is no Unicode text ({error}); correct it") from error


def checked(request: DecisionRequested, codec: Codec) -> bytes:
    """The wire bytes of a request. Raises `RequestRefused` when a stage or the broker would not take them."""
    _check_names(request)
    _check_content(request)
    try:
        value = codec.encode(request)
    except ValueError as error:  # a lone surrogate, for example
        raise RequestRefused(f"cannot be written: {error}") from error
    if len(value) > REQUESTS.max_value_bytes:
        raise RequestRefused(
            f"is {len(value):,} bytes, more than the {REQUESTS.max_value_bytes:,} of a request: "
            "store the content elsewhere and send content_uri and content_sha256"
        )
    return value


def _check_names(request: DecisionRequested) -> None:
    if not request.request_id.strip():
        raise RequestRefused("the request id is empty")
    size = len(request.request_id.encode(errors="surrogatepass"))
    if size > LONGEST_KEY:
        raise RequestRefused(f"the request id has {size:,} bytes, more than {LONGEST_KEY:,}")
    if not request.workflow:
        raise RequestRefused("the workflow is empty")


def _check_content(request: DecisionRequested) -> None:
    payload = request.payload
    if payload is None and request.content_uri is None and request.features is None:
        raise RequestRefused("there is nothing to decide: no payload, no content_uri, no features")
    if request.content_uri is not None and len(request.content_sha256 or b"") != SHA256_BYTES:
        raise RequestRefused("content_uri needs content_sha256, the 32 bytes of its digest")
    if request.features is not None and (not request.features or len(request.features) % FLOAT_BYTES):
        raise RequestRefused(f"features have {len(request.features)} bytes, not float32 numbers of 4 bytes each")
    for name, value in request.attributes.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise RequestRefused(f"the attribute {name} is {value}, not a finite number")
