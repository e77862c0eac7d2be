"""Sums by workflow, minute and measure: all that can be added up. Adding is exact: integers only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct


class Cell(NamedTuple):
    """Where a count belongs; without a `minute` (milliseconds, floored) only to the whole, as what stands open now."""

    workflow: str
    minute: int | None
    measure: str


class Amount(Struct, frozen=True, gc=False):
    """How many, and the sum of what was measured of each: milliseconds, or answers that agree."""

    count: int
    total: int = 0


class Sums:
    """Amounts by cell; what cancels out is nothing."""

    __slots__ = ("_amounts",)

    def __init__(self) -> None:
        self._amounts: defaultdict[Cell, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, cell: Cell, amount: Amount) -> None:
        """One amount more."""
        found = self._amounts[cell]
        found[0] += amount.count
        found[1] += amount.total

    def change(self, before: Mapping[Cell, Amount], after: Mapping[Cell, Amount]) -> None:
        """What something contributed is taken back, and what it contributes now is added."""
        for cell, amount in before.items():
            self.add(cell, Amount(-amount.count, -amount.total))
        for cell, amount in after.items():
            self.add(cell, amount)

    def items(self) -> Iterable[tuple[Cell, Amount]]:
        """What does not cancel out."""
        return ((cell, Amount(*found)) for cell, found in self._amounts.items() if any(found))


def minute_of(moment: int) -> int:
    """The minute in which a moment lies (milliseconds)."""
    return moment - moment % 60_000
