"""Rows of named columns: numbers standardised, a column for each category, and for what is missing or unknown.

A missing number is its mean and the column `missing`; a missing category is the column `missing`, one that no training
row held the column `unknown`. Where training rows lacked nothing, those columns keep weight 0, which says nothing about
the row: the mean of a number is 0, and the L2 penalty makes the weights of a column's categories sum to 0.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from infra.models.bags import Bags, Cell, Inputs, Parameters, Row

LARGEST_NUMBER: Final = 1e100  # beyond it a number is taken for missing: its square must be a number, too
FARTHEST: Final = 8.0  # deviations from the mean; what lies beyond counts as that far, or one cell would decide alone
SMALLEST_DEVIATION: Final = 1e-9  # of the mean: below it a column is constant but for rounding
MOST_CATEGORIES: Final = 1_000  # per column, the most frequent ones; the others are `unknown`
LONGEST_CATEGORY: Final = 100  # characters; what is longer is no category
NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")  # as in JSON: 007 and +49 stay texts
FLAGS: Final = {"true": 1.0, "false": 0.0}
UNKNOWN, MISSING = 0, 1  # places behind the known categories of a column


class InvalidRow(ValueError):
    """The row holds none of the columns that the model was trained on. Send them under the names that it knows."""


def number(cell: Cell) -> float:
    """The cell as a finite number, true as 1 and false as 0, also when it is written as text; NaN when it is none.

    >>> number("6"), number(True), number("true"), number("much")
    (6.0, 1.0, 1.0, nan)
    """
    try:
        found = float(FLAGS.get(cell, cell) if isinstance(cell, str) else math.nan if cell is None else cell)
    except (ValueError, OverflowError):
        return math.nan
    return found if abs(found) <= LARGEST_NUMBER else math.nan


def category(cell: Cell) -> str | None:
    """The cell as the name of a category: a number reads the same however it is written; None when there is none.

    >>> category(" A43 "), category("4.0"), category(4), category(True), category("007"), category("")
    ('A43', '4', '4', 'true', '007', None)
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if not isinstance(cell, str):
        return _written(cell)
    text = cell.strip()
    if not NUMBER.fullmatch(text):
        return text or None
    return None if math.isnan(number(text)) else _written(json.loads(text))


def _written(value: float | None) -> str | None:
    """A whole number without a point, and exact where it came as one."""
    if value is None or math.isnan(number(value)):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def missing_columns(row: Row, *, numeric: Iterable[str], categorical: Iterable[str]) -> list[str]:
    """Those of the columns that the row holds nothing readable for."""
    absent = [name for name in numeric if math.isnan(number(row.get(name)))]
    return absent + [name for name in categorical if category(row.get(name)) is None]


