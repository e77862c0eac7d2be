"""The `.avsc` files are the truth; the Python types say the same, field by field."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schemas.avsc import Array, Declaration, Enum, Field, Map, Node, Primitive, Record, Union, unqualified
from tests.contract.schemas.members import (
    CURRENT,
    EVENTS,
    declaration,
    default_of,
    is_closed_set,
    items_of,
    union_members,
    values_of,
    without_none,
)

PRIMITIVE_OF = {str: {"string"}, int: {"int", "long"}, float: {"double"}, bool: {"boolean"}, bytes: {"bytes"}}
INSTANTS = ("_at", ".minute", "_timestamp")  # names of fields that hold a time


def test_every_event_has_a_schema_and_every_schema_an_event() -> None:
    assert set(CURRENT) == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_python_type_and_schema_agree(name: str) -> None:
    declared = declaration(name)
    assert [*disagreements(EVENTS[name], declared.root, declared, name)] == []


def disagreements(kind: Any, node: Node, schema: Declaration, path: str) -> Iterator[str]:
    """Every difference between a Python type and the schema's, with its place."""
    node = schema.resolve(node)
    match node:
        case Record():
            yield from of_records(kind, node, schema, path)
        case Array():
            yield from disagreements(items_of(kind), node.items, schema, f"{path}[]")
        case Map():
            yield from disagreements(values_of(kind), node.values, schema, f"{path}{{}}")
        case Union():
            yield from of_unions(kind, node, schema, path)
        case Enum():
            if [member.value for member in kind] != [*node.symbols] or kind.__name__ != unqualified(node.name):
                yield f"{path}: {kind} is not {node}"
        case Primitive(type="string") if is_closed_set(kind):
            pass  # a closed set that may grow: its values stand in the documentation, see below
        case Primitive():
            if node.type not in PRIMITIVE_OF[kind]:
                yield f"{path}: {kind} is not {node.type}"
            if path.endswith(INSTANTS) != (node.logical == "timestamp-millis"):
                yield f"{path}: times, and only they, are timestamp-millis"
        case _:
            yield f"{path}: {node} is not used in events"


def of_unions(kind: Any, node: Union, schema: Declaration, path: str) -> Iterator[str]:
    inner, optional = without_none(kind)
    if optional:
        if node.nullable is None:
            yield f"{path}: must be a union of null (first) and one type"
        else:
            yield from disagreements(inner, node.nullable, schema, path)
        return
    members = union_members(kind)
    if len(members) != len(node.branches):
        yield f"{path}: {kind} is not {node}"
    for member, branch in zip(members, node.branches, strict=False):
        yield from disagreements(member, branch, schema, path)


def of_records(kind: Any, node: Record, schema: Declaration, path: str) -> Iterator[str]:
    if not isinstance(kind, type) or kind.__name__ != unqualified(node.name):
        yield f"{path}: {kind} is not {node.name}"
        return
    if kind.__doc__ != node.doc:
        yield f"{path}: documented as {kind.__doc__!r} and {node.doc!r}"
    fields = msgspec.structs.fields(kind)
    if [f.name for f in fields] != [f.name for f in node.fields]:
        yield f"{path}: fields differ in name or order"
    for ours, theirs in zip(fields, node.fields, strict=False):
        yield from of_fields(ours, theirs, schema, f"{path}.{theirs.name}")


def of_fields(ours: msgspec.structs.FieldInfo, theirs: Field, schema: Declaration, path: str) -> Iterator[str]:
    yield from disagreements(ours.type, theirs.type, schema, path)
    has_default, default = default_of(ours)
    if has_default != theirs.has_default or default != theirs.default or type(default) is not type(theirs.default):
        yield f"{path}: default {default!r} is not {theirs.default!r}"
    kind, _ = without_none(ours.type)
    node = schema.resolve(theirs.type)
    if is_closed_set(kind) and not isinstance(branch_of(node, schema), Enum):
        allowed = "one of " + ", ".join(member.value for member in kind)
        if not theirs.doc.endswith(allowed):
            yield f"{path}: its documentation must end with {allowed!r}"


def branch_of(node: Node, schema: Declaration) -> Node:
    inner = node.nullable if isinstance(node, Union) else node
    return schema.resolve(inner) if inner is not None else node


@pytest.mark.parametrize("name", EVENTS)
def test_events_are_frozen_and_keyword_only(name: str) -> None:
    assert EVENTS[name].__struct_config__.frozen
    assert EVENTS[name].__match_args__ == ()


def test_a_disagreement_is_found() -> None:
    """The comparison bites: another event's type does not agree."""
    declared = declaration("CaseOpened")
    assert [*disagreements(EVENTS["CaseClosed"], declared.root, declared, "CaseOpened")]
