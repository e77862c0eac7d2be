"""Tables in a request: JSON lists of objects, and values separated by commas or tabs. Pure; the first rows only."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from producers.desk.pages.present.cleaning import cleaned
from producers.desk.pages.present.model import Column, Table

MOST_ROWS: Final = 100
MOST_COLUMNS: Final = 30
LONGEST_CELL: Final = 300  # characters
DELIMITERS: Final[Mapping[str, str]] = {"text/csv": ",", "text/tab-separated-values": "\t"}
Rows = Sequence[Mapping[str, object]]


def rows_in(value: object) -> Rows | None:
    """The rows of a list of objects, or of lists whose first one names the columns; None for anything else."""
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) for row in value):
        return value
    if all(isinstance(row, list) for row in value) and all(isinstance(name, str) for name in value[0]):
        return [dict(zip(unlike(value[0]), row, strict=False)) for row in value[1:]]
    return None


def rows_of(text: str, content_type: str) -> Rows | None:
    """The rows of separated values (RFC 4180), the first line naming the columns; None where it has none."""
    delimiter = DELIMITERS[content_type]
    first, _, _ = text.partition("\n")
    if delimiter == "," and first.count(";") > first.count(","):
        delimiter = ";"
    try:
        header, *rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    except (csv.Error, ValueError):
        return None
    names = unlike(header)
    return [dict(zip(names, row, strict=False)) for row in rows if row]


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
    shown = rows[:MOST_ROWS]
    names = list(dict.fromkeys(name for row in shown for name in row))
    columns = names[:MOST_COLUMNS]
    cells = tuple(tuple(_cell(row.get(name)) for name in columns) for row in shown)
    return Table(
        columns=tuple(
            Column(name=cleaned(name)[:LONGEST_CELL], is_number=_are_numbers(row[at] for row in cells))
            for at, name in enumerate(columns)
        ),
        rows=cells,
        caption=_caption(len(rows), len(shown), len(names), len(columns)),
    )


def _caption(rows: int, shown: int, columns: int, seen: int) -> str:
    """How much there is, and how much of it is shown.

    >>> _caption(200, 100, 3, 3)
    'The first 100 of 200 rows'
    """
    said = f"The first {shown:,} of {rows:,} rows" if rows > shown else f"{rows:,} row{'s' * (rows != 1)}"
    return f"{said}, the first {seen} of {columns:,} columns" if columns > seen else said


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
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
