"""The desk on a stack of its own: one person, one whose next case is there already, and ten without a pause."""

import time
from typing import Any, Final

from tests.benchmarks.desk.ground import ground
from tests.benchmarks.desk.measures import SETTLING, ahead, crowd, one_person
from tests.benchmarks.desk.pages import by_keys, each_page
from tests.benchmarks.desk.readers import listening
from tests.benchmarks.desk.report import for_machines

CYCLES: Final = 200
AHEAD: Final = 60
ANSWERS: Final = 60  # by keys
PEOPLE: Final = 10
READERS: Final = 500


def bench(*, cases: int, runs: int, seconds: float) -> dict[str, Any]:
    """Everything that is measured with so many open cases."""
    with ground(cases) as place:
        one_person(place, cycles=CYCLES // 4)  # warms up
        alone = [one_person(place, cycles=CYCLES) for _ in range(runs)]
        held, keys, pages = ahead(place, cycles=AHEAD), by_keys(place, answers=ANSWERS), each_page(place)
        time.sleep(SETTLING)
        together, spent = crowd(place, people=PEOPLE, seconds=seconds)
        made = for_machines(cases, alone, held, together, spent) | {"page": keys, "pages": pages}
        return made | {"readers": listening(place, count=READERS, lazy=0, people=PEOPLE // 2)}
