"""Decoders compiled from schemas: straight-line Python per event type, from Avro's bytes to the typed event.

fastavro makes dictionaries, which msgspec then converts; a compiled decoder makes the event at once.
"""

import struct
from collections.abc import Callable
from enum import StrEnum
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from schemas.avsc import Array, Declaration, Enum, Map, Node, Primitive, Record, SchemaInvalid, Union

Decode = Callable[[bytes, int], Any]
INDENT: Final = " "
BOOLEAN: Final = {0: False, 1: True}
DOUBLE: Final = struct.Struct("<d").unpack_from
MARKS: Final = tuple(sum(128 << 7 * place for place in range(n)) for n in range(6))  # the marks of n bytes


def decoder(schema: Declaration, event_type: type[Any]) -> Decode:
    """A function from bytes and the offset of a body to the event.

    It raises ValueError, IndexError, KeyError or `struct.error` for bytes that are none, and for what lies behind it.
    """
    reading = _Reading(schema)
    reading.read(schema.root, event_type, "event", 1)
    reading.line(1, "if at != len(data): raise ValueError(f'{len(data) - at} bytes too many')")
    reading.line(1, "return event")
    source = "def decode(data, at):\n" + "\n".join(reading.lines)
    exec(compile(source, f"<decode of {schema.record().name}>", "exec"), reading.objects)
    made: Decode = reading.objects["decode"]
    return made


def more(data: bytes, at: int, number: int) -> tuple[int, int]:
    """A number whose first byte was read, and where it ends (zigzag; specification, "Binary Encoding")."""
    if number > 127:  # lengths, offsets and moments until 2039 are written out: a loop costs half as much again
        second = data[at]
        if second < 128:
            number, at = number + (second << 7) - MARKS[1], at + 1
        elif (third := data[at + 1]) < 128:
            number, at = number + (second << 7) + (third << 14) - MARKS[2], at + 2
        elif (fourth := data[at + 2]) < 128:
            number, at = number + (second << 7) + (third << 14) + (fourth << 21) - MARKS[3], at + 3
        else:
            number += (second << 7) + (third << 14) + (fourth << 21)
            if (fifth := data[at + 3]) > 127 and (sixth := data[at + 4]) < 128:
                number, at = number + (fifth << 28) + (sixth << 35) - MARKS[5], at + 5
            else:
                number, at = _long(data, at + 3, number - MARKS[4])
    return (~(number >> 1) if number & 1 else number >> 1), at


def _long(data: bytes, at: int, number: int) -> tuple[int, int]:
    """As `more`, from the fifth byte on, before the sign is put right."""
    shift = 28
    while (byte := data[at]) > 127:
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
    number |= byte << shift
    if number >> 64:
        raise ValueError("a number of more than 64 bits")
    return number, at + 1


def length(data: bytes, at: int, number: int) -> tuple[int, int]:
    """As `more`, of a string: not negative."""
    number, at = more(data, at, number)
    if number < 0:
        raise ValueError("a negative length")
    return number, at


class _Reading:
    """Source text in the making: every piece reads one value into a variable and moves `at` behind it."""

    def __init__(self, schema: Declaration) -> None:
        self._schema, self._names = schema, 0
        self.lines: list[str] = []
        self.objects: dict[str, Any] = {"more": more, "length": length, "BOOLEAN": BOOLEAN, "DOUBLE": DOUBLE}

    def line(self, depth: int, *texts: str) -> None:
        self.lines += [INDENT * depth + text for text in texts]

    def read(self, node: Node, kind: Any, into: str, depth: int) -> None:
        """Lines that read a value of a Python type."""
        node = self._schema.resolve(node)
        match node:
            case Primitive():
                self._primitive(node.type, kind, into, depth)
            case Enum():
                self._enum(node, kind, into, depth)
            case Record():
                self._record(node, kind, into, depth)
            case Array():
                self._blocks(into, "[]", depth)
                self.read(node.items, get_args(kind)[0], f"{into}_v", depth + 2)
                self.line(depth + 2, f"{into}.append({into}_v)")
                self.line(depth, f"{into} = tuple({into})")
            case Map():
                self._blocks(into, "{}", depth)
                self._primitive("string", str, f"{into}_k", depth + 2)
                self.read(node.values, get_args(kind)[1], f"{into}_v", depth + 2)
                self.line(depth + 2, f"{into}[{into}_k] = {into}_v")
            case Union():
                self._union(node, kind, into, depth)
            case _:
                raise SchemaInvalid(f"{node} is not used in events")

    def _number(self, into: str, depth: int, slow: str = "more") -> None:
        """A number into a variable; one test tells the common case, a single byte that is not negative."""
        self.line(depth, "n = data[at]", "at += 1")
        self.line(depth, f"if n & 129: {into}, at = {slow}(data, at, n)", f"else: {into} = n >> 1")

    def _primitive(self, name: str, kind: Any, into: str, depth: int) -> None:
        match name:
            case "string" | "bytes":
                self._number("size", depth, "length")
                text = ".decode()" if name == "string" else ""
                self.line(depth, "end = at + size", f"{into} = data[at:end]{text}", "at = end")
                if isinstance(kind, type) and issubclass(kind, StrEnum):
                    self.line(depth, f"{into} = {self._object(kind)}({into})")
            case "int" | "long":
                self._number(into, depth)
            case "double":
                self.line(depth, f"{into}, = DOUBLE(data, at)", "at += 8")
            case "boolean":
                self.line(depth, f"{into} = BOOLEAN[data[at]]", "at += 1")
            case _:
                raise SchemaInvalid(f"{name} is not used in events")

    def _enum(self, node: Enum, kind: Any, into: str, depth: int) -> None:
        if len(node.symbols) > 64:
            raise SchemaInvalid(f"{node.name} has more symbols than fit in a byte")
        name = self._object({2 * number: kind(symbol) for number, symbol in enumerate(node.symbols)})
        self.line(depth, f"{into} = {name}[data[at]]", "at += 1")

    def _record(self, node: Record, kind: Any, into: str, depth: int) -> None:
        hints = get_type_hints(kind)
        for field in node.fields:
            self.read(field.type, hints[field.name], f"{into}_{field.name}", depth)
        given = ", ".join(f"{field.name}={into}_{field.name}" for field in node.fields)
        self.line(depth, f"{into} = {self._object(kind)}({given})")

    def _blocks(self, into: str, empty: str, depth: int) -> None:
        """The loop over a collection's blocks; a negative count is followed by the block's size in bytes."""
        self.line(depth, f"{into} = {empty}", "while True:")
        self._number("count", depth + 1)
        self.line(depth + 1, "if not count: break", "if count < 0:")
        self._number("size", depth + 2)
        self.line(depth + 1, "for _ in range(abs(count)):")

    def _union(self, node: Union, kind: Any, into: str, depth: int) -> None:
        members = get_args(kind)
        if node.nullable is not None:
            members = (NoneType, *(member for member in members if member is not NoneType))
        branch = f"{into}_b"
        self.line(depth, f"{branch} = data[at]", "at += 1")
        for number, (inner, member) in enumerate(zip(node.branches, members, strict=True)):
            self.line(depth, f"{'elif' if number else 'if'} {branch} == {2 * number}:")
            if member is NoneType:
                self.line(depth + 1, f"{into} = None")
            else:
                self.read(inner, member, into, depth + 1)
        self.line(depth, "else: raise ValueError('no such branch')")

    def _object(self, found: Any) -> str:
        self._names += 1
        self.objects[f"OBJECT{self._names}"] = found
        return f"OBJECT{self._names}"
