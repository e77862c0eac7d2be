"""What a featurizer hands to a linear model: bags of column numbers, in the layout of torch's `embedding_bag`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cell: TypeAlias = str | float | bool | None
Row: TypeAlias = Mapping[str, Cell]
"""Named columns of one input; those that a model does not know are of no interest to it."""

Inputs: TypeAlias = Sequence[str] | Sequence[Row] | NDArray[np.float32]
"""A batch as a model takes it: texts, rows of named columns, or float32 vectors `[B, D]`."""

Parameter: TypeAlias = int | float | str | Sequence[float | str | Sequence[str]]
Parameters: TypeAlias = Mapping[str, Parameter]
"""What a manifest stores about a featurizer, enough to build the same one again."""


class Bags(NamedTuple):
    """`G` bags for each of `B` rows; bag `g` of row `r` is number `g * B + r` and ends where the next one starts."""

    indices: NDArray[np.int32]  # [N] columns, below the featurizer's width
    offsets: NDArray[np.int32]  # [G * B]
    values: (
        NDArray[np.float32] | None
    )  # [N] value of each entry; None = all ones (a column that occurs twice counts twice)
    scale: NDArray[np.float32]  # [G, B] factor of the whole bag


class Featurizer(Protocol):
    """Turns a batch into bags; the bags of a row never depend on its neighbours."""

    @property
    def name(self) -> str: ...

    @property
    def parameters(self) -> Parameters: ...

    @property
    def width(self) -> int:
        """Number of columns."""
        ...

    def fitted(self, inputs: Inputs, /) -> Self:
        """The featurizer with what it learns from the training inputs (text learns nothing)."""
        ...

    def sizes(self, inputs: Inputs) -> NDArray[np.int64]:
        """Relative cost `[B]` of each input, for batches of bounded memory."""
        ...

    def example(self) -> Inputs:
        """A batch of one that it can read, to warm up with."""
        ...

    def bags(self, inputs: Inputs) -> Bags: ...
