"""The newest answer per request, each used for one thing only."""

import msgspec
import pytest

from consumers.training.labels import dataset, featurizer_for
from infra.models.vector import encode_vector
from schemas.events import DecisionRequested, FeedbackRecorded
from schemas.values import FeedbackKind, FeedbackType, Split
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


def test_features_of_the_newest_length_are_used() -> None:
    scans = parse_workflow(document(featurizer="vector"))
    answers = [
        about(n, DecisionRequested(request_id=f"r{n}", workflow="posts", features=encode_vector([0.5] * length)))
        for n, length in enumerate([3, 2, 2])
    ]
    found = dataset(answers, scans, CODEC)
    assert [row.request_id for row in found.fitting] == ["r1", "r2"]
    assert featurizer_for(scans, found.fitting).width == 2
