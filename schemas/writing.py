"""Encoders compiled from schemas: one expression per event type, straight from its attributes to Avro's bytes.

fastavro looks up the type of every value anew; a compiled expression knows it: a third of the price or less.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from schemas.avsc import Array, Declaration, Enum, Map, Node, Primitive, Record, SchemaInvalid, Union

Encode = Callable[[Any], bytes]
KEPT: Final = 512  # numbers kept as bytes: small ones for good, moments and offsets while they recur in a batch
TESTS: Final = {  # of a union's branches, in this order: True is an int as well
    "boolean": "v is True or v is False",
    "string": "isinstance(v, str)",
    "double": "isinstance(v, (float, int))",
}


class Long(dict[int, bytes]):
    """Zigzag variable-length integers (Apache Avro 1.12 specification, "Binary Encoding")."""

    def __missing__(self, number: int) -> bytes:
        if len(self) >= KEPT:
            self.clear()
            self.update(SMALL)
        found = self[number] = _long(number)
        return found


def _long(number: int) -> bytes:
    zigzag = number << 1 if number >= 0 else ~(number << 1)
    if zigzag >> 64:
        raise OverflowError(f"{number} does not fit in 64 bits")
    if 35 <= zigzag.bit_length() - 1 < 42:  # milliseconds since the epoch, until 2039
        return bytes(
            (zigzag & 127 | 128, zigzag >> 7 & 127 | 128, zigzag >> 14 & 127 | 128, zigzag >> 21 & 127 | 128,
             zigzag >> 28 & 127 | 128, zigzag >> 35)
        )  # fmt: skip
    out = bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


SMALL: Final = {number: _long(number) for number in range(256)}
LONG: Final = Long(SMALL)
BOOLEAN: Final = {False: b"\0", True: b"\1"}
DOUBLE: Final = struct.Struct("<d").pack


def encoder(schema: Declaration, head: bytes) -> Encode:
    """A function from an event to `head` and its Avro body.

    It raises TypeError, ValueError, AttributeError, KeyError or `struct.error` for what the schema cannot hold.
    """
    writing = _Writing(schema)
    parts = writing.parts(schema.root, "event")
    return writing.function("encode", "event", [f"return b''.join(({', '.join([repr(head), *parts])},))"])


class _Writing:
    """Source text in the making, and the objects it refers to."""

    def __init__(self, schema: Declaration) -> None:
        self._schema, self._names = schema, 0
        self._globals: dict[str, Any] = {"LONG": LONG, "BOOLEAN": BOOLEAN, "DOUBLE": DOUBLE}

    def function(self, name: str, argument: str, lines: list[str]) -> Encode:
        source = f"def {name}({argument}):\n" + "".join(f"    {line}\n" for line in lines)
        exec(compile(source, f"<{name} of {self._schema.record().name}>", "exec"), self._globals)
        made: Encode = self._globals[name]
        return made

    def parts(self, node: Node, value: str) -> list[str]:
        """Expressions of bytes that, joined, are the value."""
        node = self._schema.resolve(node)
        match node:
            case Primitive():
                return self._primitive(node.type, value)
            case Enum():
                name = self._name("symbols")
                self._globals[name] = {symbol: LONG[number] for number, symbol in enumerate(node.symbols)}
                return [f"{name}[{value}]"]
            case Record():
                return self._record(node, value)
            case Array():
                return self._many(node.items, "for v in values", [], value)
            case Map():
                return self._many(node.values, "for k, v in values.items()", self._primitive("string", "k"), value)
            case Union():
                return [self._optional(node.nullable, value) if node.nullable else self._one_of(node, value)]
            case _:
                raise SchemaInvalid(f"{node} is not used in events")

    def _primitive(self, kind: str, value: str) -> list[str]:
        match kind:
            case "string":
                name = self._name("s")
                return [f"LONG[len({name} := {value}.encode())]", name]
            case "bytes":
                name = self._name("s")
                return [f"LONG[len({name} := {value})]", name]
            case "int" | "long":
                return [f"LONG[{value}]"]
            case "double":
                return [f"DOUBLE({value})"]
            case "boolean":
                return [f"BOOLEAN[{value}]"]
            case _:
                raise SchemaInvalid(f"{kind} is not used in events")

    def _record(self, node: Record, value: str) -> list[str]:
        name = self._name("r")
        first, *others = node.fields
        made = self.parts(first.type, f"({name} := {value}).{first.name}")
        for field in others:
            made += self.parts(field.type, f"{name}.{field.name}")
        return made

    def _many(self, items: Node, loop: str, key: list[str], value: str) -> list[str]:
        name = self._name("many")
        each = " + ".join([*key, *self.parts(items, "v")])
        self.function(name, "values", [
            "if not values: return b'\\0'",
            f"return LONG[len(values)] + b''.join([{each} {loop}]) + b'\\0'",
        ])  # fmt: skip
        return [f"{name}({value})"]

    def _optional(self, inner: Node, value: str) -> str:
        name = self._name("o")
        return f"(b'\\0' if ({name} := {value}) is None else b''.join((b'\\2', {', '.join(self.parts(inner, name))})))"

    def _one_of(self, node: Union, value: str) -> str:
        name, kinds = self._name("one_of"), [branch.type for branch in node.branches if isinstance(branch, Primitive)]
        if len(kinds) < len(node.branches) or not TESTS.keys() >= set(kinds):
            raise SchemaInvalid(f"a union of {node.branches} is not used in events")
        parts = {kind: " + ".join([f"LONG[{kinds.index(kind)}]", *self._primitive(kind, "v")]) for kind in kinds}
        lines = [f"if {test}: return {parts[kind]}" for kind, test in TESTS.items() if kind in parts]
        self.function(name, "v", [*lines, "raise TypeError(f'{v!r} is in no branch')"])
        return f"{name}({value})"

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"
