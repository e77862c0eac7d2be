"""Coefficients of agreement: against other people's code, on tables that nobody chose, and where they have no value."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from sklearn.metrics import cohen_kappa_score

from streams.assurance.agreement import (
    ONE_CLASS,
    UNPAIRED,
    agreement,
    cohen_kappa,
    fleiss_kappa,
    from_patterns,
    gwet_ac1,
    krippendorff_alpha,
    pairwise,
    ratings,
)

CLASSES = "abcd"
units = st.lists(st.lists(st.sampled_from(CLASSES), max_size=5), min_size=1, max_size=12)
full = st.integers(2, 4).flatmap(
    lambda people: st.lists(
        st.lists(st.sampled_from(CLASSES), min_size=people, max_size=people), min_size=2, max_size=12
    )
)


def pairs_of(unit: Sequence[str]) -> list[tuple[str, str]]:
    return list(combinations(unit, 2))


def observed_in(table: list[list[str]]) -> float:
    return sum(sum(a == b for a, b in pairs_of(unit)) / len(pairs_of(unit)) for unit in table) / len(table)


def nltk_task(table: list[list[str]]) -> Any:
    return AnnotationTask(
        [(f"person{person}", f"unit{n}", label) for n, unit in enumerate(table) for person, label in enumerate(unit)]
    )


@given(units)
def test_pairwise_is_the_mean_share_of_pairs_that_agree(table: list[list[str]]) -> None:
    shares = [
        sum(one == other for one, other in pairs_of(unit)) / len(pairs_of(unit)) for unit in table if len(unit) > 1
    ]
    found = pairwise(ratings(table, CLASSES))
    if not shares:
        assert (found.value, found.why_not) == (None, UNPAIRED)
    else:
        assert found.value == pytest.approx(sum(shares) / len(shares), abs=1e-9)


@given(units)
def test_alpha_is_what_nltk_gives(table: list[list[str]]) -> None:
    paired = [unit for unit in table if len(unit) > 1]
    found = krippendorff_alpha(ratings(table, CLASSES))
    if len({label for unit in paired for label in unit}) < 2:
        assert found.value is None
        assert found.why_not == (ONE_CLASS if paired else UNPAIRED)
    else:
        assert found.value == pytest.approx(nltk_task(paired).alpha(), abs=1e-9)


@given(full)
def test_fleiss_kappa_of_full_tables_is_the_formula_of_the_paper(table: list[list[str]]) -> None:
    found = fleiss_kappa(ratings(table, CLASSES))
    answers = [label for unit in table for label in unit]
    if len(set(answers)) < 2:
        assert found.why_not == ONE_CLASS
    else:
        chance = sum((answers.count(label) / len(answers)) ** 2 for label in set(answers))
        assert found.value == pytest.approx((observed_in(table) - chance) / (1 - chance), abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40))
def test_cohen_kappa_is_what_scikit_learn_gives(answers: list[tuple[str, str]]) -> None:
    found = cohen_kappa(answers)
    first, second = ([pair[person] for pair in answers] for person in (0, 1))
    if len(set(first + second)) == 1:
        assert (found.value, found.why_not) == (None, ONE_CLASS)
    else:
        assert found.value == pytest.approx(float(cohen_kappa_score(first, second)), abs=1e-9)


@given(full)
def test_ac1_is_the_formula_of_the_paper(table: list[list[str]]) -> None:
    shares = [sum(unit.count(label) for unit in table) / sum(map(len, table)) for label in CLASSES]
    chance = sum(share * (1 - share) for share in shares) / (len(CLASSES) - 1)
    found = gwet_ac1(ratings(table, CLASSES))
    assert found.value == pytest.approx((observed_in(table) - chance) / (1 - chance), abs=1e-9)


@given(units, st.randoms(use_true_random=False))
def test_neither_people_nor_classes_nor_units_have_an_order(table: list[list[str]], chance: Any) -> None:
    mixed = [chance.sample(unit, len(unit)) for unit in chance.sample(table, len(table))]
    before, after = agreement(ratings(table, CLASSES)), agreement(ratings(mixed, CLASSES[::-1]))
    assert (before.units, before.answers) == (after.units, after.answers)
    for name in ("pairwise", "krippendorff_alpha", "gwet_ac1", "fleiss_kappa"):
        one, other = getattr(before, name), getattr(after, name)
        assert one.why_not == other.why_not
        assert one.value == other.value or one.value == pytest.approx(other.value, abs=1e-9)


@given(units)
def test_a_coefficient_has_either_a_value_or_a_reason(table: list[list[str]]) -> None:
    found = agreement(ratings(table, CLASSES))
    for each in (found.pairwise, found.krippendorff_alpha, found.gwet_ac1, found.fleiss_kappa):
        assert (each.value is None) == (each.why_not is not None)
        assert each.value is None or -math.inf < each.value <= 1 + 1e-12  # NaN is neither


def test_what_everybody_answers_alike_has_no_alpha_and_no_kappa_but_an_ac1() -> None:
    found = agreement(ratings(["aa", "aaa"], "ab"))
    assert str(found.krippendorff_alpha) == f"undefined, because {ONE_CLASS}"
    assert found.fleiss_kappa.why_not == ONE_CLASS
    assert found.gwet_ac1.value == found.pairwise.value == 1.0
    assert gwet_ac1(ratings(["aa"], "a")).why_not == "only one class can be answered"


def test_without_two_answers_nothing_is_known() -> None:
    found = agreement(ratings(["a", "b", ""], "ab"))
    reasons = {found.pairwise.why_not, found.krippendorff_alpha.why_not, found.gwet_ac1.why_not}
    assert reasons == {found.fleiss_kappa.why_not} == {UNPAIRED}
    assert (found.units, found.answers) == (0, 0)
    assert cohen_kappa([]).why_not == fleiss_kappa(from_patterns({}, 2)).why_not == UNPAIRED


def test_prevalence_breaks_alpha_and_not_ac1() -> None:
    """The published oddity: nine of ten agree in both, and α says hardly more than chance."""
    rare = from_patterns({(2, 0): 90, (1, 1): 10}, 2)
    common = from_patterns({(2, 0): 45, (0, 2): 45, (1, 1): 10}, 2)
    assert pairwise(rare) == pairwise(common)
    alphas = [krippendorff_alpha(each).value or 0.0 for each in (rare, common)]
    coefficients = [gwet_ac1(each).value or 0.0 for each in (rare, common)]
    assert alphas[0] < 0 < 0.79 < alphas[1]
    assert coefficients == pytest.approx([0.89, 0.8], abs=0.01)
