"""The newest answer per request, each used for one thing only."""

import msgspec
import pytest

from consumers.training.labels import dataset, featurizer_for
from infra.models.tabular import TabularFeaturizer
from infra.models.vector import encode_vector
from schemas.events import DecisionRequested, FeedbackRecorded
from schemas.values import FeedbackKind, FeedbackType, Payload, Split
from streams.workflow.types import parse_workflow
from tests.support.learning import CODEC, document, feedback, request

POSTS = parse_workflow(document())


def about(number: int, asked: DecisionRequested, label: str | None = "approve") -> FeedbackRecorded:
    """An answer about another request than the usual one."""
    body, fingerprint = CODEC.body(CODEC.encode(asked))
    return msgspec.structs.replace(
        feedback(number, label=label), request_id=asked.request_id, request_body=body, request_fingerprint=fingerprint
    )


def test_blind_answers_calibrate_or_gate_and_the_rest_are_fitted() -> None:
    found = dataset(
        [
            feedback(1),
            feedback(2, blind=True),
            feedback(3, blind=True, split=Split.GATE, probability=0.3),
            feedback(4, blind=True, split=Split.CERTIFICATE),
            feedback(5, kind=FeedbackKind.IMPORTED, type=FeedbackType.NONE),
        ],
        POSTS,
        CODEC,
    )
    assert [[row.request_id for row in part] for part in found] == [["r1", "r5"], ["r2"], ["r3"]]
    assert found.gate[0].inclusion_probability == 0.3


def test_an_answer_kept_for_gate_or_certificate_is_not_fitted_even_if_it_was_not_blind() -> None:
    found = dataset([feedback(1, split=Split.GATE), feedback(2, split=Split.CERTIFICATE)], POSTS, CODEC)
    assert found == ((), (), ())


def test_the_newest_answer_counts() -> None:
    answers = [feedback(1, request_id="r", label="approve"), feedback(2), feedback(3, request_id="r", label="reject")]
    assert [(row.request_id, row.label) for row in dataset(answers, POSTS, CODEC).fitting] == [
        ("r2", "approve"),
        ("r", "reject"),
    ]


def test_a_blind_answer_stands_against_what_an_expert_says_who_saw_the_outcome() -> None:
    """Else every contradicted audit would leave the gate's sample, and the model look better than it is."""
    blind = feedback(1, request_id="r", blind=True, split=Split.GATE, label="reject", probability=0.3)
    later = feedback(2, request_id="r", label="approve", kind=FeedbackKind.EXPERT)
    assert [row.label for row in dataset([blind, later], POSTS, CODEC).gate] == ["reject"]
    again = feedback(3, request_id="r", blind=True, split=Split.GATE, label="approve", probability=0.3)
    assert [row.label for row in dataset([blind, later, again], POSTS, CODEC).gate] == ["approve"]


def test_an_answer_taken_back_leaves_no_label() -> None:
    answers = [feedback(1, request_id="r"), feedback(2, request_id="r", label=None, type=FeedbackType.NEGATIVE)]
    assert dataset(answers, POSTS, CODEC).fitting == ()


@pytest.mark.parametrize(
    "one",
    [
        feedback(1, label="unclear"),
        feedback(1, text=" "),
        about(1, request("r1", "secret", encrypted=True)),
        about(1, DecisionRequested(request_id="r1", workflow="posts")),
    ],
)
def test_what_cannot_be_read_or_is_no_class_is_left_out(one: FeedbackRecorded) -> None:
    assert dataset([one, feedback(2)], POSTS, CODEC).fitting == dataset([feedback(2)], POSTS, CODEC).fitting


SCANS = parse_workflow(document(featurizer="vector"))


def scan(number: int, length: int, *, value: float = 0.5) -> FeedbackRecorded:
    """An answer about a request that holds so many features."""
    features = encode_vector([value] * length)
    return about(number, DecisionRequested(request_id=f"r{number}", workflow="posts", features=features))


@pytest.mark.parametrize(
    ("lengths", "kept", "width"),
    [
        ([3, 2, 2], ["r1", "r2"], 2),
        ([2, 2, 3], ["r0", "r1"], 2),
        ([2, 3], ["r1"], 3),
        ([2] * 150 + [3] * 51, [f"r{n}" for n in range(150, 201)], 3),
    ],
    ids=["newest are most", "newest is stray", "tie", "changed for good"],
)
def test_features_of_the_length_that_most_recent_answers_have_are_used(
    lengths: list[int], kept: list[str], width: int
) -> None:
    found = dataset([scan(n, length) for n, length in enumerate(lengths)], SCANS, CODEC)
    assert [row.request_id for row in found.fitting] == kept
    assert featurizer_for(SCANS, found.fitting).width == width


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_no_finite_numbers_are_left_out(value: float) -> None:
    found = dataset([scan(1, 2), scan(2, 2, value=value)], SCANS, CODEC)
    assert [row.request_id for row in found.fitting] == ["r1"]


def test_features_that_are_no_whole_numbers_are_left_out() -> None:
    odd = about(1, DecisionRequested(request_id="r1", workflow="posts", features=b"12345"))
    assert dataset([odd], SCANS, CODEC) == ((), (), ())


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0, 1e308])
def test_an_answer_of_impossible_weight_is_left_out(weight: float) -> None:
    bad = msgspec.structs.replace(feedback(1), weight=weight)
    assert [row.request_id for row in dataset([bad, feedback(2)], POSTS, CODEC).fitting] == ["r2"]


@pytest.mark.parametrize("probability", [0.0, -0.5, 1.5, float("nan"), 5e-324])
def test_an_answer_that_chance_cannot_have_drawn_is_left_out(probability: float) -> None:
    answers = [feedback(n, blind=True, split=Split.GATE, probability=p) for n, p in ((1, probability), (2, 0.3))]
    assert [row.request_id for row in dataset(answers, POSTS, CODEC).gate] == ["r2"]


COLUMNS = '[columns]\nnumeric = ["amount"]\ncategorical = ["use"]\nrequired = ["amount"]\n'
LOANS = parse_workflow(document(featurizer="tabular", more=COLUMNS))


def loan(number: int, **fields: str | float) -> FeedbackRecorded:
    """An answer about a request with these fields."""
    body = msgspec.json.encode(fields)
    return about(number, DecisionRequested(request_id=f"r{number}", workflow="posts", payload=Payload(body=body)))


def test_columns_are_read_with_all_other_fields_and_what_lacks_a_required_one_is_left_out() -> None:
    told = [loan(1, amount=5, use="car", more="kept"), loan(2, use="car"), loan(3, amount="12.5"), loan(4, amount="?")]
    found = dataset(told, LOANS, CODEC)
    assert [row.content for row in found.fitting] == [{"amount": 5, "use": "car", "more": "kept"}, {"amount": "12.5"}]
    made = featurizer_for(LOANS, found.fitting)
    assert made.parameters == TabularFeaturizer(("amount",), ("use",)).parameters
