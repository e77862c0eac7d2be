"""From what is posted to a request: JSON in, the event out, and for each mistake what to correct."""

import struct
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from infra.http.bodies import Invalid, read_json
from schemas.events import DecisionRequested
from streams.casework.issuing import TokenAsked
from streams.workflow.submitted import RequestRefused, payload_of
from streams.workflow.types import WorkflowType

T = TypeVar("T")
LONGEST_BATCH: Final = 1_000  # requests
Sha256 = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="hex digest of the content at content_uri")]
RequestId = Annotated[
    str, Meta(min_length=1, description="of your own; the same id again with the same content changes nothing")
]
Milliseconds = Annotated[int, Meta(ge=0, lt=1 << 53, description="by your clock, since the epoch")]
AppealId = Annotated[str, Meta(min_length=1, max_length=200, description="of your own: sent again, it changes nothing")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision that is asked for. Something to decide on is needed: payload, content_uri or features."""

    request_id: RequestId
    workflow: Annotated[str, Meta(min_length=1, description="name of a workflow with a published policy")]
    payload: Annotated[
        dict[str, Any] | str | None, Meta(description="any JSON object; a text becomes the workflow's text field")
    ] = None
    content_uri: Annotated[str | None, Meta(description="where large content lies; needs content_sha256")] = None
    content_sha256: Sha256 | None = None
    features: Annotated[list[float] | None, Meta(description="numbers for models on vectors; kept as float32")] = None
    attributes: Annotated[
        dict[str, str | bool | float], Meta(description="plain facts that the workflow's rules may read")
    ] = {}
    requires_audit: bool = False
    subject_id: Annotated[str | None, Meta(description="whom it is about, as a pseudonym")] = None
    source: Annotated[str, Meta(description="who asks; the name of the token when it is not given")] = ""
    submitted_at: Milliseconds | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 requests; each is judged by itself."""

    requests: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=LONGEST_BATCH)]


class BatchAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 1,000 requests; each is judged by itself."""

    requests: Annotated[list[Asked], Meta(min_length=1, max_length=LONGEST_BATCH)]


class Appealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody contests a decision."""

    statement: Annotated[str, Meta(max_length=20_000, description="why it is wrong; the expert reads it")] = ""
    filed_by: Annotated[str, Meta(max_length=200, description="who appeals, as a pseudonym")] = ""
    appeal_id: AppealId | None = None


_asked = msgspec.json.Decoder(Asked)
_batch = msgspec.json.Decoder(Batch)
_appealed = msgspec.json.Decoder(Appealed)
_token_asked = msgspec.json.Decoder(TokenAsked)


def asked_in(body: bytes | msgspec.Raw) -> Asked:
    """What is asked for. Raises `Unreadable`, `RequestRefused`."""
    return _read(_asked, body)


def batch_in(body: bytes) -> list[msgspec.Raw]:
    """The single bodies of a batch. Raises `Unreadable`, `RequestRefused`."""
    return _read(_batch, body).requests


def appealed_in(body: bytes) -> Appealed:
    """What is contested; nothing at all is an appeal without words. Raises `Unreadable`, `RequestRefused`."""
    return _read(_appealed, body or b"{}")


def token_asked_in(body: bytes) -> TokenAsked:
    """Which token is asked for. Raises `Unreadable`, `RequestRefused`."""
    return _read(_token_asked, body)


def _read(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    try:
        return read_json(decoder, body)
    except Invalid as error:
        raise RequestRefused(str(error)) from error


def request_of(asked: Asked, workflow_type: WorkflowType, *, source: str) -> DecisionRequested:
    """The event that goes into the log; the same body gives the same event. Raises `RequestRefused`."""
    return DecisionRequested(
        request_id=asked.request_id,
        workflow=asked.workflow,
        subject_id=asked.subject_id,
        payload=payload_of(asked.payload, workflow_type),
        content_uri=asked.content_uri,
        content_sha256=None if asked.content_sha256 is None else bytes.fromhex(asked.content_sha256),
        features=None if asked.features is None else _float32(asked.features),
        attributes=asked.attributes,
        requires_audit=asked.requires_audit,
        source=asked.source or source,
        submitted_at=asked.submitted_at,
    )


def _float32(numbers: list[float]) -> bytes:
    try:
        return struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError as error:
        raise RequestRefused("a feature is too large for a float32 number; scale it down") from error
