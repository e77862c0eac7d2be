"""Bytes at the rim: events to and from the Confluent wire format, one decode and one encode a record."""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final

import fastavro
import msgspec
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from schemas.avsc import parse_avsc
from schemas.events import EVENT_TYPES, Event
from schemas.reading import Decode, decoder
from schemas.writing import Encode, encoder

MAGIC: Final = 0
HEADER: Final = struct.Struct(">bI")  # magic byte, schema id
BODY: Final = HEADER.size  # where the Avro body begins
AVRO: Final = files("schemas") / "avro"


class Undecodable(Exception):
    """The bytes are no event of ours: `reason` is a stable word, `detail` says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVersion:
    """One published version of one event's schema."""

    name: str
    version: int
    schema_id: int
    fingerprint: bytes  # CRC-64-AVRO, 8 bytes little-endian
    source: str

    @property
    def key(self) -> str:
        return f"{self.name}/v{self.version}"


@cache
def published() -> tuple[SchemaVersion, ...]:
    """Every published schema version, from the committed list of ids; the last of a name is current."""
    ids: dict[str, dict[str, Any]] = json.loads((AVRO / "ids.json").read_text())
    versions = []
    for key, entry in ids.items():
        name, _, version = key.partition("/v")
        source = (AVRO / name / f"v{version}.avsc").read_text()
        versions.append(
            SchemaVersion(
                name=name,
                version=int(version),
                schema_id=entry["id"],
                fingerprint=bytes.fromhex(entry["fingerprint"]),
                source=source,
            )
        )
    return tuple(versions)


def schema_fingerprint(schema: Mapping[str, Any]) -> bytes:
    """CRC-64-AVRO of the parsing canonical form (Avro specification, "Schema Fingerprints"), 8 bytes."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(dict(schema)), "CRC-64-AVRO"))


class _Reader:
    """Reads bodies that one schema version wrote into the current Python type of that event."""

    __slots__ = ("decode", "event_type", "fingerprint")
    decode: Callable[[bytes, int], Event]  # from bytes and the offset of the body; `refusal` of whatever it raises

    def __init__(self, version: SchemaVersion, current: SchemaVersion, event_type: type[Event]) -> None:
        self.event_type, self.fingerprint = event_type, version.fingerprint
        if version.fingerprint == current.fingerprint:
            self.decode = decoder(parse_avsc(version.source), event_type)
        else:
            self.decode = resolving(version.source, current.source, event_type)

    def refusal(self, error: Exception) -> Undecodable:
        """What the bytes provoked: a field that its type refuses, or an IndexError, KeyError, UnicodeError …"""
        if isinstance(error, msgspec.ValidationError):
            return Undecodable("invalid", f"{self.event_type.__name__}: {error}")
        return Undecodable("undecodable", f"{self.event_type.__name__}: {error!r}")


def resolving(written: str, current: str, event_type: type[Event]) -> Decode:
    """A decoder of what an older schema wrote, by schema resolution; rare, so left to fastavro."""
    writer, reader = (parse_schema(without_logical_types(json.loads(source))) for source in (written, current))

    def decode(data: bytes, start: int) -> Event:
        stream = BytesIO(data)
        stream.seek(start)
        plain = fastavro.schemaless_reader(stream, writer, reader)
        if stream.tell() != len(data):
            raise ValueError(f"{len(data) - stream.tell()} bytes too many")
        return msgspec.convert(plain, event_type)

    return decode


def without_logical_types(schema: Any) -> Any:
    """The same schema on the wire, with timestamps as plain integers instead of datetime objects."""
    match schema:
        case dict():
            return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
        case list():
            return [without_logical_types(v) for v in schema]
        case _:
            return schema


class Codec:
    """Events to bytes and back, for one id space: `ids` maps each schema's fingerprint to its id there.

    Raises `LookupError` when a current schema has no id: register the schemas first (`hitl schemas load`).
    """

    def __init__(self, ids: Mapping[bytes, int]) -> None:
        self.ids = dict(ids)
        types = {t.__name__: t for t in EVENT_TYPES}
        current = {v.name: v for v in published()}
        self._readers: dict[bytes, _Reader] = {}  # by wire header
        self._by_fingerprint: dict[bytes, _Reader] = {}
        self._writers: dict[type[Event], Encode] = {}
        self.fingerprints: dict[type[Event], bytes] = {}
        for version in published():
            reader = _Reader(version, current[version.name], types[version.name])
            self._by_fingerprint[version.fingerprint] = reader
            if version.fingerprint in ids:
                self._readers[HEADER.pack(MAGIC, ids[version.fingerprint])] = reader
        for name, version in current.items():
            if version.fingerprint not in ids:
                raise LookupError(f"schema {version.key} has no id: register it first (`hitl schemas load`)")
            header = HEADER.pack(MAGIC, ids[version.fingerprint])
            self._writers[types[name]] = encoder(parse_avsc(version.source), header)
            self.fingerprints[types[name]] = version.fingerprint

    @classmethod
    def of_repository(cls) -> "Codec":
        """The codec over the ids that are committed beside the schemas."""
        return cls({v.fingerprint: v.schema_id for v in published()})

    def encode(self, event: Event) -> bytes:
        """Wire bytes of an event. Raises `ValueError` when a field has a value its schema cannot hold."""
        try:
            return self._writers[type(event)](event)
        except (TypeError, AttributeError, KeyError, OverflowError, struct.error) as error:
            raise ValueError(f"{type(event).__name__} cannot be written: {error!r}") from error

    def decode(self, value: bytes | None) -> Event:
        """The event in wire bytes. Raises `Undecodable` with a reason; never anything else."""
        if value is None:
            raise Undecodable("empty", "a record without a value")
        reader = self._readers.get(value[:BODY])
        if reader is None:
            raise _unknown(value)
        try:
            return reader.decode(value, BODY)
        except Exception as error:
            raise reader.refusal(error) from error

    def decode_body(self, body: bytes, fingerprint: bytes) -> Event:
        """The event in a bare Avro body, such as a request handed on as stored. Raises `Undecodable`."""
        reader = self._by_fingerprint.get(fingerprint)
        if reader is None:
            raise Undecodable("unknown_schema", f"no schema with fingerprint {fingerprint.hex()}")
        try:
            return reader.decode(body, 0)
        except Exception as error:
            raise reader.refusal(error) from error

    def body(self, value: bytes) -> tuple[bytes, bytes]:
        """Body and fingerprint of wire bytes that were decoded before, without decoding them again."""
        return value[BODY:], self._readers[value[:BODY]].fingerprint


def _unknown(value: bytes) -> Undecodable:
    """Why nothing reads bytes with this beginning."""
    if len(value) < BODY or value[0] != MAGIC:
        return Undecodable("undecodable", "no Confluent wire header: magic byte 0 and a 4-byte schema id")
    return Undecodable("unknown_schema", f"schema id {int.from_bytes(value[1:BODY], 'big')} is not one of ours")
