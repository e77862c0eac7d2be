"""Bytes at the rim: events to and from the Confluent wire format, one decode and one encode a record."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final

import fastavro
import msgspec
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from schemas.events import EVENT_TYPES, Event

MAGIC: Final = 0
HEADER: Final = struct.Struct(">bI")  # magic byte, schema id
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


def without_logical_types(schema: Any) -> Any:
    """The same schema on the wire, with timestamps as plain integers: datetime objects cost 1 µs each."""
    match schema:
        case dict():
            return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
        case list():
            return [without_logical_types(v) for v in schema]
        case _:
            return schema


def nullable_named(parsed: Any) -> tuple[tuple[str, str], ...]:
    """(field, type name) of the `["null", record or enum]` fields of a parsed schema.

    Told the branch by name, fastavro need not find it by validating the whole value: 4 to 8 µs less for a record.
    """
    unions = {f["name"]: f["type"] for f in parsed["fields"] if isinstance(f["type"], list) and len(f["type"]) == 2}
    names = {field: (b.get("name", "") if isinstance(b, dict) else b) for field, (_, b) in unions.items()}
    return tuple((field, name) for field, name in names.items() if "." in name)


class _Reader:
    """Reads bodies that one schema version wrote into the current Python type of that event."""

    __slots__ = ("event_type", "fingerprint", "reader", "writer")

    def __init__(self, version: SchemaVersion, current: SchemaVersion, event_type: type[Event]) -> None:
        self.writer = parse_schema(without_logical_types(json.loads(version.source)))
        same = version.fingerprint == current.fingerprint
        self.reader = None if same else parse_schema(without_logical_types(json.loads(current.source)))
        self.event_type = event_type
        self.fingerprint = version.fingerprint

    def read(self, stream: BytesIO, size: int) -> Event:
        try:
            plain = fastavro.schemaless_reader(stream, self.writer, self.reader)
        except Exception as error:  # fastavro raises whatever the bytes provoke: EOFError, IndexError, UnicodeError …
            raise Undecodable("undecodable", f"{self.event_type.__name__}: {error!r}") from error
        if stream.tell() != size:
            raise Undecodable("undecodable", f"{self.event_type.__name__}: {size - stream.tell()} bytes too many")
        try:
            return msgspec.convert(plain, self.event_type)
        except msgspec.ValidationError as error:
            raise Undecodable("invalid", f"{self.event_type.__name__}: {error}") from error


class Codec:
    """Events to bytes and back, for one id space: `ids` maps each schema's fingerprint to its id there.

    Raises `LookupError` when a current schema has no id: register the schemas first (`hitl topics apply`).
    """

    def __init__(self, ids: Mapping[bytes, int]) -> None:
        types = {t.__name__: t for t in EVENT_TYPES}
        current = {v.name: v for v in published()}
        self._readers: dict[int, _Reader] = {}
        self._by_fingerprint: dict[bytes, _Reader] = {}
        self._writers: dict[type[Event], tuple[bytes, Any, tuple[tuple[str, str], ...]]] = {}
        self.fingerprints: dict[type[Event], bytes] = {}
        for version in published():
            reader = _Reader(version, current[version.name], types[version.name])
            self._by_fingerprint[version.fingerprint] = reader
            if version.fingerprint in ids:
                self._readers[ids[version.fingerprint]] = reader
        for name, version in current.items():
            if version.fingerprint not in ids:
                raise LookupError(f"schema {version.key} has no id in this cluster: run `hitl topics apply`")
            header = HEADER.pack(MAGIC, ids[version.fingerprint])
            schema = self._by_fingerprint[version.fingerprint].writer
            self._writers[types[name]] = (header, schema, nullable_named(schema))
            self.fingerprints[types[name]] = version.fingerprint

    @classmethod
    def of_repository(cls) -> "Codec":
        """The codec over the ids that are committed beside the schemas."""
        return cls({v.fingerprint: v.schema_id for v in published()})

    def encode(self, event: Event) -> bytes:
        """Wire bytes of an event. Raises `ValueError` when a field has a value its schema cannot hold."""
        header, schema, nullable = self._writers[type(event)]
        stream = BytesIO()
        stream.write(header)
        try:
            plain = msgspec.to_builtins(event, builtin_types=(bytes,))
            for field, name in nullable:
                if plain[field] is not None:
                    plain[field] = (name, plain[field])
            fastavro.schemaless_writer(stream, schema, plain)
        except (TypeError, OverflowError, struct.error) as error:
            raise ValueError(f"{type(event).__name__} cannot be written: {error}") from error
        return stream.getvalue()

    def decode(self, value: bytes | None) -> Event:
        """The event in wire bytes. Raises `Undecodable` with a reason; never anything else."""
        if value is None:
            raise Undecodable("empty", "a record without a value")
        if len(value) < HEADER.size or value[0] != MAGIC:
            raise Undecodable("undecodable", "no Confluent wire header: magic byte 0 and a 4-byte schema id")
        schema_id = int.from_bytes(value[1:5], "big")
        reader = self._readers.get(schema_id)
        if reader is None:
            raise Undecodable("unknown_schema", f"schema id {schema_id} is not one of ours")
        stream = BytesIO(value)
        stream.seek(HEADER.size)
        return reader.read(stream, len(value))

    def decode_body(self, body: bytes, fingerprint: bytes) -> Event:
        """The event in a bare Avro body, such as a request handed on as stored. Raises `Undecodable`."""
        reader = self._by_fingerprint.get(fingerprint)
        if reader is None:
            raise Undecodable("unknown_schema", f"no schema with fingerprint {fingerprint.hex()}")
        return reader.read(BytesIO(body), len(body))

    def body(self, value: bytes) -> tuple[bytes, bytes]:
        """Body and fingerprint of wire bytes that were decoded before, without decoding them again."""
        reader = self._readers[int.from_bytes(value[1:5], "big")]
        return value[HEADER.size :], reader.fingerprint

