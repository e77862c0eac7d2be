"""Who is at work and what has been asked for, as the read model has it; looked at once a second, not for every case."""

import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from infra.redis.pace import PAUSE
from infra.redis.reading import ReadModel
from infra.redis.reserving import Reservations
from streams.casework.eligibility import Lane, Reviewer, fair_share, lanes_of

LOOK_EVERY: Final = 1_000  # milliseconds
_reviewers = msgspec.json.Decoder(Reviewer)


class View(NamedTuple):
    """What concerns one person: their lanes, each with the number of people at work who are able to do it, and the
    fair share of what waits there."""

    lanes: Mapping[Lane, int]
    share: int


class _Seen(NamedTuple):
    """Of one moment: what waits and what is held change together."""

    at: int
    waiting: Mapping[Lane, int]
    people: tuple[Reviewer, ...]
    held: int


class Surroundings:
    """May be asked from many threads at once."""

    def __init__(self, model: ReadModel, reservations: Reservations) -> None:
        self._model, self._reservations = model, reservations
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    def of(self, reviewer: Reviewer, *, now: int) -> View:
        """As of a second ago at most. Raises `RedisUnavailable`."""
        seen = self._look(now)
        people = [each for each in seen.people if each.reviewer_id != reviewer.reviewer_id] + [reviewer]
        lanes = lanes_of(reviewer, seen.waiting, people)
        return View(lanes, fair_share(sum(seen.waiting[lane] for lane in lanes) + seen.held, len(people)))

    def _look(self, now: int) -> _Seen:
        with self._lock:
            if self._seen is None or not 0 <= now - self._seen.at < LOOK_EVERY:
                people = tuple(map(_reviewers.decode, self._reservations.at_work(since=now - PAUSE)))
                held = self._reservations.held(person.reviewer_id for person in people)
                waiting = {Lane(*lane): size for lane, size in self._model.lanes().items()}
                self._seen = _Seen(now, waiting, people, held)
            return self._seen
