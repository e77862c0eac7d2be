"""What a request holds, as people read it."""

import msgspec

from schemas.events import DecisionRequested
from schemas.values import PayloadEncoding


def content_of(request: DecisionRequested) -> str:
    """The content as text, or a sentence about where it is."""
    payload = request.payload
    if payload is None:
        return f"stored at {request.content_uri}" if request.content_uri else "numbers only"
    if payload.encoding is PayloadEncoding.ENCRYPTED:
        return f"encrypted with the key {payload.key_id}"
    return payload.body.decode(errors="backslashreplace")


def fields_of(request: DecisionRequested) -> dict[str, object]:
    """The fields of a plain JSON payload; nothing for any other."""
    payload = request.payload
    if payload is None or payload.encoding is PayloadEncoding.ENCRYPTED:
        return {}
    try:
        return msgspec.json.decode(payload.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def summary(request: DecisionRequested | None, width: int = 60) -> str:
    """The first words of the content on one line, without the names of its texts."""
    if request is None:
        return ""
    fields = fields_of(request)
    texts = [value if isinstance(value, str) else f"{name} {value}" for name, value in fields.items()]
    line = " ".join((" · ".join(texts) if texts else content_of(request)).split())
    return line if len(line) <= width else line[: width - 1] + "…"
