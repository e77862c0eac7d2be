"""The job of one output: a request of 234 bytes in, a scalar rule, a decision of about 100 bytes out."""

import json
import math
import struct
from io import BytesIO
from operator import mul
from typing import Any, Final

import fastavro
import msgspec

NAME: Final = "one output"
SOURCE: Final = "bench-requests"
TARGET: Final = "bench-decisions"
HEADER: Final = struct.Struct(">bI")  # magic byte, schema id: the Confluent wire format
REQUEST_ID: Final = 9_001
DECISION_ID: Final = 9_002
REQUEST_SCHEMA: Final = json.dumps(
    {
        "type": "record",
        "name": "JobRequest",
        "namespace": "benchmark",
        "fields": [
            {"name": "request_id", "type": "string"},
            {"name": "workflow", "type": "string"},
            {"name": "features", "type": "bytes"},
            {"name": "attributes", "type": {"type": "map", "values": "string"}},
            {"name": "requested_at", "type": "long"},
        ],
    }
)
DECISION_SCHEMA: Final = json.dumps(
    {
        "type": "record",
        "name": "JobDecision",
        "namespace": "benchmark",
        "fields": [
            {"name": "request_id", "type": "string"},
            {"name": "workflow", "type": "string"},
            {"name": "label", "type": "string"},
            {"name": "confidence", "type": "double"},
            {"name": "model", "type": "string"},
            {"name": "requested_at", "type": "long"},
        ],
    }
)
_REQUEST: Final = fastavro.parse_schema(json.loads(REQUEST_SCHEMA))
_DECISION: Final = fastavro.parse_schema(json.loads(DECISION_SCHEMA))
_HEAD: Final = HEADER.pack(0, DECISION_ID)
FEATURES: Final = struct.Struct("<16f")
WEIGHTS: Final = tuple((-1) ** i * 0.1 * (i + 1) for i in range(16))
MODEL: Final = "logistic-16@" + "5a" * 17


class JobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request as a typed event."""

    request_id: str
    workflow: str
    features: bytes
    attributes: dict[str, str]
    requested_at: int


class JobDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision as a typed event."""

    request_id: str
    workflow: str
    label: str
    confidence: float
    model: str
    requested_at: int


def rule(features: bytes, attributes: dict[str, str]) -> tuple[str, float]:
    """Label and confidence: a logistic score of 16 numbers, in plain Python so that single records cost no more."""
    score = sum(map(mul, WEIGHTS, FEATURES.unpack(features))) + (attributes["language"] == "en")
    probability = 1 / (1 + math.exp(-score))
    return ("approve", probability) if probability >= 0.5 else ("reject", 1 - probability)


def decode(value: bytes) -> dict[str, Any]:
    """A request as a plain dictionary, as peers would read it."""
    stream = BytesIO(value)
    stream.seek(HEADER.size)
    plain = fastavro.schemaless_reader(stream, _REQUEST, None)
    assert isinstance(plain, dict)
    return plain


def encode(plain: dict[str, Any]) -> bytes:
    """The wire bytes of a decision."""
    stream = BytesIO()
    stream.write(_HEAD)
    fastavro.schemaless_writer(stream, _DECISION, plain)
    return stream.getvalue()


def decide(request: dict[str, Any]) -> dict[str, Any]:
    """The decision about a request, both as plain dictionaries."""
    label, confidence = rule(request["features"], request["attributes"])
    return {
        "request_id": request["request_id"],
        "workflow": request["workflow"],
        "label": label,
        "confidence": confidence,
        "model": MODEL,
        "requested_at": request["requested_at"],
    }


def answer(value: bytes) -> bytes:
    """Wire bytes to wire bytes: everything that is not the framework."""
    return encode(decide(decode(value)))


def request_bytes(number: int) -> bytes:
    """A request on the wire; 234 bytes."""
    stream = BytesIO()
    stream.write(HEADER.pack(0, REQUEST_ID))
    features = FEATURES.pack(*(math.sin(number * (i + 1)) for i in range(16)))
    attributes = {"language": "en" if number % 2 else "de", "country": "DE", "channel": "web-app", "tier": "standard",
                  "device": "mobile phone, portrait", "segment": "retail-customers, new since this year"}  # fmt: skip
    fastavro.schemaless_writer(stream, _REQUEST, {
        "request_id": request_id(number), "workflow": "moderation", "features": features, "attributes": attributes,
        "requested_at": 1_800_000_000_000 + number,
    })  # fmt: skip
    return stream.getvalue()


def request_id(number: int) -> str:
    return f"request-{number:08d}"
