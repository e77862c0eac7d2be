"""Rows of a CSV, TSV or JSONL file, each with its line number; a line that is none is refused, never read in part."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.errors import HitlError
from producers.gateway.columns import Columns, Row
from producers.gateway.publisher import Line, Refusal
from streams.workflow.submitted import RequestRefused

if TYPE_CHECKING:
    from _csv import Reader

csv.field_size_limit(1 << 24)  # the default of 128 KiB is below what a request may carry
NOT_UTF8: Final = "is not UTF-8"


class FileUnreadable(HitlError):
    """The file has no rows to publish; give a CSV with a header line, or one JSON object a line."""


class Format(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


class Numbered(NamedTuple):
    """A row and the line it begins on."""

    line: int
    row: Row


def format_of(name: str) -> Format:
    """By the end of the name: .tsv and .tab, .jsonl, .ndjson and .json, else CSV."""
    match name.rpartition(".")[2].lower():
        case "tsv" | "tab":
            return Format.TSV
        case "jsonl" | "ndjson" | "json":
            return Format.JSONL
        case _:
            return Format.CSV


def read_rows(lines: Iterable[bytes], kind: Format) -> tuple[Sequence[str], Iterator[Numbered | Refusal]]:
    """The columns (JSONL: of its first row) and the rows. Raises `FileUnreadable` when there are none."""
    texts = (
        line.decode("utf-8-sig" if number == 0 else "utf-8", "surrogateescape") for number, line in enumerate(lines)
    )
    if kind is Format.JSONL:
        return _jsonl(texts)
    return _csv(texts, "\t" if kind is Format.TSV else ",")


def requests_of(
    rows: Iterable[Numbered | Refusal], header: Sequence[str], columns: Callable[[Sequence[str]], Columns]
) -> Iterator[Line | Refusal]:
    """Each row as a request, or why it is none. A JSON row may have fields that the first one lacked."""
    mappings: dict[tuple[str, ...], Columns] = {(): columns(header)}
    for numbered in rows:
        if isinstance(numbered, Refusal):
            yield numbered
            continue
        further = tuple(name for name in numbered.row if name not in header)
        if further not in mappings:
            mappings[further] = columns([*header, *further])
        try:
            yield Line(numbered.line, mappings[further].request(numbered.row))
        except RequestRefused as error:
            yield Refusal(numbered.line, str(error))


def _csv(texts: Iterable[str], delimiter: str) -> tuple[Sequence[str], Iterator[Numbered | Refusal]]:
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        header = next((row for row in reader if row), None)
    except csv.Error as error:
        raise FileUnreadable(f"the first line is no CSV: {error}. {FileUnreadable.__doc__}") from error
    if header is None:
        raise FileUnreadable()
    header = [name.strip() for name in header]
    return header, _csv_rows(reader, header)


def _csv_rows(reader: "Reader", header: Sequence[str]) -> Iterator[Numbered | Refusal]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refusal(line, f"is no CSV: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield Refusal(line, f"has {len(cells)} of {len(header)} columns")
        elif any(_broken(cell) for cell in cells):
            yield Refusal(line, NOT_UTF8)
        else:
            yield Numbered(line, dict(zip(header, cells, strict=True)))


def _jsonl(texts: Iterable[str]) -> tuple[Sequence[str], Iterator[Numbered | Refusal]]:
    rows = _json_rows(texts)
    before: list[Refusal] = []
    for numbered in rows:
        if isinstance(numbered, Numbered):
            return list(numbered.row), chain(before, [numbered], rows)
        before.append(numbered)
    found = f"line {before[0].line} {before[0].reason}" if before else "the file is empty"
    raise FileUnreadable(f"{found}. {FileUnreadable.__doc__}")


def _json_rows(texts: Iterable[str]) -> Iterator[Numbered | Refusal]:
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        if _broken(text):
            yield Refusal(number, NOT_UTF8)
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            yield Refusal(number, f"is no JSON: {error}")
            continue
        yield Numbered(number, row) if isinstance(row, dict) else Refusal(number, "is no JSON object")


def _broken(text: str) -> bool:
    """Whether the text carries bytes that were not UTF-8 (PEP 383 keeps them as lone surrogates)."""
    return not text.isascii() and any("\udc80" <= c <= "\udcff" for c in text)
