"""The list of OWASP ASVS is whole, and names tests that exist."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from schemas.publishing import HERE

ROOT: Final = HERE.parent
TEXT: Final = (ROOT / "infra/deploy/ASVS.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\| (\d[^|]*?) \| ([^|]+?) \| ([^|]+?) \| ?(.*?) ?\|$", TEXT, re.MULTILINE)
STATES: Final = {"holds", "partly", "does not hold", "provider", "deployment", "n/a"}
# Of ASVS 4.0.3 the lines of levels 1 and 2: how many each section has, or which, where some are deleted or of level 3.
LINES: Final[Mapping[str, int | tuple[int, ...]]] = {
    "1.1": 7, "1.2": 4, "1.4": (1, 4, 5), "1.5": 4, "1.6": 4, "1.7": 2, "1.8": 2, "1.9": 2, "1.10": 1, "1.11": 2,
    "1.12": (2,), "1.14": 6, "2.1": 12, "2.2": 3, "2.3": 3, "2.4": 6, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3,
    "2.10": 4, "3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.7": 1, "4.1": (1, 2, 3, 5), "4.2": 2, "4.3": 3,
    "5.1": 5, "5.2": 8, "5.3": 10, "5.4": 3, "5.5": 4, "6.1": 3, "6.2": 6, "6.3": 2, "6.4": 2, "7.1": 4, "7.2": 2,
    "7.3": (1, 3, 4), "7.4": 3, "8.1": 4, "8.2": 3, "8.3": 8, "9.1": 3, "9.2": 4, "10.2": 2, "10.3": 3, "11.1": 8,
    "12.1": 3, "12.2": 1, "12.3": 6, "12.4": 2, "12.5": 2, "12.6": 1, "13.1": (1, 3, 4, 5), "13.2": (1, 2, 3, 5, 6),
    "13.3": 2, "13.4": 2, "14.1": 4, "14.2": 6, "14.3": (2, 3), "14.4": 7, "14.5": 4,
}  # fmt: skip


def listed(named: str) -> Iterator[str]:
    """The lines that a row is about.

    >>> list(listed("1.4.4, 5.3.1–5.3.3"))
    ['1.4.4', '5.3.1', '5.3.2', '5.3.3']
    """
    for part in named.split(", "):
        first, _, last = part.partition("–")
        section, _, number = first.rpartition(".")
        until = int(last.rpartition(".")[2]) if last else int(number)
        yield from (f"{section}.{each}" for each in range(int(number), until + 1))


def test_every_line_of_the_standard_stands_there_once() -> None:
    wanted = {
        f"{section}.{number}"
        for section, numbers in LINES.items()
        for number in (range(1, numbers + 1) if isinstance(numbers, int) else numbers)
    }
    found = Counter(line for row in ROWS for line in listed(row[0]))
    assert set(found) == wanted and set(found.values()) == {1}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_line_has_a_state_and_all_but_what_is_not_here_say_how(row: tuple[str, str, str, str]) -> None:
    _, _, state, how = row
    assert {word for each in state.split(", ") for word in [re.sub(r" (by|on) .*", "", each)]} <= STATES
    assert how or state in ("n/a", "provider", "deployment")


def test_every_test_that_is_named_exists() -> None:
    files = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    for name in re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", TEXT):
        assert any(path.endswith(f"/{name}") or path == name for path in files), name
    for name in re.findall(r"`(test_\w+?)(?:…)?`", TEXT):
        assert any(f"def {name}" in text for text in files.values()), name
