"""Stages on the simulated log under the eyes of the real observer, and what is scraped of them minute by minute."""

from collections.abc import Callable
from typing import Any, Final

from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.stage import Stage
from infra.observe.serving import unserved
from infra.observe.stage import Look, StageObserver
from infra.observe.vitals import Vitals
from schemas.codec import Codec
from schemas.topics import Outgoing
from tests.support.promtool import Story
from tests.support.simlog import SimulatedLog
from tests.support.simstate import Interference

CODEC: Final = Codec.of_repository()
PARTITIONS: Final = 2
MINUTE: Final = 60_000  # milliseconds
TURNS: Final = 12  # of a stage within a minute


class Moments:
    """A clock that the test moves; wall time and elapsed time together."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000  # milliseconds since the epoch

    def __call__(self) -> int:
        return self.now

    def seconds(self) -> float:
        return self.now / 1_000

    def rest(self, seconds: float) -> None:
        """What a stage does while the client fetches on."""


class Watched:
    """One process of a stage; `hangs` keeps its loop from turning."""

    def __init__(self, world: "World", stage: Stage[Any, Any], *, slot: str = "0", look: Look | None = None) -> None:
        self.stage, self.slot, self.hangs = stage, slot, False
        self._world = world
        self.watch = unserved(Vitals(world.time.seconds))
        self.loop: Loop[Any, Any] = Loop(
            stage, world.log, CODEC, partitions=PARTITIONS, policy=LoopPolicy(slot=slot, commit_interval=0),
            wall=world.time, elapsed=world.time, rest=world.time.rest,
            observer=StageObserver(stage.name, self.watch, look=look, clock=world.time.seconds),
        )  # fmt: skip

    def turn(self) -> None:
        if not self.hangs:
            self.loop.step()

    def scraped(self) -> str:
        return self.watch.instruments.text().decode()


class World:
    """A simulated log, processes on it, and the story of what Prometheus scraped."""

    def __init__(self, interference: Interference | None = None, time: Moments | None = None) -> None:
        self.time = time or Moments()
        self.log = SimulatedLog(partitions=PARTITIONS, wall=self.time, interference=interference)
        self.processes: list[Watched] = []
        self.story = Story()

    def start(self, stage: Stage[Any, Any], *, slot: str = "0", look: Look | None = None) -> Watched:
        """One more process."""
        made = Watched(self, stage, slot=slot, look=look)
        self.processes.append(made)
        return made

    def publish(self, *records: Outgoing) -> None:
        """Committed at once."""
        producer = self.log.producer(transactional_id=None)
        for out in records:
            assert out.event is not None
            producer.send(out.topic, out.key, CODEC.encode(out.event), out.partition)

    def poison(self, topic: str, count: int = 1) -> None:
        """Records that nobody can read."""
        producer = self.log.producer(transactional_id=None)
        for number in range(count):
            producer.send(topic, f"poison-{number}".encode(), b"nothing that was ever a record", None)

    def minutes(self, count: int, act: Callable[[], object] = lambda: None) -> None:
        """So many minutes pass: the world acts, stages turn, Prometheus scrapes."""
        for _ in range(count):
            act()
            for _ in range(TURNS):
                self.time.now += MINUTE // TURNS
                for process in self.processes:
                    process.turn()
            self.scrape()

    def scrape(self) -> None:
        """What every process shows now."""
        texts = {f"{process.stage.name}_{process.slot}": process.scraped() for process in self.processes}
        self.story.minute(**texts)
