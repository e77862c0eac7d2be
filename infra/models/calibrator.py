"""A fitted calibrator as a value, and how it turns logits into probabilities."""

import hashlib
from enum import StrEnum
from typing import assert_never

import msgspec
import numpy as np
from numpy.typing import NDArray


class CalibratorKind(StrEnum):
    IDENTITY = "identity"
    TEMPERATURE = "temperature"
    PLATT = "platt"


class Calibrator(msgspec.Struct, frozen=True, kw_only=True):
    """`identity` has no parameters, `temperature` (T), `platt` (slope, intercept) of the second of two classes."""

    kind: CalibratorKind = CalibratorKind.IDENTITY
    parameters: tuple[float, ...] = ()
    version: str = "identity"


def calibrator(kind: CalibratorKind, *parameters: float) -> Calibrator:
    """A calibrator whose version names its kind and the digest of its parameters."""
    digest = hashlib.sha256(repr((kind.value, parameters)).encode()).hexdigest()
    return Calibrator(kind=kind, parameters=parameters, version=f"{kind.value}-{digest[:12]}")


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[B, C]` → `[B, C]`, rows sum to one."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def calibrate(logits: NDArray[np.float64], by: Calibrator) -> NDArray[np.float64]:
    """Calibrated probabilities `[B, C]`. Temperature: Guo et al. 2017; Platt scaling (two classes only): Platt 1999."""
    match by.kind:
        case CalibratorKind.IDENTITY:
            return softmax(logits)
        case CalibratorKind.TEMPERATURE:
            return softmax(logits / by.parameters[0])
        case CalibratorKind.PLATT:
            slope, intercept = by.parameters
            scaled = np.zeros_like(logits)
            scaled[:, 1] = slope * (logits[:, 1] - logits[:, 0]) + intercept
            return softmax(scaled)
        case _:
            assert_never(by.kind)
