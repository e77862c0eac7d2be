"""One look at the brokers and at the processes, shared by all who watch: one a second at most."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from infra.errors import HitlError
from infra.kafka.log import TopicPartition
from infra.kafka.offsets import Offsets
from infra.observe.arrears import Arrears
from infra.observe.looking import Seen
from infra.observe.pipeline import STAGES_ON_THE_WAY

GROUPS: Final = tuple(stage.name for stage in STAGES_ON_THE_WAY)
FRESH: Final = 1.0  # seconds for which a look is shared
WINDOW: Final = 10.0  # seconds over which rates are taken
FORGOTTEN: Final = 30.0  # seconds without a look after which rates begin anew


class Look(NamedTuple):
    """Of one moment. Without `offsets`, `failure` says why; rates (records a second) only once two looks lie apart."""

    at: int  # milliseconds since the epoch
    offsets: Offsets | None
    failure: str
    rates: Mapping[str, float]  # by topic
    late: Mapping[tuple[str, TopicPartition], float]  # by group and partition: seconds since when more is known to wait
    seen: Sequence[Seen]


class Asking(Protocol):
    """`infra.kafka.offsets.OffsetQuestions`."""

    def ask(self, places: Sequence[TopicPartition], groups: Sequence[str]) -> Offsets: ...


class FlowWatch:
    """May be asked from many threads at once."""

    def __init__(
        self, offsets: Asking, places: Callable[[], Sequence[TopicPartition]], look: Callable[[Path], Sequence[Seen]],
        data_dir: Path, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`places`: every partition that is watched; both clocks in seconds."""
        self._asking, self._places, self._look, self._folder = offsets, places, look, data_dir
        self._clock, self._wall, self._lock = clock, wall, threading.Lock()
        self._last: tuple[float, Look] | None = None
        self._ends: deque[tuple[float, Mapping[str, int]]] = deque()
        self._arrears: dict[tuple[str, TopicPartition], Arrears] = {}

    def now(self) -> Look:
        """As of a second ago at most."""
        with self._lock:
            now = self._clock()
            if self._last is None or now - self._last[0] >= FRESH:
                self._last = (now, self._taken(now))
            return self._last[1]

    def _taken(self, now: float) -> Look:
        seen, at = self._look(self._folder), round(self._wall() * 1_000)
        try:
            found = self._asking.ask(self._places(), GROUPS)
        except HitlError as error:
            return Look(at, None, str(error), {}, {}, seen)
        return Look(at, found, "", self._rates(found, now), self._late(found, now), seen)

    def _rates(self, found: Offsets, now: float) -> dict[str, float]:
        if self._ends and now - self._ends[-1][0] > FORGOTTEN:
            self._ends.clear()
        counts: dict[str, int] = {}
        for place, end in found.ends.items():
            counts[place.topic] = counts.get(place.topic, 0) + end
        self._ends.append((now, counts))
        while len(self._ends) > 2 and now - self._ends[0][0] > WINDOW:
            self._ends.popleft()
        began, first = self._ends[0]
        if now <= began:
            return {}
        return {topic: max(0, count - first.get(topic, count)) / (now - began) for topic, count in counts.items()}

    def _late(self, found: Offsets, now: float) -> dict[tuple[str, TopicPartition], float]:
        late = {}
        for group, positions in found.groups.items():
            for place, reached in positions.items():
                if place in found.ends:
                    arrears = self._arrears.setdefault((group, place), Arrears())
                    late[group, place] = arrears.seconds(reached=reached, end=found.ends[place], now=now)
        return late
