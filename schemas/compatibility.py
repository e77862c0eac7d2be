"""Can data that one schema wrote be read with another? The rules of Apache Avro 1.12, "Schema Resolution".

FULL_TRANSITIVE, the promise of this log, asks it of every pair of published versions in both directions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final, NamedTuple

from schemas.avsc import Array, Declaration, Enum, Field, Fixed, Map, Node, Primitive, Record, Union, unqualified

PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


class Incompatibility(NamedTuple):
    """A place where reading may fail, such as `ReviewDecided.action`, and why."""

    path: str
    reason: str


def incompatibilities(*, reader: Declaration, writer: Declaration) -> tuple[Incompatibility, ...]:
    """Everything that keeps `reader` from reading what `writer` wrote; empty when it reads all of it."""
    return tuple(_Resolution(reader, writer).compare(reader.root, writer.root, ""))


def full_transitive(versions: Sequence[Declaration]) -> tuple[tuple[int, int, Incompatibility], ...]:
    """(reader's index, writer's index, what is wrong) over all pairs of versions, both ways; empty when all agree."""
    return tuple(
        (r, w, problem)
        for r, w in permutations(range(len(versions)), 2)
        for problem in incompatibilities(reader=versions[r], writer=versions[w])
    )


@dataclass(slots=True)
class _Resolution:
    reader: Declaration
    writer: Declaration
    seen: set[tuple[str, str]] = field(default_factory=set)  # pairs of records under way: they may be recursive

    def compare(self, reader: Node, writer: Node, path: str) -> Iterator[Incompatibility]:
        reader, writer = self.reader.resolve(reader), self.writer.resolve(writer)
        match reader, writer:
            case _, Union(branches=branches):  # whatever branch was written must be readable
                for branch in branches:
                    yield from self.compare(reader, branch, path)
            case Union(branches=branches), _:
                yield from self._into_union(branches, writer, path)
            case Primitive(type=wanted), Primitive(type=written):
                if wanted != written and wanted not in PROMOTIONS.get(written, frozenset()):
                    yield Incompatibility(path, f"{written} cannot be read as {wanted}")
            case Array(items=wanted_items), Array(items=written_items):
                yield from self.compare(wanted_items, written_items, f"{path}[]")
            case Map(values=wanted_values), Map(values=written_values):
                yield from self.compare(wanted_values, written_values, f"{path}{{}}")
            case Enum(), Enum():
                yield from _enum(reader, writer, path)
            case Fixed(), Fixed():
                if not _same_name(reader, writer) or reader.size != writer.size:
                    yield Incompatibility(path, f"{describe(writer)} of {writer.size} bytes is not of {reader.size}")
            case Record(), Record():
                yield from self._record(reader, writer, path)
            case _:
                yield Incompatibility(path, f"{describe(writer)} cannot be read as {describe(reader)}")

    def _into_union(self, branches: tuple[Node, ...], writer: Node, path: str) -> Iterator[Incompatibility]:
        if all(any(self._attempt(branch, writer)) for branch in branches):
            wanted = ", ".join(describe(self.reader.resolve(branch)) for branch in branches)
            yield Incompatibility(path, f"{describe(writer)} is none of the union's {wanted}")

    def _attempt(self, branch: Node, writer: Node) -> tuple[Incompatibility, ...]:
        return tuple(_Resolution(self.reader, self.writer, set(self.seen)).compare(branch, writer, ""))

    def _record(self, reader: Record, writer: Record, path: str) -> Iterator[Incompatibility]:
        here = path or unqualified(reader.name)
        if not _same_name(reader, writer):
            yield Incompatibility(here, f"record {writer.name} cannot be read as {reader.name}")
            return
        if (reader.name, writer.name) in self.seen:
            return
        self.seen.add((reader.name, writer.name))
        written = {f.name: f for f in writer.fields}
        for wanted in reader.fields:
            source = _source(wanted, written)
            if source is not None:
                yield from self.compare(wanted.type, source.type, f"{here}.{wanted.name}")
            elif not wanted.has_default:
                yield Incompatibility(f"{here}.{wanted.name}", "the writer has no such field and the reader no default")


def _source(wanted: Field, written: Mapping[str, Field]) -> Field | None:
    return next((written[name] for name in (wanted.name, *wanted.aliases) if name in written), None)


def _enum(reader: Enum, writer: Enum, path: str) -> Iterator[Incompatibility]:
    if not _same_name(reader, writer):
        yield Incompatibility(path, f"enum {writer.name} cannot be read as {reader.name}")
    unknown = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
    if unknown and reader.default is None:
        yield Incompatibility(path, f"the reader knows no {', '.join(unknown)} and has no default symbol")


def _same_name(reader: Enum | Fixed | Record, writer: Enum | Fixed | Record) -> bool:
    names = {unqualified(reader.name), *map(unqualified, reader.aliases)}
    return unqualified(writer.name) in names


def describe(node: Node) -> str:
    """A type in a word or two, for messages."""
    match node:
        case Primitive(type=name):
            return name
        case Array():
            return "array"
        case Map():
            return "map"
        case Union():
            return "union"
        case _:
            return f"{type(node).__name__.lower()} {node.name}"
