import numpy as np
import pytest

from infra.models.featurizers import UnknownFeaturizer, featurizer
from infra.models.text import TextFeaturizer
from infra.models.vector import InvalidVector, VectorFeaturizer, decode_vector, encode_vector


def test_vectors_survive_the_wire() -> None:
    values = np.array([0.5, -1.25, 3e30], np.float32)
    assert encode_vector(values)[:4] == b"\x00\x00\x00\x3f"
    assert decode_vector(encode_vector(values), 3).tolist() == values.tolist()


@pytest.mark.parametrize("features", [b"", b"\0" * 7, b"\0" * 12, encode_vector([1.0, float("nan")])])
def test_features_of_another_length_or_not_finite_are_refused(features: bytes) -> None:
    with pytest.raises(InvalidVector, match=r"expected 8 bytes|expected 8 \(2|not a finite number"):
        decode_vector(features, 2)


def test_columns_are_standardised_and_constant_ones_stay_finite() -> None:
    rows = np.array([[1.0, 7.0], [3.0, 7.0]], np.float32)
    bags = VectorFeaturizer(2).fitted(rows).bags(rows)
    assert bags.values is not None
    assert bags.values.tolist() == [-1.0, 0.0, 1.0, 0.0]


def test_a_batch_of_another_width_is_refused() -> None:
    with pytest.raises(InvalidVector, match=r"expected \[rows, 3\]"):
        VectorFeaturizer(3).bags(np.zeros((4, 2), np.float32))


@pytest.mark.parametrize("made", [TextFeaturizer(bits=12), VectorFeaturizer(2, (0.0, 1.0), (1.0, 2.0))])
def test_a_featurizer_is_rebuilt_from_its_name_and_parameters(made: TextFeaturizer | VectorFeaturizer) -> None:
    assert featurizer(made.name, made.parameters) == made


def test_unknown_names_and_parameters_are_refused() -> None:
    with pytest.raises(UnknownFeaturizer, match="there are tabular, text, vector"):
        featurizer("image", {})
    with pytest.raises(UnknownFeaturizer, match="bits"):
        featurizer("text", {"bits": "many"})
