"""An `.avsc` file as typed values, names spelt out in full (Apache Avro 1.12 specification, "Schema Declaration")."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class SchemaInvalid(ValueError):
    """The document is no Avro schema; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """A value without parts, such as `long`; `logical` is its meaning for people, such as `timestamp-millis`."""

    type: str
    logical: str | None = None


@dataclass(frozen=True, slots=True)
class Array:
    items: "Node"


@dataclass(frozen=True, slots=True)
class Map:
    values: "Node"


@dataclass(frozen=True, slots=True)
class Union:
    branches: tuple["Node", ...]

    @property
    def nullable(self) -> "Node | None":
        """The other branch of `["null", X]`, if it is that."""
        if len(self.branches) == 2 and self.branches[0] == Primitive("null"):
            return self.branches[1]
        return None


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    symbols: tuple[str, ...]
    default: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fixed:
    name: str
    size: int
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `default` counts only when `has_default`."""

    name: str
    type: "Node"
    doc: str = ""
    has_default: bool = False
    default: Json = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    fields: tuple[Field, ...]
    doc: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A use of a type that is declared elsewhere in the document."""

    name: str


Definition = Enum | Fixed | Record
Node = Primitive | Array | Map | Union | Enum | Fixed | Record | Named


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole document: what it describes, and the named types declared in it."""

    root: Node
    named: Mapping[str, Definition]

    def resolve(self, node: Node) -> Node:
        """The node itself, or what it names."""
        return self.named[node.name] if isinstance(node, Named) else node

    def record(self) -> Record:
        """The root, where it is a record as in every event."""
        if not isinstance(self.root, Record):
            raise SchemaInvalid("an event's schema must be a record")
        return self.root


def parse_avsc(document: str) -> Declaration:
    """Read an `.avsc` document. Raises `SchemaInvalid`."""
    named: dict[str, Definition] = {}
    return Declaration(_Parser(named).node(json.loads(document), ""), named)


def unqualified(name: str) -> str:
    """The name without its namespace; schema resolution compares only this."""
    return name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class _Parser:
    named: dict[str, Definition]

    def node(self, json_node: Json, namespace: str) -> Node:
        if isinstance(json_node, str):
            return Primitive(json_node) if json_node in PRIMITIVES else self._use(json_node, namespace)
        if isinstance(json_node, list):
            return Union(tuple(self.node(branch, namespace) for branch in json_node))
        if isinstance(json_node, dict):
            return self._spelt_out(json_node, namespace)
        raise SchemaInvalid(f"not an Avro type: {json_node!r}")

    def _spelt_out(self, node: dict[str, Json], namespace: str) -> Node:
        match node:
            case {"type": "array", "items": items}:
                return Array(self.node(items, namespace))
            case {"type": "map", "values": values}:
                return Map(self.node(values, namespace))
            case {"type": "enum" | "fixed" | "record", "name": str()}:
                return self._declare(node, namespace)
            case {"type": str(name)} if name in PRIMITIVES:
                return Primitive(name, _text(node, "logicalType") or None)
            case {"type": inner} if not isinstance(inner, str):
                return self.node(inner, namespace)
            case _:
                raise SchemaInvalid(f"not an Avro type: {json.dumps(node)[:200]}")

    def _use(self, name: str, namespace: str) -> Named:
        full = _full(name, namespace)
        if full not in self.named:
            raise SchemaInvalid(f"type {full} is used before it is declared")
        return Named(full)

    def _declare(self, node: dict[str, Json], namespace: str) -> Definition:
        full = _full(_text(node, "name"), _text(node, "namespace") or namespace)
        inside = full.rpartition(".")[0]
        aliases = tuple(_full(alias, inside) for alias in _texts(node, "aliases"))
        if full in self.named:
            raise SchemaInvalid(f"type {full} is declared twice")
        match node:
            case {"type": "enum"}:
                made: Definition = Enum(full, _texts(node, "symbols"), _text(node, "default") or None, aliases)
            case {"type": "fixed", "size": int(size)}:
                made = Fixed(full, size, aliases)
            case {"type": "record", "fields": list(fields)}:
                self.named[full] = Record(full, ())  # a record may use itself
                made = Record(full, tuple(self._field(f, inside) for f in fields), _text(node, "doc"), aliases)
            case _:
                raise SchemaInvalid(f"type {full} lacks its size, symbols or fields")
        self.named[full] = made
        return made

    def _field(self, node: Json, namespace: str) -> Field:
        if not isinstance(node, dict) or "name" not in node or "type" not in node:
            raise SchemaInvalid(f"not a field with name and type: {json.dumps(node)[:200]}")
        return Field(
            name=_text(node, "name"),
            type=self.node(node["type"], namespace),
            doc=_text(node, "doc"),
            has_default="default" in node,
            default=node.get("default"),
            aliases=_texts(node, "aliases"),
        )


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _text(node: Mapping[str, Json], key: str) -> str:
    found = node.get(key, "")
    if not isinstance(found, str):
        raise SchemaInvalid(f"`{key}` must be text, not {found!r}")
    return found


def _texts(node: Mapping[str, Json], key: str) -> tuple[str, ...]:
    found = node.get(key, [])
    if not isinstance(found, list):
        raise SchemaInvalid(f"`{key}` must be a list of text, not {found!r}")
    return tuple(str(each) for each in found)
