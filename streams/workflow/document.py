"""Where in a TOML document a value stands, so that a refusal can name the line."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
ASSIGNMENT: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
Path = tuple[str | int, ...]


def line_of(document: str, path: Sequence[str | int]) -> int:
    """The line (from 1) of the value at `path`, or of the innermost table around it that is written down.

    >>> line_of('name = "x"\\n[thresholds]\\nauto_approve = 2\\n', ("thresholds", "auto_approve"))
    3
    """
    best, depth = 1, 0
    for number, written in assignments(document):
        if len(written) > depth and tuple(path[: len(written)]) == written:
            best, depth = number, len(written)
    return best


def assignments(document: str) -> Iterator[tuple[int, Path]]:
    """Line and full path of every table header and every key, list tables counted from 0."""
    table: Path = ()
    lists: dict[Path, int] = {}
    for number, text in enumerate(document.split("\n"), 1):
        if header := HEADER.match(text):
            table = _entered(_words(header[2]), lists, is_list=header[1] == "[[")
            yield number, table
        elif assignment := ASSIGNMENT.match(text):
            yield number, table + _words(assignment[1])


def _entered(words: Path, lists: dict[Path, int], *, is_list: bool) -> Path:
    """The path that a header opens: within a list table it is the newest entry that is meant."""
    path: Path = ()
    for word in words[:-1]:
        path += (word,)
        if path in lists:
            path += (lists[path],)
    path += words[-1:]
    if is_list:
        lists[path] = lists.get(path, -1) + 1
        path += (lists[path],)
    return path


def _words(dotted: str) -> Path:
    return tuple(word.strip().strip("\"'") for word in dotted.split("."))
