"""Numeric features: float32 little-endian bytes on the wire, standardised columns in the model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from infra.models.bags import Bags, Inputs, Parameters

FLOAT_BYTES = 4


class InvalidVector(ValueError):
    """The features are not as many float32 little-endian numbers as the model was trained with. Send exactly those."""


def decode_vector(features: bytes, dimensions: int) -> NDArray[np.float32]:
    """`[D]` from its wire form; raises InvalidVector when the length is not `dimensions` or a number is not finite."""
    if len(features) != FLOAT_BYTES * dimensions:
        expected = FLOAT_BYTES * dimensions
        raise InvalidVector(
            f"features hold {len(features)} bytes, expected {expected} ({dimensions} float32 little-endian numbers)"
        )
    vector = np.frombuffer(features, "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise InvalidVector(
            f"feature {int(np.argmin(np.isfinite(vector)))} is not a finite number; send finite numbers only"
        )
    return vector


def encode_vector(values: Sequence[float] | NDArray[np.floating]) -> bytes:
    """The wire form of a row of numbers."""
    return np.asarray(values, dtype="<f4").tobytes()


@dataclass(frozen=True, slots=True)
class VectorFeaturizer:
    """One bag per row with every column in it, as (value - mean) / deviation of the rows it was fitted on."""

    dimensions: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return "vector"

    @property
    def parameters(self) -> Parameters:
        return {"dimensions": self.dimensions, "mean": list(self.mean), "deviation": list(self.deviation)}

    @property
    def width(self) -> int:
        return self.dimensions

    def fitted(self, inputs: Inputs, /) -> Self:
        """The same featurizer with the mean and deviation of `inputs`; a constant column gets deviation 1."""
        vectors = self._vectors(inputs).astype(np.float64)
        deviation = vectors.std(axis=0)
        deviation[deviation == 0] = 1.0
        return replace(self, mean=tuple(vectors.mean(axis=0).tolist()), deviation=tuple(deviation.tolist()))

    def sizes(self, inputs: Inputs) -> NDArray[np.int64]:
        return np.full(len(inputs), self.dimensions, np.int64)

    def example(self) -> Inputs:
        return np.zeros((1, self.dimensions), np.float32)

    def bags(self, inputs: Inputs) -> Bags:
        vectors = self._vectors(inputs)
        if self.mean:
            mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
            vectors = np.asarray((vectors - mean) / deviation, np.float32)
        rows = len(vectors)
        columns = np.tile(np.arange(self.dimensions, dtype=np.int32), rows)
        offsets = np.arange(rows, dtype=np.int32) * np.int32(self.dimensions)
        return Bags(columns, offsets, vectors.astype(np.float32).reshape(-1), np.ones((1, rows), np.float32))

    def _vectors(self, inputs: Inputs) -> NDArray[np.float32]:
        vectors = np.asarray(inputs, np.float32)
        if vectors.size == 0:
            return np.empty((0, self.dimensions), np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.dimensions:
            raise InvalidVector(f"a batch of shape {vectors.shape} does not fit; expected [rows, {self.dimensions}]")
        return vectors
