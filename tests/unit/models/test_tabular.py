"""Rows of named columns become the same numbers whatever lies beside them; what is missing or new is no garbage."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.models.artefact import FeaturizerSpec, Manifest, Provenance, encode_manifest, seal
from infra.models.bags import Cell, Row
from infra.models.classifier import Classifier
from infra.models.featurizers import UnknownFeaturizer, featurizer
from infra.models.store import load, save
from infra.models.tabular import (
    FARTHEST,
    MOST_CATEGORIES,
    InvalidRow,
    TabularFeaturizer,
    category,
    missing_columns,
    number,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # also where others are at work
LOANS = TabularFeaturizer(numeric=("amount", "months"), categorical=("purpose", "housing"))
ROWS: list[Row] = [
    {"amount": 1_000, "months": 12, "purpose": "car", "housing": "own"},
    {"amount": 3_000, "months": 12, "purpose": "radio", "housing": "rent"},
    {"amount": 2_000.0, "months": 12, "purpose": "car", "housing": 7},
]
FITTED = LOANS.fitted(ROWS)
CELLS: st.SearchStrategy[Cell] = (
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["car", "own", "1e3", ""])
)
ANY_ROWS = st.lists(st.dictionaries(st.sampled_from(["amount", "months", "purpose", "housing", "other"]), CELLS))


def entries(features: TabularFeaturizer, row: Row) -> dict[int, float]:
    """Value of each column that the row uses."""
    bags = features.bags([row])
    assert bags.values is not None
    return dict(zip(bags.indices.tolist(), bags.values.tolist(), strict=True))


def readable(row: Row) -> bool:
    return len(missing_columns(row, numeric=LOANS.numeric, categorical=LOANS.categorical)) < 4


def test_numbers_are_standardised_and_each_category_has_a_column() -> None:
    assert FITTED.vocabulary == (("car", "radio"), ("7", "own", "rent"))
    assert FITTED.width == 4 + 4 + 5
    deviation = math.sqrt(2 / 3) * 1_000
    found = entries(FITTED, {"amount": 2_000 + deviation, "months": 12, "purpose": "radio", "housing": "own"})
    assert found == {0: pytest.approx(1.0), 2: 0.0, 5: 1.0, 9: 1.0}


def test_missing_and_unknown_have_columns_of_their_own() -> None:
    assert entries(FITTED, {"purpose": "boat", "months": "twelve"}) == {1: 1.0, 3: 1.0, 6: 1.0, 12: 1.0}


def test_a_value_reads_the_same_however_it_is_written() -> None:
    written = entries(FITTED, {"amount": "2000", "months": "12.0", "purpose": " car ", "housing": "7.0"})
    assert written == entries(FITTED, {"amount": 2_000, "months": 12.0, "purpose": "car", "housing": 7})


@pytest.mark.parametrize("cell", [None, "", " ", "much", "nan", float("nan"), "inf", -math.inf, 10**400, "1e999"])
def test_what_is_no_finite_number_is_missing(cell: Cell) -> None:
    assert math.isnan(number(cell))


@pytest.mark.parametrize("cell", [None, "", " ", float("nan"), 10**400, "1e999", "9" * 5_000])
def test_what_names_nothing_is_no_category(cell: Cell) -> None:
    assert category(cell) is None


def test_codes_of_many_digits_stay_apart() -> None:
    codes: list[Cell] = [12345678901234567, "12345678901234568", 12345678901234569, "-0", 0.0, 1.5, "1.50"]
    assert [category(code) for code in codes] == [
        "12345678901234567", "12345678901234568", "12345678901234569", "0", "0", "1.5", "1.5",
    ]  # fmt: skip


def test_a_number_from_far_away_counts_as_far_and_no_farther() -> None:
    assert entries(FITTED, {"amount": 1e99})[0] == FARTHEST
    assert entries(FITTED, {"amount": -1e12})[0] == -FARTHEST


def test_a_column_that_is_constant_but_for_rounding_stays_near_its_mean() -> None:
    rows: list[Row] = [{"amount": 0.1 + 0.2}, {"amount": 0.3}]
    assert abs(entries(TabularFeaturizer(("amount",)).fitted(rows), {"amount": 0.3})[0]) < 1e-9


def test_a_column_without_any_number_and_rare_categories_do_no_harm() -> None:
    rows: list[Row] = [{"id": f"id-{n}", "amount": "?"} for n in range(MOST_CATEGORIES + 5)]
    rows.append({"id": "x" * 1_000})
    made = TabularFeaturizer(("amount",), ("id",)).fitted(rows)
    assert (made.mean, made.deviation, len(made.vocabulary[0])) == ((0.0,), (1.0,), MOST_CATEGORIES)
    assert np.isfinite(made.bags(rows).values).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("row", [{}, {"other": 1.0}, {"amount": "much", "purpose": " "}])
def test_a_row_without_anything_to_read_is_refused(row: Row) -> None:
    with pytest.raises(InvalidRow, match="row 1 holds none of amount, months, purpose, housing"):
        FITTED.bags([ROWS[0], row])
    with pytest.raises(InvalidRow, match="reads named columns"):
        FITTED.bags(["text"])


@patient
@given(ANY_ROWS, ANY_ROWS)
def test_any_rows_give_finite_bags_whatever_they_were_fitted_on(training: list[Row], rows: list[Row]) -> None:
    made = LOANS.fitted(training)
    rows = [row for row in rows if readable(row)]
    bags = made.bags(rows)
    assert bags.values is not None
    assert np.isfinite(bags.values).all()
    assert (np.abs(bags.values) <= FARTHEST).all()
    assert ((bags.indices >= 0) & (bags.indices < made.width)).all()
    assert len(bags.indices) == 4 * len(rows)
    encode_manifest(manifest(made))
    assert featurizer(made.name, made.parameters) == made


@patient
@given(ANY_ROWS)
def test_the_bags_of_a_row_do_not_depend_on_its_neighbours(rows: list[Row]) -> None:
    rows = [row for row in rows if readable(row)]
    together = FITTED.bags(rows)
    assert together.values is not None
    for place, row in enumerate(rows):
        alone = FITTED.bags([row])
        assert alone.values is not None
        part = slice(4 * place, 4 * place + 4)
        assert alone.indices.tolist() == together.indices[part].tolist()
        assert alone.values.tobytes() == together.values[part].tobytes()


@patient
@given(st.permutations(ROWS))
def test_the_order_of_the_rows_changes_no_vocabulary_and_no_width(rows: list[Row]) -> None:
    made = LOANS.fitted(rows)
    assert (made.vocabulary, made.width) == (FITTED.vocabulary, FITTED.width)


def manifest(features: TabularFeaturizer) -> Manifest:
    spec = FeaturizerSpec(name=features.name, parameters=dict(features.parameters))
    return Manifest(
        workflow="loans", classes=("reject", "approve"), approving_class="approve", featurizer=spec,
        provenance=Provenance(dataset_digest=""),
    )  # fmt: skip


def test_a_stored_model_scores_a_row_the_same_alone_and_in_any_batch(tmp_path: Any) -> None:
    random = np.random.default_rng(0)
    weights = random.normal(size=(FITTED.width, 1)).astype(np.float32)
    made = seal(manifest(FITTED), {"weights": weights, "bias": np.zeros(1, np.float32)})
    stored = load(str(tmp_path), save(str(tmp_path), made))
    assert stored.digest == made.digest
    rows = [*ROWS, {"amount": 5.0}, {"purpose": "boat"}] * 20
    model = Classifier.load(stored, device="cpu", threads=1)
    model.warm_up()
    together = model.scores(rows)
    assert np.concatenate([model.scores([row]) for row in rows]).tobytes() == together.tobytes()
    split = Classifier.load(stored, device="cpu", max_tokens=40)
    assert split.scores(rows).tobytes() == together.tobytes()


@pytest.mark.parametrize(
    "parameters",
    [
        {"numeric": ["a"], "mean": [1.0], "deviation": []},
        {"numeric": ["a", "b"], "mean": [1.0], "deviation": [1.0]},
        {"categorical": ["a"], "vocabulary": [["x"], ["y"]]},
        {"numeric": "a"},
    ],
)
def test_parameters_that_do_not_fit_each_other_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(UnknownFeaturizer, match="featurizer 'tabular'"):
        featurizer("tabular", parameters)
