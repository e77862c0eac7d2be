"""Labelled examples as values: the newest answer per request, its splits, its weights, its digest."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import msgspec
import numpy as np
from numpy.typing import NDArray

from infra.models.bags import Inputs, Row
from infra.models.vector import decode_vector
from schemas.values import Split

Content = str | bytes | Row


class Profile(StrEnum):
    """How much an example weighs: as specified for feedback (1/2/3 × reviewer's confidence), or all the same."""

    SPECIFIED = "specified"
    UNIFORM = "uniform"


class InvalidDataset(ValueError):
    """The labelled examples cannot train a model. Correct the rows named, or collect labels of every class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One answer of a person: `content` is a text, float32 little-endian features, or named columns."""

    request_id: str
    content: Content
    label: str
    weight: float = 1.0  # type weight × reviewer's confidence
    blind: bool = False
    split: Split = Split.TRAIN
    inclusion_probability: float = 1.0


def newest_per_request(answers: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """The last answer to each request, in the order of those last answers."""
    newest: dict[str, Labelled] = {}
    for answer in answers:
        newest.pop(answer.request_id, None)
        newest[answer.request_id] = answer
    return tuple(newest.values())


def fitting_rows(rows: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """What the weights may be fitted on: every answer but the blind ones, which calibrate, gate and certify."""
    return tuple(row for row in rows if not row.blind)


def blind_rows(rows: Iterable[Labelled], split: Split) -> tuple[Labelled, ...]:
    """The blind answers of one split."""
    return tuple(row for row in rows if row.blind and row.split is split)


def sample_weights(rows: Sequence[Labelled], profile: Profile) -> NDArray[np.float64]:
    """Weights `[n]` with mean 1; a row of weight 0 (a reviewer without any confidence) teaches nothing."""
    match profile:
        case Profile.UNIFORM:
            return np.ones(len(rows))
        case Profile.SPECIFIED:
            weights = np.array([row.weight for row in rows], np.float64)
            if weights.size and not (np.isfinite(weights).all() and weights.min() >= 0 and weights.sum() > 0):
                raise InvalidDataset(
                    "the sample weights must be finite, not negative, and not all zero; use the profile `uniform`"
                )
            return weights / weights.mean() if weights.size else weights
        case _:
            assert_never(profile)


def class_indices(rows: Sequence[Labelled], classes: Sequence[str]) -> NDArray[np.int64]:
    """Place of each label among the classes `[n]`; raises InvalidDataset for a label that is none of them."""
    places = {name: place for place, name in enumerate(classes)}
    try:
        return np.array([places[row.label] for row in rows], np.int64)
    except KeyError as unknown:
        row = next(row for row in rows if row.label not in places)
        raise InvalidDataset(f"{row.request_id} is labelled {unknown}; the classes are {', '.join(classes)}") from None


def label_counts(rows: Sequence[Labelled], classes: Sequence[str]) -> dict[str, int]:
    """How many rows each class has."""
    counts = Counter(row.label for row in rows)
    return {name: counts[name] for name in classes}


def inclusion_probabilities(rows: Sequence[Labelled]) -> NDArray[np.float64]:
    """Probability with which chance drew each row `[n]`."""
    return np.array([row.inclusion_probability for row in rows], np.float64)


def inputs(rows: Sequence[Labelled], featurizer_name: str, dimensions: int = 0) -> Inputs:
    """The contents as the featurizer takes them; raises InvalidDataset for a row of the other kind or length."""
    if featurizer_name == "tabular":
        return [_columns(row) for row in rows]
    if featurizer_name != "vector":
        return [_text(row) for row in rows]
    if not rows:
        return np.empty((0, dimensions), np.float32)
    return np.stack([_vector(row, dimensions) for row in rows])


def _text(row: Labelled) -> str:
    if not isinstance(row.content, str):
        raise InvalidDataset(f"{row.request_id} holds no text, which is what the featurizer reads")
    return row.content


def _columns(row: Labelled) -> Row:
    if not isinstance(row.content, Mapping):
        raise InvalidDataset(f"{row.request_id} holds no named columns, which is what the featurizer reads")
    return row.content


def _vector(row: Labelled, dimensions: int) -> NDArray[np.float32]:
    if not isinstance(row.content, bytes):
        raise InvalidDataset(f"{row.request_id} holds no features, which is what the featurizer reads")
    try:
        return decode_vector(row.content, dimensions)
    except ValueError as error:
        raise InvalidDataset(f"{row.request_id}: {error}") from error


def canonical(rows: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """Sorted by request id, so that a fit does not depend on the order in which answers came."""
    return tuple(sorted(rows, key=lambda row: row.request_id))


def dataset_digest(rows: Iterable[Labelled]) -> str:
    """sha256 over the rows in canonical order."""
    digest = hashlib.sha256()
    for row in canonical(rows):
        facts = (
            row.request_id,
            hashlib.sha256(_bytes(row.content)).hexdigest(),
            row.label,
            row.weight,
            row.blind,
            row.split.value,
            row.inclusion_probability,
        )
        digest.update(repr(facts).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _bytes(content: Content) -> bytes:
    match content:
        case bytes():
            return content
        case str():
            return content.encode("utf-8", "surrogatepass")
        case _:
            return msgspec.json.encode(dict(content), order="sorted")
