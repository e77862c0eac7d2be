"""Tables in a request: JSON lists of objects, and values separated by commas or tabs. Pure; the first rows only."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from producers.desk.pages.present.cleaning import cleaned
from producers.desk.pages.present.model import Column, Table

MOST_ROWS: Final = 100
MOST_COLUMNS: Final = 30
LONGEST_CELL: Final = 300  # characters
LONGEST_FIELD: Final = 1 << 17  # characters: a quote that never ends, rather than a field
DELIMITERS: Final[Mapping[str, str]] = {"text/csv": ",", "text/tab-separated-values": "\t"}


class Rows(NamedTuple):
    """The first rows of a table, and how many it has."""

    first: Sequence[Mapping[str, object]]
    size: int


def rows_in(value: object) -> Rows | None:
    """The rows of a list of objects, or of lists whose first one names the columns; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) for row in value):
        return Rows(value[:MOST_ROWS], len(value))
    if all(isinstance(row, list) for row in value) and all(isinstance(name, str) for name in value[0]):
        return _named(value[0], value[1 : MOST_ROWS + 1], len(value) - 1)
    return None


def rows_of(text: str, content_type: str) -> Rows | None:
    """The rows of separated values (RFC 4180), the first line naming the columns; None where it has none."""
    delimiter = DELIMITERS[content_type]
    head, _, _ = text.partition("\n")
    if delimiter == "," and head.count(";") > head.count(","):
        delimiter = ";"
    try:
        lines = (line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line)
        header = next(lines, None)
        first = list(islice(lines, MOST_ROWS))
        if header is None or any(len(field) > LONGEST_FIELD for line in (header, *first) for field in line):
            return None
        return _named(header, first, len(first) + sum(1 for _ in lines))
    except csv.Error:
        return None


def _named(header: Sequence[str], rows: Sequence[Sequence[object]], size: int) -> Rows:
    names = unlike(header)
    return Rows([dict(zip(names, row, strict=False)) for row in rows], size)


def unlike(names: Iterable[str]) -> list[str]:
    """Names of columns, each once.

    >>> unlike(["a", "a", ""])
    ['a', 'a (2)', 'column 3']
    """
    seen: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        said = name.strip() or f"column {number}"
        seen[said if said not in seen else f"{said} ({number})"] = None
    return list(seen)


def table_of(rows: Rows) -> Table:
    """The table that a page shows, and how much of it that is."""
    shown = rows.first
    names = list(dict.fromkeys(name for row in shown for name in row))
    columns = names[:MOST_COLUMNS]
    forms = [_form(row.get(name) for row in shown) for name in columns]
    cells = tuple(tuple(_cell(row.get(name), form) for name, form in zip(columns, forms, strict=True)) for row in shown)
    return Table(
        columns=tuple(
            Column(name=cleaned(name)[:LONGEST_CELL], is_number=_are_numbers(row[at] for row in cells))
            for at, name in enumerate(columns)
        ),
        rows=cells,
        caption=_caption(rows.size, len(shown), len(names), len(columns)),
    )


def _caption(rows: int, shown: int, columns: int, seen: int) -> str:
    """How much there is, and how much of it is shown.

    >>> _caption(200, 100, 3, 3)
    'The first 100 of 200 rows'
    """
    said = f"The first {shown:,} of {rows:,} rows" if rows > shown else f"{rows:,} row{'s' * (rows != 1)}"
    return f"{said}, the first {seen} of {columns:,} columns" if columns > seen else said


def _form(values: Iterable[object]) -> str:
    """With how many decimals the numbers of a column are written, so that their points stand one below the other.

    >>> _form([1, 2.25, 0.5]), _form([1, 2])
    ('.2f', '')
    """
    written = [f"{value:.4f}".rstrip("0") for value in values if isinstance(value, float) and math.isfinite(value)]
    places = max((len(text) - text.index(".") - 1 for text in written), default=0)
    return f".{places}f" if places else ""


def _cell(value: object, form: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:{form}}" if abs(value) < 1e15 else str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return cleaned(text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…")


def _are_numbers(cells: Iterable[str]) -> bool:
    """Whether every cell that says anything is a number, and any does."""
    said = [cell for cell in cells if cell]
    return bool(said) and all(_is_number(cell) for cell in said)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return len(cell) < 40 and not cell.lower().lstrip("+-").startswith(("inf", "nan"))
