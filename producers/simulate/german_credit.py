"""1,000 loan applications with the outcome that was recorded of each (Statlog German Credit, Hofmann 1994).

Column names are ours, in the order of the attributes in `data/german_credit/german.names`; values are left as they were
recorded: numbers, and codes such as A11, whose meaning that file gives.
"""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from producers.simulate.draws import unit_draw

APPROVE: Final = "approve"
REJECT: Final = "reject"
GOOD: Final = 1  # the loan was repaid; 2 is bad
SEED_APPLICATIONS: Final = 300
DATA: Final = Path(__file__).with_name("data") / "german_credit" / "german.csv.gz"
# Attribute 1 to 20 of german.names.
COLUMNS: Final = (
    "checking_account",  # 1, code: status of the existing checking account
    "duration",  # 2, months
    "credit_history",  # 3, code
    "purpose",  # 4, code: what the loan is for
    "amount",  # 5, Deutsche Mark: "credit amount"
    "savings",  # 6, code: savings account or bonds
    "employment_since",  # 7, code: years in the present employment
    "installment_rate",  # 8, per cent of the disposable income
    "personal_status_sex",  # 9, code
    "other_debtors",  # 10, code: co-applicants and guarantors
    "residence_since",  # 11, years at the present residence
    "property",  # 12, code
    "age",  # 13, years
    "other_installment_plans",  # 14, code
    "housing",  # 15, code
    "existing_credits",  # 16, number at this bank
    "job",  # 17, code
    "dependants",  # 18, people whom the applicant has to maintain
    "telephone",  # 19, code
    "foreign_worker",  # 20, code
)
NUMBERS: Final = frozenset(
    ("duration", "amount", "installment_rate", "residence_since", "age", "existing_credits", "dependants")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it was recorded, and what became of it: 1 = good, 2 = bad."""

    application_id: str
    values: Mapping[str, str | int]  # by column
    outcome: int

    @property
    def label(self) -> str:
        """The decision that the outcome calls right in hindsight."""
        return APPROVE if self.outcome == GOOD else REJECT


class ApplicationSplit(NamedTuple):
    """Applications for the first model, and those to be decided: none is in both."""

    seed: tuple[Application, ...]
    stream: tuple[Application, ...]


@lru_cache(maxsize=1)
def load_applications(path: Path = DATA) -> tuple[Application, ...]:
    """All applications in the order of the file."""
    with gzip.open(path, "rt", encoding="ascii", newline="") as lines:
        return tuple(_application(number, row) for number, row in enumerate(csv.reader(lines)))


def _application(number: int, row: Sequence[str]) -> Application:
    *cells, outcome = row
    values = {name: int(cell) if name in NUMBERS else cell for name, cell in zip(COLUMNS, cells, strict=True)}
    return Application(application_id=f"german-credit-{number}", values=values, outcome=int(outcome))


def split_applications(
    applications: Sequence[Application], *, seed: int, size: int = SEED_APPLICATIONS
) -> ApplicationSplit:
    """`size` applications chosen by hash, and the others in hash order."""
    ranked = sorted(applications, key=lambda each: unit_draw(seed, "order", each.application_id))
    return ApplicationSplit(tuple(ranked[:size]), tuple(ranked[size:]))
