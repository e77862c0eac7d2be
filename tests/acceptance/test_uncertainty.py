"""`uncertainty.json` holds."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from streams.assurance.uncertainty import level, uncertainty

FILE = Path(__file__).with_name("uncertainty.json")


class Case(msgspec.Struct):
    probabilities: list[float]
    confidence: float
    level: str
    entropy_nats: float
    least_confident: float
    margin_uncertainty: float


class Cases(msgspec.Struct):
    tolerance: float
    cases: list[Case]


EXPECTED = msgspec.json.decode(FILE.read_bytes(), type=Cases)


def test_file_holds_the_published_cases() -> None:
    assert len(EXPECTED.cases) == 12


@pytest.mark.parametrize("case", EXPECTED.cases, ids=lambda case: str(case.probabilities[:3]))
def test_figures_of_uncertainty(case: Case) -> None:
    found = uncertainty(np.array([case.probabilities]))
    expected = [case.confidence, case.entropy_nats, case.least_confident, case.margin_uncertainty]
    figures = [found.confidence[0], found.entropy[0], found.least_confident[0], found.margin[0]]
    assert figures == pytest.approx(expected, abs=EXPECTED.tolerance)
    assert level(float(found.confidence[0])) == case.level
