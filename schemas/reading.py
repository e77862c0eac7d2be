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
MARKS: Final = tuple(sum(128 << 7 * place for place in range(n)) for n in range(5))  # the marks of n bytes
KEPT: Final = 512  # upper halves of moments, of which one lasts eight seconds; lengths of lists of numbers
LONGEST_SEEN: Final = 1_024  # bytes of a collection that is remembered


def decoder(schema: Declaration, event_type: type[Any]) -> Decode:
    """A function from bytes and the offset of a body to the event.

    It raises ValueError, IndexError, KeyError, OverflowError or `struct.error` for bytes that are none, and for what
    lies behind it.
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
    if number > 127:  # offsets and moments are written out: a loop costs half as much again
        second = data[at]
        if second < 128:
            number, at = number + (second << 7) - MARKS[1], at + 1
        elif (third := data[at + 1]) < 128:
            number, at = number + (second << 7) + (third << 14) - MARKS[2], at + 2
        elif (fourth := data[at + 2]) < 128:
            number, at = number + (second << 7) + (third << 14) + (fourth << 21) - MARKS[3], at + 3
        elif (fifth := data[at + 3]) < 128:
            number += (second << 7) + (third << 14) + (fourth << 21) + (fifth << 28) - MARKS[4]
            at += 4
        elif (upper := UPPER.get(data[at + 1 : at + 5])) is not None:
            number, at = number + (second << 7) + upper, at + 5
        else:
            number, at = _long(data, at, number)
    return (~(number >> 1) if number & 1 else number >> 1), at


UPPER: Final[dict[bytes, int]] = {}  # the last four of six bytes, as milliseconds since the epoch have until 2039


def _long(data: bytes, at: int, first: int) -> tuple[int, int]:
    """As `more`, of a number of more than five bytes, before the sign is put right."""
    number, start, shift = first & 127, at, 7
    while (byte := data[at]) > 127:
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
    number |= byte << shift
    if number >> 64:
        raise ValueError("a number of more than 64 bits")
    if shift == 35:
        if len(UPPER) >= KEPT:
            UPPER.clear()
        UPPER[data[start + 1 : at + 1]] = (number >> 14 << 14) - MARKS[2]
    return number, at + 1


def length(data: bytes, at: int, number: int) -> tuple[int, int]:
    """As `more`, of a string, whose first byte is more than 127 or odd: not negative."""
    if not number & 1 and (second := data[at]) < 128:
        return (number + (second << 7) - MARKS[1]) >> 1, at + 1
    number, at = more(data, at, number)
    if number < 0:
        raise ValueError("a negative length")
    return number, at


class _Doubles(dict[int, Callable[[bytes, int], tuple[float, ...]]]):
    """So many doubles at once."""

    def __missing__(self, count: int) -> Callable[[bytes, int], tuple[float, ...]]:
        if len(self) >= KEPT:
            self.clear()
        found = self[count] = struct.Struct(f"<{count}d").unpack_from
        return found


DOUBLES: Final = _Doubles()


class _Reading:
    """Source text in the making: every piece reads one value into a variable and moves `at` behind it."""

    def __init__(self, schema: Declaration) -> None:
        self._schema, self._names = schema, 0
        self.lines: list[str] = []
        self.objects: dict[str, Any] = {
            "more": more, "length": length, "BOOLEAN": BOOLEAN, "DOUBLE": DOUBLE, "DOUBLES": DOUBLES,
        }  # fmt: skip

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
                self._array(self._schema.resolve(node.items), kind, into, depth)
            case Map():
                self._map(self._schema.resolve(node.values), kind, into, depth)
            case Union():
                self._union(node, kind, into, depth)
            case _:
                raise SchemaInvalid(f"{node} is not used in events")

    def _number(self, into: str, depth: int) -> None:
        """A number into a variable; one test tells the common case, a single byte that is not negative."""
        self.line(depth, f"{into} = data[at]", "at += 1")
        self.line(depth, f"if {into} & 129: {into}, at = more(data, at, {into})", f"else: {into} >>= 1")

    def _primitive(self, name: str, kind: Any, into: str, depth: int) -> None:
        match name:
            case "string" | "bytes":
                self.line(depth, "n = data[at]", "if n & 129: n, at = length(data, at + 1, n)")
                self.line(depth, "else: at, n = at + 1, n >> 1")
                raw = "data[at:(at := at + n)]"
                if isinstance(kind, type) and issubclass(kind, StrEnum):
                    known = self._object({member.value.encode(): member for member in kind})
                    self.line(depth, f"{into} = {known}.get(raw := {raw}) or {self._object(kind)}(raw.decode())")
                else:
                    self.line(depth, f"{into} = {raw}" + (".decode()" if name == "string" else ""))
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

    def _array(self, items: Node, kind: Any, into: str, depth: int) -> None:
        if items == Primitive("double"):
            self.line(depth, f"{into} = []")  # a tuple would be copied at every block
            self._blocks(depth)
            self.line(depth + 1, f"{into} += DOUBLES[count](data, at)", "at += 8 * count")
            self.line(depth, "else: at += 1", f"{into} = tuple({into})")
            return
        seen = self._unless_seen((), into, depth) if items == Primitive("string") else None
        within = depth + 1 if seen else depth
        self.line(within, f"{into} = []")
        self._blocks(within)
        self.line(within + 1, "for _ in range(count):")
        self.read(items, get_args(kind)[0], f"{into}_v", within + 2)
        self.line(within + 2, f"{into}.append({into}_v)")
        self.line(within, "else: at += 1", f"{into} = tuple({into})")
        if seen:
            self.line(within, f"if at - start <= {LONGEST_SEEN}: {seen}[0] = data[start:at], {into}")

    def _map(self, values: Node, kind: Any, into: str, depth: int) -> None:
        seen = self._unless_seen({}, into, depth) if values == Primitive("long") else None
        within = depth + 1 if seen else depth
        self.line(within, f"{into} = {{}}")
        self._blocks(within)
        self.line(within + 1, "for _ in range(count):")
        self._primitive("string", str, f"{into}_k", within + 2)
        self.read(values, get_args(kind)[1], f"{into}_v", within + 2)
        self.line(within + 2, f"{into}[{into}_k] = {into}_v")
        self.line(within, "else: at += 1")
        if seen:
            self.line(within, f"if at - start <= {LONGEST_SEEN}: {seen}[0] = data[start:at], {into}.copy()")

    def _unless_seen(self, empty: tuple[()] | dict[str, int], into: str, depth: int) -> str:
        """Opens a branch for what differs from the last record's, as classes and offsets of configurations seldom do.

        The same bytes are the same value: where a value ends is told by itself, never by what follows.
        """
        seen, copied = self._object([(b"\0", empty)]), ".copy()" if isinstance(empty, dict) else ""
        self.line(depth, f"raw, {into} = {seen}[0]")
        self.line(depth, f"if not data[at]: {into}, at = {empty}, at + 1")
        self.line(depth, f"elif data.startswith(raw, at): {into}, at = {into}{copied}, at + len(raw)")
        self.line(depth, "else:")
        self.line(depth + 1, "start = at")
        return seen

    def _blocks(self, depth: int) -> None:
        """The loop over a collection's blocks; a negative count is followed by the block's size in bytes.

        A zero ends it, of one byte as a rule: then the loop's `else` moves behind it.
        """
        self.line(depth, "while count := data[at]:", " at += 1", " if count & 129:")
        self.line(depth + 2, "count, at = more(data, at, count)", "if not count: break", "if count < 0:")
        self.line(depth + 3, "count = -count")
        self._number("n", depth + 3)
        self.line(depth + 1, "else: count >>= 1")

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
