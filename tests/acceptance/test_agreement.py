"""`agreement.json` and `agreement_irrcac.json` hold, and so do the figures of eight recorded people."""

from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from producers.simulate.convabuse import CLASSES, first_answers, recorded_answers
from streams.assurance.agreement import Agreement, agreement, ratings

FOLDER = Path(__file__).parent
Units = list[list[int | None]]


class Example(msgspec.Struct):
    units: Units
    krippendorff_alpha_nominal: float
    gwet_ac1: float
    pairwise_agreement: float


class Table(msgspec.Struct):
    units: Units
    pairwise: float
    krippendorff_alpha: float
    gwet_ac1: float
    fleiss_kappa: float


class Tables(msgspec.Struct):
    tolerance: float
    tables: list[Table]


EXAMPLE = msgspec.json.decode((FOLDER / "agreement.json").read_bytes(), type=Example)
ORACLE = msgspec.json.decode((FOLDER / "agreement_irrcac.json").read_bytes(), type=Tables)


def of(units: Units) -> Agreement:
    answers = [[label for label in unit if label is not None] for unit in units]
    return agreement(ratings(answers, sorted({label for unit in answers for label in unit})))


def test_the_published_example() -> None:
    found = of(EXAMPLE.units)
    assert found.pairwise.value == pytest.approx(EXAMPLE.pairwise_agreement, abs=1e-9)
    assert found.krippendorff_alpha.value == pytest.approx(EXAMPLE.krippendorff_alpha_nominal, abs=1e-9)
    assert found.gwet_ac1.value == pytest.approx(EXAMPLE.gwet_ac1, abs=1e-9)
    assert (found.units, found.answers) == (11, 40)


def test_there_are_enough_tables() -> None:
    assert len(ORACLE.tables) == 160
    assert sum(None in unit for table in ORACLE.tables for unit in table.units) > 300


@pytest.mark.parametrize("table", ORACLE.tables, ids=lambda table: f"{len(table.units)}x{len(table.units[0])}")
def test_what_irrcac_gives(table: Table) -> None:
    found = of(table.units)
    values = (found.pairwise.value, found.krippendorff_alpha.value, found.gwet_ac1.value, found.fleiss_kappa.value)
    expected = (table.pairwise, table.krippendorff_alpha, table.gwet_ac1, table.fleiss_kappa)
    assert values == pytest.approx(expected, abs=ORACLE.tolerance)


def test_eight_recorded_people_agree_as_measured() -> None:
    units: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for answer in first_answers(recorded_answers()):
        units[answer.item].append(answer.label)
    found = agreement(ratings(units.values(), CLASSES))
    assert found.units == 4_185
    values = (found.pairwise.value, found.krippendorff_alpha.value, found.gwet_ac1.value)
    assert values == pytest.approx((0.9051, 0.6523, 0.8708), abs=5e-4)
