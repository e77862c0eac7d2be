"""Encoders compiled from schemas: one expression per event type, straight from its attributes to Avro's bytes.

fastavro looks up the type of every value anew; a compiled expression knows it: a third of the price or less. What comes
again is remembered: classes and offsets of configurations, and large records, which events share, since what a decision
rests on goes into its record and into its outcome. Events are values, which nobody changes once they are made: a large
record is known by its identity, whatever is inside; a map by its contents too, though not by their order.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from schemas.avsc import Array, Declaration, Enum, Map, Node, Primitive, Record, SchemaInvalid, Union

Encode = Callable[[Any], bytes]
KEPT: Final = 512  # upper parts of numbers, as bytes
LOWER_BITS: Final = 13  # of a number that is not negative, in its first two bytes
LARGE: Final = 4  # fields of a record, beyond which it is remembered
LONGEST_KEPT: Final = 4_096  # bytes of what is remembered
EMPTY: Final = "b'\\0'"  # source text of a collection without items
Kept = list[tuple[Any, bytes, Any]]  # just one: the last value, its bytes, and a copy where it could be changed
Remembering = tuple[Encode, Kept]
Shape = tuple[Any, ...]
TESTS: Final = {  # of a union's branches, in this order: True is an int as well
    "boolean": "v is True or v is False",
    "string": "isinstance(v, str)",
    "double": "isinstance(v, (float, int))",
}


def _unsigned(number: int) -> bytes:
    """Seven bits a byte, the least significant first; all but the last are marked."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _long(number: int) -> bytes:
    """Zigzag variable-length integers (Apache Avro 1.12 specification, "Binary Encoding")."""
    zigzag = number << 1 if number >= 0 else ~(number << 1)
    if zigzag >> 64:
        raise OverflowError(f"{number} does not fit in 64 bits")
    return _unsigned(zigzag)


class _Long(dict[int, bytes]):
    """Numbers as bytes. Those of up to two bytes that are not negative are kept."""

    def __missing__(self, number: int) -> bytes:
        return _long(number)


class _Upper(dict[int, bytes]):
    """What comes behind the first two bytes of a number; of moments one lasts eight seconds."""

    def __missing__(self, upper: int) -> bytes:
        if upper >> 63 - LOWER_BITS:
            raise OverflowError(f"a number of about {upper << LOWER_BITS} does not fit in 64 bits")
        if len(self) >= KEPT:
            self.clear()
        found = self[upper] = _unsigned(upper)
        return found


TWO_BYTES: Final = (1 << LOWER_BITS) - 1  # the largest number of two bytes
LONG: Final = _Long({number: _long(number) for number in range(TWO_BYTES + 1)})
LOWER: Final = tuple(bytes((n << 1 & 127 | 128, n >> 6 | 128)) for n in range(TWO_BYTES + 1))
UPPER: Final = _Upper()
BOOLEAN: Final = {False: b"\0", True: b"\1"}
DOUBLE: Final = struct.Struct("<d").pack
NOTHING: Final = object()  # is no value of any event
_LARGE: Final[dict[Shape, Remembering]] = {}


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
        self._globals: dict[str, Any] = {
            "LONG": LONG, "LOWER": LOWER, "UPPER": UPPER, "BOOLEAN": BOOLEAN, "DOUBLE": DOUBLE,
        }  # fmt: skip

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
                return [self._many(node, value, "for v in values", self.parts(node.items, "v"))]
            case Map():
                parts = [*self._primitive("string", "k"), *self.parts(node.values, "v")]
                return [self._many(node, value, "for k, v in values.items()", parts)]
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
                name = self._name("n")
                large = f"LOWER[{name} & {TWO_BYTES}] + UPPER[{name} >> {LOWER_BITS}]"
                return [f"({large} if ({name} := {value}) > {TWO_BYTES} else LONG[{name}])"]
            case "double":
                return [f"DOUBLE({value})"]
            case "boolean":
                return [f"BOOLEAN[{value}]"]
            case _:
                raise SchemaInvalid(f"{kind} is not used in events")

    def _record(self, node: Record, value: str) -> list[str]:
        if node is not self._schema.root and len(node.fields) > LARGE:
            return [self._large(node, value)]
        name = self._name("r")
        first, *others = node.fields
        made = self.parts(first.type, f"({name} := {value}).{first.name}")
        for field in others:
            made += self.parts(field.type, f"{name}.{field.name}")
        return made

    def _large(self, node: Record, value: str) -> str:
        """A function that all encoders of such a record share, and with it what it remembers."""
        shape, name = self._shape(node), self._name("large")
        if shape not in _LARGE:
            inside = _Writing(Declaration(node, self._schema.named))
            joined = f"b''.join(({', '.join(inside.parts(node, 'event'))},))"
            _LARGE[shape] = inside.remembering("large", "event", joined)
        self._globals[name], self._globals[f"{name}_kept"] = _LARGE[shape]
        given = self._name("v")
        return f"({self._kept(name, f'({given} := {value})')} else {name}({given}))"

    def _many(self, node: Array | Map, value: str, loop: str, parts: list[str]) -> str:
        name, given = self._name("many"), self._name("v")
        made = f"LONG[len(values)] + b''.join([{' + '.join(parts)} {loop}]) + {EMPTY}"
        if node == Array(Primitive("string")):
            self.remembering(name, "values", made, also=" and type(values) is tuple")
            known = f"{self._kept(name, given)} else "
        elif node == Map(Primitive("long")):
            self.remembering(name, "values", made, copy="values.copy()")
            known = f"{self._kept(name, given, unchanged=True)} else "
        else:
            self.function(name, "values", [f"return {made}"])
            known = ""
        return f"({EMPTY} if not ({given} := {value}) else {known}{name}({given}))"

    def remembering(self, name: str, value: str, made: str, *, also: str = "", copy: str = "None") -> Remembering:
        """A function that keeps what it wrote last, in one step: several threads may write at once."""
        kept: Kept = [(NOTHING, b"", None)]
        self._globals[f"{name}_kept"] = kept
        keep = f"if len(made) <= {LONGEST_KEPT}{also}: {name}_kept[0] = {value}, made, {copy}"
        lines = [f"made = {made}", keep, "return made"]
        return self.function(name, value, lines), kept

    def _kept(self, name: str, value: str, *, unchanged: bool = False) -> str:
        """The beginning of an expression: what was written last, if it was this very object."""
        kept = self._name("k")
        also = f" and {kept}[2] == {value}" if unchanged else ""
        return f"{kept}[1] if ({kept} := {name}_kept[0])[0] is {value}{also}"

    def _shape(self, node: Node) -> Shape:
        """What the bytes depend on, names spelt out."""
        match self._schema.resolve(node):
            case Primitive(kind):
                return (kind,)
            case Record() as record:
                return (record.name, *((field.name, self._shape(field.type)) for field in record.fields))
            case Array(items):
                return ("array", self._shape(items))
            case Map(values):
                return ("map", self._shape(values))
            case Union(branches):
                return ("union", *map(self._shape, branches))
            case Enum(name, symbols):
                return (name, *symbols)
            case _:
                raise SchemaInvalid(f"{node} is not used in events")

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