@dataclass(frozen=True, slots=True)
class TabularFeaturizer:
    """One bag per row, with one entry for each of its columns; fitted on training rows.

    Columns: of every number its value and `missing`; then of every category the known ones, `unknown` and `missing`.
    """

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()  # of each number; empty before the fit, as all that follows
    deviation: tuple[float, ...] = ()
    vocabulary: tuple[tuple[str, ...], ...] = ()  # the known categories of each column

    def __post_init__(self) -> None:
        numbers = len(self.numeric) if self.mean else 0
        if (len(self.mean), len(self.deviation)) != (numbers, numbers):
            raise ValueError("there must be one mean and one deviation for every number")
        if self.vocabulary and len(self.vocabulary) != len(self.categorical):
            raise ValueError("there must be one vocabulary for every category")

    @property
    def name(self) -> str:
        return "tabular"

    @property
    def parameters(self) -> Parameters:
        return {
            "numeric": list(self.numeric),
            "categorical": list(self.categorical),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "vocabulary": [list(known) for known in self.vocabulary],
        }

    @property
    def width(self) -> int:
        return 2 * len(self.numeric) + sum(len(known) + 2 for known in self._vocabularies)

    def fitted(self, inputs: Inputs, /) -> Self:
        """The same columns with the means, deviations and categories of these rows."""
        rows = _rows(inputs)
        scales = [_scale(self._numbers(rows, name)) for name in self.numeric]
        return replace(
            self,
            mean=tuple(mean for mean, _ in scales),
            deviation=tuple(deviation for _, deviation in scales),
            vocabulary=tuple(_known(category(row.get(name)) for row in rows) for name in self.categorical),
        )

    def sizes(self, inputs: Inputs) -> NDArray[np.int64]:
        return np.full(len(inputs), self._entries, np.int64)

    def example(self) -> Inputs:
        return [dict.fromkeys((*self.numeric, *self.categorical), 0.0)]

    def bags(self, inputs: Inputs) -> Bags:
        """Raises InvalidRow for a row without anything readable in any column."""
        rows = _rows(inputs)
        indices = np.empty((len(rows), self._entries), np.int32)
        values = np.ones((len(rows), self._entries), np.float32)
        absent = np.zeros((len(rows), self._entries), np.bool_)
        for place, name in enumerate(self.numeric):
            cells = self._numbers(rows, name)
            absent[:, place] = np.isnan(cells)
            indices[:, place] = 2 * place + absent[:, place]
            values[:, place] = np.where(absent[:, place], 1.0, self._standardised(cells, place))
        start = 2 * len(self.numeric)
        for place, (name, known) in enumerate(zip(self.categorical, self._vocabularies, strict=True)):
            entry = len(self.numeric) + place
            found = _places(rows, name, known)
            absent[:, entry] = found == len(known) + MISSING
            indices[:, entry] = start + found
            start += len(known) + 2
        if (empty := absent.all(axis=1)).any():
            row = int(np.argmax(empty))
            raise InvalidRow(f"row {row} holds none of {', '.join((*self.numeric, *self.categorical))}")
        offsets = np.arange(len(rows), dtype=np.int32) * np.int32(self._entries)
        return Bags(indices.reshape(-1), offsets, values.reshape(-1), np.ones((1, len(rows)), np.float32))

    @property
    def _entries(self) -> int:
        return len(self.numeric) + len(self.categorical)

    @property
    def _vocabularies(self) -> tuple[tuple[str, ...], ...]:
        return self.vocabulary or ((),) * len(self.categorical)

    @staticmethod
    def _numbers(rows: list[Row], name: str) -> NDArray[np.float64]:
        return np.fromiter((number(row.get(name)) for row in rows), np.float64, len(rows))

    def _standardised(self, cells: NDArray[np.float64], place: int) -> NDArray[np.float64]:
        if self.mean:
            cells = (cells - self.mean[place]) / self.deviation[place]
        return np.clip(cells, -FARTHEST, FARTHEST)


def _rows(inputs: Inputs) -> list[Row]:
    rows = [row for row in inputs if isinstance(row, Mapping)]
    if len(rows) != len(inputs):
        raise InvalidRow("a batch holds texts or vectors; the model reads named columns")
    return rows


def _scale(cells: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and deviation of what is there; a constant column gets deviation 1, one without a number 0 and 1."""
    there = cells[~np.isnan(cells)]
    if not there.size:
        return 0.0, 1.0
    mean, deviation = float(there.mean()), float(there.std())
    return mean, deviation if deviation > SMALLEST_DEVIATION * abs(mean) else 1.0


def _known(categories: Iterable[str | None]) -> tuple[str, ...]:
    counts = Counter(each for each in categories if each is not None and len(each) <= LONGEST_CATEGORY)
    most = sorted(counts, key=lambda each: (-counts[each], each))[:MOST_CATEGORIES]
    return tuple(sorted(most))


def _places(rows: list[Row], name: str, known: tuple[str, ...]) -> NDArray[np.int64]:
    """Of each row the place of its category among the known ones, or behind them."""
    of, unknown, missing = _index(known), len(known) + UNKNOWN, len(known) + MISSING
    found = (category(row.get(name)) for row in rows)
    return np.fromiter((missing if each is None else of.get(each, unknown) for each in found), np.int64, len(rows))


@lru_cache(maxsize=256)
def _index(known: tuple[str, ...]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(known)}
