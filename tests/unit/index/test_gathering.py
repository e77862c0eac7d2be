"""What trickles in is written together; what comes in floods, or not at all, is not waited for."""

import time
from typing import cast

import pytest

from consumers.index.indexer import Indexer
from consumers.index.service import FEW, GATHER, _keep
from consumers.index.watching import IndexWatch


class Log:
    """Gives these numbers of records, one step after the other."""

    def __init__(self, *counts: int) -> None:
        self.left = list(counts)
        self.applied: list[int] = []
        self.at_rest: list[tuple[int, float]] = []  # after which number of records, seconds

    def step(self) -> int:
        self.applied.append(self.left.pop(0))
        return self.applied[-1]

    def rest(self, seconds: float) -> None:
        self.at_rest.append((self.applied[-1], seconds))

    def resume(self) -> None:
        """It ends."""


class Watch:
    def applied(self, count: int, indexer: object) -> None:
        """Not looked at."""


def test_only_after_few_records_there_is_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(1, 0, FEW - 1, FEW, 1_000)
    monkeypatch.setattr(time, "sleep", log.rest)
    _keep(cast(Indexer, log), cast(IndexWatch, Watch()), lambda: not log.left)
    assert log.applied == [1, 0, FEW - 1, FEW, 1_000]
    assert log.at_rest == [(1, GATHER), (FEW - 1, GATHER)]
