"""Actors on the simulated log, under one seeded schedule of crashes, fencing, rebalances, lags and clock jumps."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from infra.kafka.loop import Loop, LoopPolicy
from infra.kafka.stage import Stage
from schemas.codec import Codec
from schemas.events import Event
from tests.simulation.chaos import Chaos, Crashed, Faults
from tests.support.simconsumer import SimulatedConsumer
from tests.support.simlog import SimulatedLog

CODEC = Codec.of_repository()
PARTITIONS = 2
CALM_ROUNDS = 8  # rounds without work after which the world counts as quiet
PATIENCE = 4_000  # rounds after which a world that never gets quiet is a failure
STALL = 0.15  # share of interruptions that outlast the session
EPOCH = 1_800_000_000_000  # milliseconds


class Actor(Protocol):
    """Somebody who takes a turn; True when there was something to do."""

    name: str

    def step(self) -> bool: ...


@dataclass(slots=True)
class Clock:
    """Wall time may jump both ways; elapsed time only grows. Milliseconds."""

    wall_now: int = EPOCH
    elapsed_now: int = 0

    def wall(self) -> int:
        return self.wall_now

    def elapsed(self) -> int:
        return self.elapsed_now

    def pass_time(self, milliseconds: int) -> None:
        self.wall_now += milliseconds
        self.elapsed_now += milliseconds


class StageActor:
    """One process of a stage: it can be killed, and started again in the same slot."""

    def __init__(self, world: "World", make: Callable[[], Stage[Any, Any]], slot: str, loop: type[Loop[Any, Any]]):
        self._world, self._make, self._slot, self._loop_type = world, make, slot, loop
        self.loop: Loop[Any, Any] | None = None
        self.name = f"{make().name}-{slot}"

    def step(self) -> bool:
        if self.loop is None:
            self.loop = self._loop_type(
                self._make(),
                self._world.log,
                CODEC,
                partitions=PARTITIONS,
                policy=LoopPolicy(
                    slot=self._slot, max_batch=7, commit_interval=20, max_commit_interval=60,
                    max_transaction_records=12, tick_interval=200, config_interval=50,
                ),
                wall=self._world.clock.wall,
                elapsed=self._world.clock.elapsed,
                rest=lambda seconds: None,
            )  # fmt: skip
        return self.loop.step()

    @property
    def member(self) -> SimulatedConsumer | None:
        """This process as the group knows it."""
        for group in self._world.log.groups.values():
            for instance, member in group.members.items():
                if instance == self.name:
                    return member
        return None

    def kill(self) -> None:
        self.loop = None


class World:
    """Actors on one log. `run` lets chaos reign for a number of turns, then calms down until everything is quiet."""

    def __init__(self, seed: int, *, faults: Faults | None = None) -> None:
        self.random = Random(seed)
        self.clock = Clock()
        self.chaos = Chaos(self.random, faults or Faults(), interleave=self._interleave)
        self.chaos.active = False
        self.log = SimulatedLog(partitions=PARTITIONS, wall=self.clock.wall, interference=self.chaos)
        self.actors: list[Actor] = []
        self._decoded: dict[bytes, Event] = {}
        self._stack: list[Actor] = []
        self._paused: dict[str, int] = {}

    def add_stage(
        self, make: Callable[[], Stage[Any, Any]], *, slots: int, loop: type[Loop[Any, Any]] = Loop
    ) -> None:
        for slot in range(slots):
            self.actors.append(StageActor(self, make, str(slot), loop))

    def run(self, turns: int) -> None:
        with _silence():
            self.chaos.active = True
            for _ in range(turns):
                self._turn()
            self.chaos.active = False
            self._settle()

    def events(self, topic: str) -> list[Any]:
        """Every committed event of a topic, partition by partition."""
        return [self.decode(record.value) for record in self.log.read_all(topic) if record.value is not None]

    def decode(self, value: bytes | None) -> Any:
        """The event in wire bytes, decoded once. Raises `Undecodable`."""
        if value is None or value not in self._decoded:
            event = CODEC.decode(value)
            self._decoded[value or b""] = event
            return event
        return self._decoded[value]

    # ---- one turn ----

    def _turn(self) -> None:
        self._pass_time()
        self._paused = {name: left - 1 for name, left in self._paused.items() if left > 1}
        actor = self.random.choice(self.actors)
        if isinstance(actor, StageActor) and self.random.random() < 0.01:
            self._freeze(actor)
        self._let(actor)

    def _pass_time(self) -> None:
        draw = self.random.random()
        self.clock.pass_time(self.random.randrange(30))
        if draw < 0.004:
            self.clock.wall_now += self.random.choice([5_000, 60_000])
        elif draw < 0.008:
            self.clock.wall_now -= 10_000

    def _freeze(self, actor: StageActor) -> None:
        """The process stops for a while; often long enough for its session to end."""
        self._paused[actor.name] = self.random.randrange(5, 60)
        if (member := actor.member) is not None and self.random.random() < 0.7:
            member.expire()

    def _let(self, actor: Actor) -> bool:
        if actor in self._stack or actor.name in self._paused:
            return False
        with self._on_stage(actor):
            try:
                return actor.step()
            except Crashed:
                assert isinstance(actor, StageActor)
                actor.kill()
                if (member := actor.member) is not None and self.random.random() < 0.5:
                    member.expire()  # else it comes back in its slot before anybody noticed
                return True

    @contextmanager
    def _on_stage(self, actor: Actor) -> Iterator[None]:
        before, self.chaos.crashable = self.chaos.crashable, isinstance(actor, StageActor)
        self._stack.append(actor)
        try:
            yield
        finally:
            self._stack.pop()
            self.chaos.crashable = before

    def _interleave(self) -> bool:
        """In the middle of somebody's turn, somebody else has one; or many, while the session of the first ends."""
        if len(self._stack) > 2:
            return False
        halted = self._stack[-1] if self._stack else None
        if isinstance(halted, StageActor) and len(self._stack) == 1 and self.random.random() < STALL:
            return self._stall(halted)
        return self._let(self.random.choice(self.actors))

    def _stall(self, halted: StageActor) -> bool:
        """The process stands still between two calls, long enough to lose its partitions to its peers."""
        if (member := halted.member) is None:
            return False
        member.expire()
        peers = [a for a in self.actors if a is not halted and a.name.split("-")[0] == halted.name.split("-")[0]]
        for _ in range(3):
            for actor in peers:
                self.clock.pass_time(150)
                self._let(actor)
        return True

    def _settle(self) -> None:
        self._paused.clear()
        quiet = 0
        for _ in range(PATIENCE):
            self.clock.pass_time(25)
            worked = [self._let(actor) for actor in self.actors]
            quiet = 0 if any(worked) else quiet + 1
            if quiet > CALM_ROUNDS:
                return
        raise AssertionError("the world does not come to rest")


@contextmanager
def _silence() -> Iterator[None]:
    """What goes wrong is meant to: no word of it."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


def published(world: World, sends: Sequence[tuple[str, bytes | None, bytes | None, int | None]]) -> None:
    """Outsiders write: at once visible, outside any transaction."""
    producer = world.log.producer(transactional_id=None)
    for topic, key, value, partition in sends:
        producer.send(topic, key, value, partition)
