"""Any event at all, for Hypothesis: strategies made from the Python types and the ranges of the schemas."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.avsc import Array, Declaration, Enum, Map, Node, Primitive, Record, Union
from schemas.events import Event
from tests.contract.schemas.members import (
    EVENTS,
    declaration,
    is_closed_set,
    items_of,
    union_members,
    values_of,
    without_none,
)

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)


def events(name: str) -> st.SearchStrategy[Event]:
    """Every value that an event of this name can have."""
    declared = declaration(name)
    return values(EVENTS[name], declared.root, declared)


def values(kind: Any, node: Node, schema: Declaration) -> st.SearchStrategy[Any]:
    """Every value of a Python type that its schema can hold; NaN is left out because it equals nothing."""
    node = schema.resolve(node)
    match node:
        case Record():
            return records(kind, node, schema)
        case Array():
            return st.lists(values(items_of(kind), node.items, schema), max_size=3).map(tuple)
        case Map():
            return st.dictionaries(st.text(max_size=8), values(values_of(kind), node.values, schema), max_size=3)
        case Union():
            inner, optional = without_none(kind)
            if optional and node.nullable is not None:
                return st.none() | values(inner, node.nullable, schema)
            pairs = zip(union_members(kind), node.branches, strict=True)
            return st.one_of(*(values(member, branch, schema) for member, branch in pairs))
        case Enum():
            return st.sampled_from(kind)
        case Primitive():
            return primitives(kind, node.type)
        case _:
            raise AssertionError(f"{node} is not used in events")


def records(kind: Any, node: Record, schema: Declaration) -> st.SearchStrategy[Any]:
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **{field.name: values(types[field.name], field.type, schema) for field in node.fields})


def primitives(kind: Any, name: str) -> st.SearchStrategy[Any]:
    if is_closed_set(kind):
        return st.sampled_from(kind)
    match name:
        case "string":
            return st.text(max_size=20)
        case "bytes":
            return st.binary(max_size=20)
        case "boolean":
            return st.booleans()
        case "double":
            return st.floats(allow_nan=False)
        case "int":
            return INT
        case "long":
            return LONG
        case _:
            raise AssertionError(f"{name} is not used in events")
