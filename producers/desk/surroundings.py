"""Who is at work and what has been asked for, as the read model has it; looked at once a second, not for every case."""

import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from infra.redis.pace import PAUSE
from infra.redis.reading import ReadModel
from infra.redis.reserving import Reservations
from streams.casework.eligibility import Lane, Reviewer, lanes_of

LOOK_EVERY: Final = 1_000  # milliseconds
_reviewers = msgspec.json.Decoder(Reviewer)


class View(NamedTuple):
    """What concerns one person: their lanes, each with the number of people at work who are able to do it; and those
    of whom each can do some of the same, with the number of cases that they hold."""

    lanes: Mapping[Lane, int]
    people: int
    held: int


class _Seen(NamedTuple):
    at: int
    lanes: tuple[Lane, ...]
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
        lanes = lanes_of(reviewer, seen.lanes, people)
        return View(lanes, len(people), seen.held)

    def _look(self, now: int) -> _Seen:
        with self._lock:
            if self._seen is None or not 0 <= now - self._seen.at < LOOK_EVERY:
                people = tuple(map(_reviewers.decode, self._reservations.at_work(since=now - PAUSE)))
                held = self._reservations.held(person.reviewer_id for person in people)
                self._seen = _Seen(now, tuple(Lane(*lane) for lane in self._model.lanes()), people, held)
            return self._seen
