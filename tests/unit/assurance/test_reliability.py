"""What is known of a person: counted once, bounded exactly, and told when there is something to tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from streams.assurance.intervals import clopper_pearson
from streams.assurance.policy import ReliabilityPolicy
from streams.assurance.reliability import Assessment, Record, Told, assess, is_material, with_gold, with_overlap
from streams.assurance.rights import Right, may_adjudicate

POLICY = ReliabilityPolicy()
Answers = list[tuple[str, str]]


def record_of(answers: Answers, *, overlaps: int = 0, agreed: int = 0) -> Record:
    """Answers as (gold id, label); the right label is `a`."""
    record = Record()
    for gold_id, label in answers:
        record = with_gold(record, gold_id=gold_id, label=label, right=label == "a")
    for number in range(overlaps):
        record = with_overlap(record, agreed=number < agreed)
    return record


def questions(right: int, wrong: int) -> Answers:
    return [(f"g{n}", "a" if n < right else "b") for n in range(right + wrong)]


def assessed(record: Record) -> Assessment:
    return assess(record, POLICY, classes=2)


def test_of_a_question_the_first_answer_is_evidence_and_the_others_are_repeats() -> None:
    record = record_of([("g1", "a"), ("g2", "b"), ("g1", "a"), ("g1", "b"), ("g2", "b")])
    assert (record.gold, record.right, record.repeats, record.alike) == (2, 1, 3, 2)
    assert record.screening.answers == 2
    assert assessed(record).consistency == pytest.approx(2 / 3)


def test_without_gold_there_is_no_accuracy_and_without_repeats_no_consistency() -> None:
    found = assessed(record_of([], overlaps=12, agreed=11))
    assert (found.accuracy, found.consistency, found.suspect) == (None, None, False)
    assert found.adjudicates == Right(True, "no gold question answered yet")


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_is_scipys(right: int, wrong: int) -> None:
    found = assess(Record(answered=dict(questions(right, wrong)), right=right), POLICY, classes=2).accuracy
    if right + wrong == 0:
        assert found is None
    else:
        low = 0.0 if right == 0 else beta.ppf(0.025, right, wrong + 1)
        high = 1.0 if wrong == 0 else beta.ppf(0.975, right + 1, wrong)
        assert found == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("right", "of", "proven", "granted"),
    [
        (18, 20, False, True),
        (14, 20, False, False),  # 45.7 to 88.1 %: excluded
        (18, 20, True, False),
        (99, 100, True, True),  # from 94.6 %
        (0, 0, False, True),
        (0, 0, True, False),
    ],
)
def test_who_may_adjudicate(right: int, of: int, proven: bool, granted: bool) -> None:
    policy = ReliabilityPolicy(proven=proven)
    found = assess(record_of(questions(right, of - right)), policy, classes=2).adjudicates
    assert found.granted is granted
    assert found.reason


def test_a_right_is_denied_with_its_reason() -> None:
    denied = may_adjudicate(14, 20, clopper_pearson(14, 20), suspect=False, policy=POLICY)
    assert denied == Right(False, "14 of 20 gold questions right (95%: 45.7% to 88.1%), 90% are excluded")


def test_who_is_suspected_does_not_adjudicate() -> None:
    interval = clopper_pearson(99, 100)
    suspected = may_adjudicate(99, 100, interval, suspect=True, policy=POLICY)
    assert not suspected.granted
    assert suspected.reason.endswith(", too few for careful answers")


def test_the_first_ten_answers_are_told_then_every_tenth_more() -> None:
    told: Told | None = None
    at: list[int] = []
    for number in range(1, 201):
        found = assessed(record_of(questions(number, 0)))
        if is_material(told, found):
            at.append(number)
            told = Told(evidence=number, suspect=found.suspect, adjudicates=found.adjudicates.granted)
    assert at[:9] == [10, 15, 20, 25, 30, 35, 40, 45, 50]
    assert at[9:] == [55, 61, 68, 75, 83, 92, 102, 113, 125, 138, 152, 168, 185]


def test_what_changes_for_a_person_is_told_at_once() -> None:
    careless = assessed(record_of(questions(0, 5)))
    assert careless.suspect
    assert is_material(None, careless)
    assert not is_material(Told(evidence=5, suspect=True, adjudicates=False), careless)
    assert is_material(Told(evidence=5, suspect=True, adjudicates=True), careless)
