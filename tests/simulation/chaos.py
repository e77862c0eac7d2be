"""The faults of one schedule, drawn from its seed."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from infra.kafka.errors import TransactionAborted
from infra.kafka.log import TopicPartition


class Crashed(BaseException):
    """The process was killed: no handler of ours may catch this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Probabilities per call of the port."""

    crash: float = 0.004
    refuse: float = 0.004
    interleave: float = 0.03
    commit_odd: float = 0.05
    lag: float = 0.3


ABORTABLE = frozenset({"send", "send_positions"})


class Chaos:
    """Interferes while `active`; crashes only those who can be started again."""

    def __init__(self, random: Random, faults: Faults, *, interleave: Callable[[], bool]) -> None:
        self._random, self._faults, self._interleave = random, faults, interleave
        self.active = True
        self.crashable = False
        self.happened: dict[str, int] = {}

    def _draw(self, what: str, probability: float) -> bool:
        if not self.active or self._random.random() >= probability:
            return False
        self.happened[what] = self.happened.get(what, 0) + 1
        return True

    def at(self, point: str) -> None:
        if not self.active:
            return
        if self._random.random() < self._faults.interleave:
            self._interleave()
        if self.crashable:
            if self._draw("crash", self._faults.crash):
                raise Crashed(point)
            if point in ABORTABLE and self._draw("refused " + point, self._faults.refuse):
                raise TransactionAborted(f"{point} refused")

    def commit(self) -> str:
        if not self._draw("odd commit", self._faults.commit_odd):
            return "done"
        return self._random.choice(["refused", "indefinite-done", "indefinite-undone", "indefinite-later"])

    def visible(self, partition: TopicPartition, records: int) -> int:
        if not records or not self.active or self._random.random() >= self._faults.lag:
            return records
        return self._random.randrange(records + 1)

    def wait(self) -> bool:
        return self.active and self._random.random() < 0.7 and self._interleave()
