"""Watches the loop of one stage and shows what it does as metrics: of batches and transactions, not of records."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from infra.kafka.errors import Reason
from infra.kafka.observing import Cause, Committed, Standing
from infra.observe import metrics as m
from infra.observe.instruments import NONE, Instruments
from infra.observe.lag import Lags
from infra.observe.serving import Watch
from infra.observe.told import TOLD, begin, tell
from schemas.events import Event, PolicyPublished

LOOK_EVERY: Final = 1.0  # seconds between two looks at partitions
LOOK_CLOSER_EVERY: Final = 5.0  # seconds between two looks at what only this stage has
UNKNOWN: Final = "_unknown"  # every workflow without a published policy: anybody can write any name
Look = Callable[[Instruments, Standing], None]


class StageObserver:
    """Implements `infra.kafka.observing.Observer`. `look` shows what only this stage has, now and then."""

    watched: frozenset[type[Event]] = TOLD

    def __init__(
        self, stage: str, watch: Watch, *, look: Look | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._instruments, self._vitals = stage, watch.instruments, watch.vitals
        self._look, self._clock = look, clock
        self._lags = Lags(watch.instruments, m.LAG, m.LAG_SECONDS, stage)
        self._workflows: set[str] = set()
        self._topics: set[str] = set()
        self._began = self._commit_began = clock()
        self._next_look = self._next_closer_look = float("-inf")
        for cause in Cause:
            self._instruments.add(m.TRANSACTIONS_LOST, stage, cause, count=0)
        self.owns(())

    def alive(self) -> None:
        self._vitals.beat()

    def turned(self, standing: Callable[[], Standing]) -> None:
        self._vitals.beat()
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        seen = standing()
        self._show(seen, now)
        if self._look is not None and now >= self._next_closer_look:
            self._next_closer_look = now + LOOK_CLOSER_EVERY
            self._look(self._instruments, seen)

    def owns(self, partitions: Collection[int]) -> None:
        self._instruments.set(m.OWNED, self._stage, value=len(partitions))
        said = f"it works on {len(partitions)} partitions" if partitions else "no partition is assigned to it"
        self._vitals.works(bool(partitions), said)

    def followed(self, event: Event) -> None:
        if isinstance(event, PolicyPublished):
            self._workflows.add(event.workflow)
            begin(self._instruments, self._stage, event.workflow)

    def fetched(self, records: int) -> None:
        self._began = self._clock()
        self._instruments.observe(m.BATCH, self._stage, value=records)

    def decided(self) -> None:
        self._instruments.observe(m.HANDLING, self._stage, value=self._clock() - self._began)

    def commits(self) -> None:
        self._commit_began = self._clock()

    def committed(self, what: Committed) -> None:
        show, stage = self._instruments, self._stage
        show.observe(m.COMMIT, stage, value=self._clock() - self._commit_began)
        show.add(m.TRANSACTIONS, stage)
        for topic, count in what.taken.items():
            show.add(m.TAKEN, stage, topic, count=count)
        for topic, count in what.sent.items():
            show.add(m.WRITTEN, stage, topic, count=count)
        kinds: Counter[tuple[str, str, str]] = Counter()
        for workflow, action, priority, decisions in what.counts:
            kinds[self._bounded(workflow), action, priority or NONE] += decisions
        for kind, count in kinds.items():
            show.add(m.DECISIONS, stage, *kind, count=count)
        for event in what.events:
            tell(show, stage, event, self._bounded)
        if what.timestamps:
            spans = [what.at - then if then < what.at else 0 for then in what.timestamps]
            show.observe_all(m.LATENCY, stage, milliseconds=spans)

    def gave_up(self, cause: Cause) -> None:
        self._instruments.add(m.TRANSACTIONS_LOST, self._stage, cause)

    def _bounded(self, workflow: str) -> str:
        return workflow if workflow in self._workflows else UNKNOWN

    def _show(self, seen: Standing, now: float) -> None:
        show, stage = self._instruments, self._stage
        show.set(m.PAUSED, stage, value=len(seen.paused))
        in_force = seen.config_offsets if seen.lanes else {}  # who owns nothing decides nothing, and reads none
        for topic, offset in in_force.items():
            show.set(m.CONFIG_OFFSET, stage, topic, value=offset)
        show.keep(m.CONFIG_OFFSET, {(stage, topic) for topic in in_force})
        for place in seen.reaches:
            labels = (stage, place.topic, str(place.partition))
            show.set(m.HELD, *labels, value=seen.held.get(place, 0))
            if place.topic not in self._topics:
                self._topics.add(place.topic)
                show.add(m.TAKEN, stage, place.topic, count=0)
                for reason in Reason:  # from 0 on: the rise to the first one is seen, too
                    show.add(m.DEAD_LETTERS, stage, place.topic, reason, count=0)
        self._lags.show(seen.reaches, now=now)
        show.keep(m.HELD, {(stage, place.topic, str(place.partition)) for place in seen.reaches})
