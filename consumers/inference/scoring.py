"""From inputs to answers: one call of the model a batch, checked row by row, and only the row at fault fails."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.models.bags import Inputs, Row
from schemas.values import Level
from streams.assurance.uncertainty import level, uncertainty

Floats = NDArray[np.float64]
Content = str | Row | NDArray[np.float32]

SUM_TOLERANCE: Final = 1e-6  # how far a row of probabilities may be from one
LONGEST_DETAIL: Final = 200  # characters of a model's error that an event carries


class Scorer(Protocol):
    """A loaded model. A row's scores must not depend on its neighbours in the batch."""

    @property
    def digest(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def calibrator_version(self) -> str: ...

    @property
    def featurizer_name(self) -> str:
        """`text` takes texts, `tabular` rows of named columns, `vector` float32 `[B, D]`."""
        ...

    def scores(self, inputs: Inputs, /) -> Floats:
        """Calibrated probabilities `[B, C]` in the order of `classes`."""
        ...


class Scored(NamedTuple):
    """What the model says of one input."""

    probabilities: tuple[float, ...]
    label: str
    confidence: float
    level: Level
    entropy: float  # nats
    margin: float
    least_confident: float


class Failed(NamedTuple):
    """Why there is no prediction."""

    reason: str


Answer = Scored | Failed

NO_INPUT: Final = Failed("no_input")  # encrypted, missing, empty, or not what the model reads
NO_MODEL: Final = Failed("no_model")
MODEL_UNAVAILABLE: Final = Failed("model_unavailable")
WRONG_SHAPE: Final = Failed("wrong_shape")
NOT_FINITE: Final = Failed("not_finite")
NOT_PROBABILITIES: Final = Failed("not_probabilities")
OTHER_CLASSES: Final = Failed("other_classes")  # the policy's classes are no longer the model's


def answers(scorer: Scorer, contents: Sequence[Content]) -> list[Answer]:
    """One answer per content, in order; vectors `[D]` of different lengths are scored apart."""
    groups: dict[int, list[int]] = {}
    for row, content in enumerate(contents):
        groups.setdefault(len(content) if isinstance(content, np.ndarray) else 0, []).append(row)
    found: list[Answer] = [NO_INPUT] * len(contents)
    for rows in groups.values():
        for row, answer in zip(rows, _together(scorer, _inputs([contents[row] for row in rows])), strict=True):
            found[row] = answer
    return found


def _inputs(contents: Sequence[Content]) -> Inputs:
    """Contents of one kind, which one featurizer reads, as a batch."""
    vectors = [content for content in contents if isinstance(content, np.ndarray)]
    if vectors:
        return np.stack(vectors)
    texts = [content for content in contents if isinstance(content, str)]
    return texts or [content for content in contents if isinstance(content, Mapping)]


def _together(scorer: Scorer, inputs: Inputs) -> list[Answer]:
    """The answers of one call; a call that fails is halved until the input at fault stands alone."""
    failed = _scored(scorer, inputs)
    if not isinstance(failed, Failed):
        return judged(failed, scorer.classes)
    if len(inputs) == 1:
        return [failed]
    half = len(inputs) // 2
    return _together(scorer, inputs[:half]) + _together(scorer, inputs[half:])


def _scored(scorer: Scorer, inputs: Inputs) -> Floats | Failed:
    try:
        found = np.ascontiguousarray(scorer.scores(inputs), np.float64)
    except Exception as error:  # noqa: BLE001 - whatever a model raises must not stop the requests beside it
        return Failed(f"model_raised: {type(error).__name__}: {error}"[:LONGEST_DETAIL])
    return found if found.shape == (len(inputs), len(scorer.classes)) else WRONG_SHAPE


def judged(probabilities: Floats, classes: Sequence[str]) -> list[Answer]:
    """Each row of `[B, C]` as an answer; a row that is not a distribution over the classes fails alone."""
    finite = np.asarray(np.isfinite(probabilities).all(axis=1))  # [B]
    with np.errstate(invalid="ignore", over="ignore"):  # sums of infinities
        sums_to_one = np.abs(probabilities.sum(axis=1) - 1) <= SUM_TOLERANCE
    proper: NDArray[np.bool_] = finite & (probabilities >= 0).all(axis=1) & sums_to_one
    if not proper.all():
        probabilities = np.where(proper[:, None], probabilities, 1 / len(classes))
    predicted, confidence, entropy, least_confident, margin = (
        column.tolist() for column in uncertainty(probabilities)
    )  # one conversion a batch: numpy scalars cost more than the arithmetic
    rows = zip(
        proper.tolist(), finite.tolist(), probabilities.tolist(), predicted, confidence, entropy, margin,
        least_confident, strict=True,
    )  # fmt: skip
    return [
        Scored(tuple(row), classes[place], sure, level(sure), nats, gap, doubt)
        if good
        else (NOT_PROBABILITIES if number else NOT_FINITE)
        for good, number, row, place, sure, nats, gap, doubt in rows
    ]
