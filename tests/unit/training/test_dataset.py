import numpy as np
import pytest

from consumers.training.dataset import (
    Content,
    InvalidDataset,
    Labelled,
    Profile,
    blind_rows,
    class_indices,
    dataset_digest,
    fitting_rows,
    inputs,
    newest_per_request,
    sample_weights,
)
from infra.models.vector import encode_vector
from schemas.values import Split


def answer(request_id: str, label: str = "yes", weight: float = 1.0, content: Content = "text") -> Labelled:
    return Labelled(request_id=request_id, content=content, label=label, weight=weight)


def test_the_newest_answer_to_a_request_wins() -> None:
    newest = newest_per_request([answer("a", "yes"), answer("b", "no"), answer("a", "no")])
    assert [(row.request_id, row.label) for row in newest] == [("b", "no"), ("a", "no")]


def test_blind_answers_are_not_fitted_on_and_belong_to_one_split() -> None:
    rows = [
        answer("ordinary"),
        *(Labelled(request_id=split.value, content="t", label="yes", blind=True, split=split) for split in Split),
    ]
    assert [row.request_id for row in fitting_rows(rows)] == ["ordinary"]
    assert [row.request_id for row in blind_rows(rows, Split.GATE)] == ["gate"]
    assert [row.request_id for row in blind_rows(rows, Split.TRAIN)] == ["train"]


def test_specified_weights_keep_their_proportions_with_mean_one() -> None:
    rows = [answer("a", weight=0.5), answer("b", weight=3.0), answer("c", weight=2.5)]
    assert sample_weights(rows, Profile.SPECIFIED).tolist() == [0.25, 1.5, 1.25]
    assert sample_weights(rows, Profile.UNIFORM).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), 0.0])
def test_weights_that_cannot_weigh_are_refused(weight: float) -> None:
    with pytest.raises(InvalidDataset, match="uniform"):
        sample_weights([answer("a", weight=weight)], Profile.SPECIFIED)


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(InvalidDataset, match="b is labelled 'perhaps'; the classes are no, yes"):
        class_indices([answer("a"), answer("b", "perhaps")], ("no", "yes"))


def test_contents_of_the_other_kind_are_named() -> None:
    with pytest.raises(InvalidDataset, match="a holds no text"):
        inputs([answer("a", content=b"1234")], "text")
    with pytest.raises(InvalidDataset, match="a holds no features"):
        inputs([answer("a")], "vector", 1)
    with pytest.raises(InvalidDataset, match="a holds no named columns"):
        inputs([answer("a")], "tabular")
    with pytest.raises(InvalidDataset, match="a holds no text"):
        inputs([answer("a", content={"amount": 1})], "text")
    with pytest.raises(InvalidDataset, match="a: features hold 4 bytes, expected 8"):
        inputs([answer("a", content=b"1234")], "vector", 2)


def test_features_become_rows() -> None:
    rows = [answer("a", content=encode_vector([1, 2])), answer("b", content=encode_vector([3, 4]))]
    assert np.asarray(inputs(rows, "vector", 2)).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_the_digest_of_columns_ignores_their_order_and_sees_every_value() -> None:
    one, turned = answer("a", content={"x": 1, "y": "z"}), answer("a", content={"y": "z", "x": 1})
    assert dataset_digest([one]) == dataset_digest([turned])
    others: list[Content] = [{"x": 1}, {"x": 2, "y": "z"}, {"x": 1, "y": "z", "more": True}]
    for other in others:
        assert dataset_digest([answer("a", content=other)]) != dataset_digest([one])


def test_the_digest_ignores_order_and_nothing_else() -> None:
    one, two = answer("a"), answer("b")
    digests = {
        dataset_digest(rows) for rows in ([one, two], [one], [one, answer("b", "no")], [one, answer("b", weight=2)])
    }
    assert len(digests) == 4
    assert dataset_digest([two, one]) in digests
