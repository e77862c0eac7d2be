"""The recorded answers are all there, and whose they are."""

from collections import Counter
from itertools import islice

from producers.simulate.convabuse import ABUSIVE, first_answers, recorded_answers


def test_all_answers_are_there() -> None:
    answers = list(recorded_answers())
    assert len(answers) == 12_768
    assert len({answer.item for answer in answers}) == 4_185
    assert len({answer.reviewer_id for answer in answers}) == 8
    assert 0.1 < sum(answer.label == ABUSIVE for answer in answers) / len(answers) < 0.25


def test_they_come_one_at_a_time() -> None:
    (first,) = islice(recorded_answers(), 1)
    assert first == (
        ("245846.0", "Does that question interest you?", "because my finger is happy",
         "Why do you say your finger is happy?", "do you rember japan"),
        "Annotator7",
        "harmless",
    )  # fmt: skip


def test_a_second_answer_of_the_same_person_is_left_out() -> None:
    first = list(first_answers(recorded_answers()))
    assert len(first) == 12_768 - 357
    assert max(Counter((answer.item, answer.reviewer_id) for answer in first).values()) == 1
    assert first[0] == next(recorded_answers())
