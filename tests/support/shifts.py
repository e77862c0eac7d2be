"""A review team and its work over some days, drawn from a seed: people with skills in shifts, arrivals with peaks.

Times in milliseconds since midnight of the first day.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from schemas.values import CaseStage, Priority
from streams.casework.eligibility import Lane, Reviewer
from streams.casework.serving import HOUR

DAY: Final = 24 * HOUR
BY_PRIORITY: Final = {Priority.URGENT: HOUR, Priority.HIGH: 4 * HOUR, Priority.NORMAL: 8 * HOUR, Priority.LOW: DAY}
SAME_FOR_ALL: Final = dict.fromkeys(Priority, DAY)  # the timeout that a workflow has by default
PRIORITIES: Final = {Priority.URGENT: 5, Priority.HIGH: 20, Priority.NORMAL: 55, Priority.LOW: 20}  # per cent
ASKED: Final = {(): 70, ("french",): 12, ("medical",): 12, ("french", "medical"): 6}  # skills of cases, per cent
SKILLS: Final = ((), ("french",), (), ("medical",), ("french", "medical"), ())  # of people, in turn
SHIFTS: Final = ((6, 14), (9, 17), (9, 17), (14, 22), (22, 30))  # hours of the day; the last goes over midnight
REVIEW: Final = 5 * 60_000  # the mean
NOON, EVENING = (12.0, 2.5, 0.9), (20.0, 2.0, 1.1)  # hour, width in hours, height over the quietest time
QUIET, BURST, BURST_LENGTH = 0.5, 1.5, 3 * HOUR
HIGHEST: Final = 1.8 * BURST  # no intensity is above


class Arrival(NamedTuple):
    """A case as it arrives, and how long its review takes whoever does it."""

    at: int
    request_id: str
    lane: Lane
    priority: Priority
    due_at: int
    review_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People, and the spans in which each is at work."""

    people: tuple[Reviewer, ...]
    spans: Mapping[str, tuple[tuple[int, int], ...]]


def team(days: int, *, people: int) -> Team:
    """So many people; each works eight hours that begin at the same time every day."""
    skills = [frozenset(SKILLS[number % len(SKILLS)]) for number in range(people)]
    made = tuple(Reviewer(reviewer_id=f"p{number:02d}", skills=known) for number, known in enumerate(skills))
    spans = {person.reviewer_id: _spans(number, days) for number, person in enumerate(made)}
    return Team(people=made, spans=spans)


def arrivals(random: Random, *, load: float, days: int, team: Team, deadlines: Mapping[Priority, int]) -> list[Arrival]:
    """Poisson arrivals with a peak at noon and in the evening, and a burst on one day (thinning: Lewis and Shedler).

    `load`: the work that arrives for each hour at work, but for the burst.
    """
    at_work = sum(end - start for spans in team.spans.values() for start, end in spans)
    scale = load * at_work / REVIEW / (days * DAY) / _mean_intensity()  # cases a millisecond where the intensity is 1
    burst, at, made = random.randrange(days * DAY), 0.0, list[Arrival]()
    while (at := at + random.expovariate(scale * HIGHEST)) < days * DAY:
        intensity = _intensity(at % DAY / HOUR) * (BURST if 0 <= at - burst < BURST_LENGTH else 1.0)
        if random.random() * HIGHEST < intensity:
            made.append(_arrival(random, int(at), len(made), deadlines))
    return made


def _spans(number: int, days: int) -> tuple[tuple[int, int], ...]:
    start, end = SHIFTS[number % len(SHIFTS)]
    whole = ((day * DAY + start * HOUR, day * DAY + end * HOUR) for day in range(-1, days))
    return tuple((max(0, begins), min(ends, days * DAY)) for begins, ends in whole if ends > 0)


def _intensity(hour: float) -> float:
    return QUIET + sum(height * math.exp(-(((hour - at) / width) ** 2)) for at, width, height in (NOON, EVENING))


def _mean_intensity() -> float:
    return sum(_intensity(quarter / 4) for quarter in range(96)) / 96


def _arrival(random: Random, at: int, number: int, deadlines: Mapping[Priority, int]) -> Arrival:
    (priority,) = random.choices(list(PRIORITIES), list(PRIORITIES.values()))
    (skills,) = random.choices(list(ASKED), list(ASKED.values()))
    review = int(REVIEW * random.lognormvariate(-0.18, 0.6))  # mean 1
    return Arrival(at, f"r{number}", Lane("posts", CaseStage.HUMAN, skills), priority, at + deadlines[priority], review)
