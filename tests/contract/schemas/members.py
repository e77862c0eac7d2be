"""Every event, topic and published schema, found in the code, and the Python types taken apart for comparison."""

import json
import typing
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final

import msgspec

from schemas.avsc import Declaration, parse_avsc
from schemas.codec import SchemaVersion, published
from schemas.events import EVENT_TYPES

EVENTS: Final = {kind.__name__: kind for kind in EVENT_TYPES}
CURRENT: Final[dict[str, SchemaVersion]] = {version.name: version for version in published()}
DECLARED: Final[dict[str, Declaration]] = {v.key: parse_avsc(v.source) for v in published()}


def declaration(name: str) -> Declaration:
    """What the current schema of an event says."""
    return DECLARED[CURRENT[name].key]


def union_members(kind: Any) -> tuple[Any, ...]:
    """The members of `A | B`, in order; None for no union."""
    if isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        return typing.get_args(kind)
    return ()


def without_none(kind: Any) -> tuple[Any, bool]:
    """`X` and True for `X | None`, else the type itself and False."""
    members = union_members(kind)
    if NoneType not in members:
        return kind, False
    rest = [member for member in members if member is not NoneType]
    assert len(rest) == 1, f"{kind}: a nullable field has one other type"
    return rest[0], True


def items_of(kind: Any) -> Any:
    """`X` of `tuple[X, ...]`."""
    assert typing.get_origin(kind) is tuple, f"{kind}: arrays are tuples"
    item, ellipsis = typing.get_args(kind)
    assert ellipsis is Ellipsis
    return item


def values_of(kind: Any) -> Any:
    """`X` of `dict[str, X]`."""
    assert typing.get_origin(kind) is dict, f"{kind}: maps are dicts"
    key, value = typing.get_args(kind)
    assert key is str
    return value


def is_closed_set(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def default_of(field: msgspec.structs.FieldInfo) -> tuple[bool, Any]:
    """Whether a Python field has a default, and which, as it stands in JSON."""
    if field.default is not msgspec.NODEFAULT:
        return True, json.loads(msgspec.json.encode(field.default))
    if field.default_factory is not msgspec.NODEFAULT:
        return True, json.loads(msgspec.json.encode(field.default_factory()))
    return False, None
