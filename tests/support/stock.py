"""Cases that keep coming, so that there is always something to do; and the laws of everything that was done."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

from infra.errors import HitlError
from infra.kafka.publisher import publish
from infra.redis.reading import connect
from infra.secret_keys import secrets
from schemas.events import AnswerCounted, AnswerReceived, CaseClosed, CaseEscalated, ReviewDecided
from schemas.topics import REVIEW_DECISIONS
from streams.casework.sealing import Sealer
from tests.simulation.holding import histories_of, nobody_answers_twice, one_owner_at_a_time, written_in
from tests.simulation.invariants import place
from tests.support.announced import announced
from tests.support.crowd import Crowd
from tests.support.history import History
from tests.support.refused import DAY, now
from tests.support.stand import Stand
from tests.support.traffic import CODEC

LEAST: Final = 400  # cases that wait, below which more are announced
MORE: Final = 400
LOOK: Final = 0.5  # seconds


class Stock:
    """Announces cases as the router does, whenever few wait."""

    def __init__(self, stand: Stand, *, name: str = "case") -> None:
        self._stand, self._name, self.announced = stand, name, 0
        self._sealer = Sealer(secrets(stand.settings).seal_key)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self.more()
        self._thread.start()

    def more(self) -> None:
        """Announce some now."""
        names = [f"{self._name}{number}" for number in range(self.announced, self.announced + MORE)]
        self.announced += MORE
        publish(self._stand.log, CODEC, [announced(name, self._sealer, due_at=now() + DAY) for name in names])

    def _keep(self) -> None:
        while not self._over.wait(LOOK):
            model = connect(self._stand.settings)
            try:
                if sum(model.lanes().values()) < LEAST:
                    self.more()
            except HitlError:
                continue  # somebody has killed something
            finally:
                model.close()

    def close(self) -> None:
        self._over.set()
        self._thread.join(60)


def one_owner_and_nothing_lost(history: History, crowd: Crowd) -> None:
    """One owner at a time; each answer that was acknowledged lies in the log and took effect, and no answer twice."""
    written = written_in(history)
    for name, changes in histories_of(history).items():
        one_owner_at_a_time(name, changes, written)
        nobody_answers_twice(name, changes, written)
    effects = _effects(history)
    for worker in crowd.workers:
        twice = [name for name in worker.heard.accepted if effects[name] > 1]
        lost = [name for name in worker.heard.accepted if not effects[name]]
        assert not lost, f"acknowledged, and without effect: {lost[:5]}"
        assert not twice, f"took effect twice: {twice[:5]}"
        both = [each for each in worker.heard.given.items() if each[1] > 1]
        assert not both, f"given twice under one lease: {both[:5]}"
    owners = Counter(key for worker in crowd.workers for key in worker.heard.given)
    assert not [key for key, times in owners.items() if times > 1], "two people were given one lease"


def _effects(history: History) -> Mapping[str, int]:
    """By decision id, in how many answers' places in the log casework accepted it."""
    answers = {
        entry[:3]: entry.event.decision_id
        for entry in history.entries(REVIEW_DECISIONS.name) if isinstance(entry.event, ReviewDecided)
    }  # fmt: skip
    accepting = (AnswerReceived, AnswerCounted, CaseEscalated, CaseClosed)
    places = {place(event.cause) for event in history.events("assignments") if isinstance(event, accepting)}
    return Counter(answers[where] for where in places if where in answers)
