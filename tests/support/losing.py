"""The insights service with a fault: Faust loses one run of records on the way. `python -m tests.support.losing`."""

from typing import Any, Final

from infra.settings import load_settings
from schemas.topics import TALLIES
from streams.insights.app import InsightsApp
from streams.insights.service import run

LOST: Final = 3  # which run of the tallies


class LosingApp(InsightsApp):
    """Does not hand one run over."""

    async def _read(self, stream: Any) -> None:
        number = 0
        async for brought in stream:
            counts = brought.records[0].topic.endswith(TALLIES.name)
            number += counts
            if not (counts and number == LOST):
                await self._queue().put(brought)


if __name__ == "__main__":
    run(load_settings(), LosingApp)
