"""Which column of a file becomes which field of a request."""

import hashlib
import json
import math
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from infra.errors import HitlError
from schemas.events import DecisionRequested
from schemas.values import Payload
from streams.workflow.columns import ID_COLUMNS, cell_value
from streams.workflow.columns import id_column as id_column_in
from streams.workflow.submitted import RequestRefused

Cell = str | float | int | bool | None | list[object] | dict[str, object]
Row = Mapping[str, Cell]

TEXT_FIELDS: Final = ("subject_id", "content_uri", "source")
REQUEST_FIELDS: Final = ("request_id", *TEXT_FIELDS, "content_sha256", "requires_audit", "submitted_at", "features")
ATTRIBUTES: Final = "attributes."
FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


class MappingInvalid(HitlError):
    """The columns cannot be mapped; correct --map, --attribute or --features."""


class CellType(StrEnum):
    """How the cells of a column are read; `auto` takes a JSON number or true/false for what it looks like."""

    AUTO = "auto"
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A column and how its cells are read."""

    column: str
    type: CellType = CellType.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A mapping from rows to requests of one workflow. Without an id column ids derive from the content of a row."""

    workflow: str
    text_field: str
    id_column: str | None
    fields: Mapping[str, str]  # field of the request -> column
    attributes: Mapping[str, Source] = field(default_factory=dict)
    payload: Mapping[str, Source] = field(default_factory=dict)  # field of the JSON payload -> column
    features: tuple[str, ...] = ()
    source: str = ""

    def request(self, row: Row) -> DecisionRequested:
        """The request in a row. Raises `RequestRefused` naming the column."""
        body = self._body(row)
        given = {name: _text(row, column) or None for name, column in self.fields.items()}
        sha256, submitted_at = given.get("content_sha256"), given.get("submitted_at")
        flag = self.fields.get("requires_audit")
        return DecisionRequested(
            request_id=self._id(row),
            workflow=self.workflow,
            subject_id=given.get("subject_id"),
            payload=None if body is None else Payload(body=body),
            content_uri=given.get("content_uri"),
            content_sha256=None if sha256 is None else _hex(sha256),
            features=_floats(row, self.features) if self.features else None,
            attributes={name: _attribute(row, source) for name, source in self.attributes.items() if _has(row, source)},
            requires_audit=flag is not None and bool(_typed(row, Source(column=flag, type=CellType.FLAG))),
            source=given.get("source") or self.source,
            submitted_at=None if submitted_at is None else _milliseconds(submitted_at),
        )

    def _id(self, row: Row) -> str:
        if self.id_column is not None:
            return _text(row, self.id_column)
        canonical = json.dumps(row, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
        return hashlib.sha256(canonical).hexdigest()[:24]

    def _body(self, row: Row) -> bytes | None:
        values = {name: _typed(row, source) for name, source in self.payload.items() if _has(row, source)}
        if self.text_field in self.payload and not str(values.get(self.text_field) or "").strip():
            raise RequestRefused(
                f"the column {self.payload[self.text_field].column} is empty: there is nothing to read"
            )
        if not values:
            return None
        try:
            return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except ValueError as error:  # NaN and lone surrogates have no place in JSON
            raise RequestRefused(f"is no JSON: {error}") from error


def columns_for(
    header: Sequence[str],
    *,
    workflow: str,
    text_field: str,
    needs_text: bool = True,
    reads: Collection[str] = (),
    maps: Sequence[str] = (),
    attributes: Sequence[str] = (),
    features: Sequence[str] = (),
    derive_ids: bool = False,
    source: str = "",
) -> Columns:
    """The mapping for a file with these columns.

    `reads` are the fields of which the model needs one at least.
    `maps` are `field=column`, `attributes` are `name[:text|number|flag][=column]`. Every column that is named nowhere
    becomes a field of the JSON payload. Raises `MappingInvalid`.
    """
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated or "" in header:
        raise MappingInvalid(
            f"the columns need names of their own; repeated or empty: {', '.join(repeated) or 'empty'}."
        )
    named = dict(_pair(text) for text in maps)
    attribute_of = dict(_attribute_of(text) for text in attributes)
    attribute_of |= {n.removeprefix(ATTRIBUTES): Source(column=c) for n, c in named.items() if n.startswith(ATTRIBUTES)}
    fields = {name: column for name, column in named.items() if name in REQUEST_FIELDS}
    payload = {n: c for n, c in named.items() if n not in REQUEST_FIELDS and not n.startswith(ATTRIBUTES)}
    taken = {*named.values(), *features, *(s.column for s in attribute_of.values())}
    for name in REQUEST_FIELDS:
        if name not in fields and name in header and name not in taken and name != "features":
            fields[name] = name
    id_column = fields.pop("request_id", None) or id_column_in(header, taken)
    taken |= {*fields.values(), *([id_column] if id_column else ())}
    payload |= {name: name for name in header if name not in taken and name not in payload}
    _check(header, {*taken, *payload.values()})
    if id_column is None and not derive_ids:
        raise MappingInvalid(
            f"no column is called {' or '.join(ID_COLUMNS)}; name it with --map request_id=COLUMN, or let ids derive "
            f"from the content with --derive-ids. The columns are: {', '.join(header)}."
        )
    if needs_text and text_field not in payload:
        raise MappingInvalid(
            f"no column is called {text_field}, the text that {workflow} reads; name it with "
            f"--map {text_field}=COLUMN. The columns are: {', '.join(header)}."
        )
    if reads and not {*payload, *attribute_of}.intersection(reads):
        raise MappingInvalid(
            f"no column is one that {workflow} reads ({', '.join(reads)}); name them with --map FIELD=COLUMN. "
            f"The columns are: {', '.join(header)}."
        )
    return Columns(
        workflow=workflow,
        text_field=text_field if needs_text else "",
        id_column=None if derive_ids else id_column,
        fields=fields,
        attributes=attribute_of,
        payload={
            n: Source(column=c, type=CellType.TEXT if n == text_field else CellType.AUTO) for n, c in payload.items()
        },
        features=tuple(features),
        source=source,
    )


def check_options(maps: Sequence[str], attributes: Sequence[str]) -> None:
    """Raises `MappingInvalid` for what is wrong in any file and workflow."""
    for text in maps:
        _pair(text)
    for text in attributes:
        _attribute_of(text)


def _check(header: Sequence[str], used: set[str]) -> None:
    if absent := sorted(used - set(header)):
        raise MappingInvalid(f"there is no column {absent[0]!r}; the columns are: {', '.join(header)}.")


def _pair(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not (name and sign and column):
        raise MappingInvalid(f"--map {text!r} is not field=column.")
    return name, column


def _attribute_of(text: str) -> tuple[str, Source]:
    left, _, column = text.partition("=")
    name, _, kind = left.partition(":")
    if not name or kind not in (*CellType, ""):
        raise MappingInvalid(f"--attribute {text!r} is not name[:text|number|flag][=column].")
    return name, Source(column=column or name, type=CellType(kind or "auto"))


def _has(row: Row, source: Source) -> bool:
    return row.get(source.column) not in (None, "")


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if isinstance(value, (list, dict, bool)):
        raise RequestRefused(f"the column {column} holds no text: {json.dumps(value)[:80]}")
    return "" if value is None else str(value)


def _typed(row: Row, source: Source) -> Cell:
    value = row.get(source.column)
    match source.type:
        case CellType.TEXT:
            return _text(row, source.column)
        case CellType.NUMBER:
            return _number(value, source.column)
        case CellType.FLAG:
            return _flag(value, source.column)
        case CellType.AUTO:
            return cell_value(value) if isinstance(value, str) else value


def _number(value: Cell, column: str) -> float:
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RequestRefused(f"the column {column} holds {value!r}, not a number")
    return number


def _flag(value: Cell, column: str) -> bool:
    if isinstance(value, bool):
        return value
    answer = FLAGS.get(str("" if value is None else value).strip().lower())
    if answer is None:
        raise RequestRefused(f"the column {column} holds {value!r}, not true or false")
    return answer


def _attribute(row: Row, source: Source) -> str | float | bool:
    value = _typed(row, source)
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    raise RequestRefused(f"the column {source.column} holds {json.dumps(value)[:80]}, not one plain value")


def _floats(row: Row, columns: Sequence[str]) -> bytes:
    numbers = [_number(row.get(column), column) for column in columns]
    try:
        return struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError as error:
        raise RequestRefused(f"a feature does not fit into 32 bits: {error}") from error


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise RequestRefused(f"content_sha256 is {text!r}, not hexadecimal") from error


def _milliseconds(text: str) -> int:
    if not text.isdecimal():
        raise RequestRefused(f"submitted_at is {text!r}, not milliseconds since the epoch")
    return int(text)
