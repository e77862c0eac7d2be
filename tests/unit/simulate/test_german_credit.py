"""All recorded applications are there, as they were recorded, and become files that share none of them."""

import csv
import io
from collections import Counter

import pytest

from producers.simulate.german_credit import COLUMNS, NUMBERS, load_applications, split_applications
from producers.simulate.loan_files import TooFewApplications, loan_files


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_all_applications_and_outcomes_are_there() -> None:
    applications = load_applications()
    assert len(applications) == len({each.application_id for each in applications}) == 1_000
    assert Counter(each.outcome for each in applications) == {1: 700, 2: 300}
    assert Counter(each.label for each in applications) == {"approve": 700, "reject": 300}
    assert sum(float(each.values["amount"]) > 10_000 for each in applications) == 40


def test_values_are_numbers_or_codes_of_their_attribute() -> None:
    first = load_applications()[0]
    assert list(first.values) == list(COLUMNS)
    assert [first.values[name] for name in ("checking_account", "duration", "purpose", "amount", "foreign_worker")] == [
        "A11", 6, "A43", 1169, "A201",
    ]  # fmt: skip
    for place, name in enumerate(COLUMNS, start=1):
        for each in load_applications():
            value = each.values[name]
            assert isinstance(value, int) if name in NUMBERS else str(value).startswith(f"A{place}"), (name, value)


def test_seed_and_stream_are_disjoint_and_depend_on_the_seed_alone() -> None:
    applications = load_applications()
    split = split_applications(applications, seed=1)
    assert (len(split.seed), len(split.stream)) == (300, 700)
    assert not {each.application_id for each in split.seed} & {each.application_id for each in split.stream}
    assert split == split_applications(applications[::-1], seed=1)
    assert split.seed != split_applications(applications, seed=2).seed


def test_files_hold_every_column_and_only_the_seed_its_label() -> None:
    files = loan_files(load_applications(), seed=1)
    seed, stream = rows(files.seed), rows(files.stream)
    assert (len(seed), len(stream)) == (300, 700)
    assert set(seed[0]) == {"id", "label", *COLUMNS}
    assert set(stream[0]) == {"id", "requires_audit", *COLUMNS}
    assert {row["label"] for row in seed} == {"approve", "reject"}
    assert not {row["id"] for row in seed} & {row["id"] for row in stream}


def test_a_share_of_the_stream_requires_a_person() -> None:
    flags = [
        Counter(r["requires_audit"] for r in rows(loan_files(load_applications(), seed=1, audit_share=s).stream))
        for s in (0.0, 0.1, 1.0)
    ]
    assert flags[0] == {"false": 700}
    assert 40 < flags[1]["true"] < 100
    assert flags[2] == {"true": 700}


@pytest.mark.parametrize(
    "asked", [{"stream_applications": 701}, {"seed_applications": 1_001}, {"seed_applications": 1_000}]
)
def test_more_applications_than_there_are_is_refused(asked: dict[str, int]) -> None:
    with pytest.raises(TooFewApplications, match="ask for fewer"):
        loan_files(load_applications(), seed=1, **asked)
