"""What a person may know of their own work: how much, how fast, and how far others answered alike. Pure.

Nothing of questions with known answers: who learns how one of them was judged learns which they are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from infra.redis.members import AnswerRow
from infra.redis.pace import pace
from infra.redis.reading import DAY, HOUR
from streams.casework.people import Person

KEPT: Final = 2 * DAY  # milliseconds that the account of a person's answers goes back
FEWEST: Final = 20  # answers beside others' before a share of them says anything


class Agreement(NamedTuple):
    """How often others answered the same cases alike; `percent` None where there are too few to say."""

    workflow: str
    answers: int
    percent: int | None
    may_adjudicate: bool


class Statistics(NamedTuple):
    """Answers by time; `seconds_each` None where nobody has answered twice without a pause."""

    today: int
    last_hour: int
    two_days: int
    seconds_each: float | None
    workflows: tuple[tuple[str, int], ...]
    agreements: tuple[Agreement, ...]


def statistics_of(answers: Sequence[tuple[int, AnswerRow]], person: Person, *, now: int) -> Statistics:
    """`answers` of the last two days with their times; `now` in milliseconds, days begin at midnight UTC."""
    times = [at for at, _ in answers]
    found = pace({"own": times}, now=max(times, default=0))
    return Statistics(
        today=sum(at >= now - now % DAY for at in times),
        last_hour=sum(at > now - HOUR for at in times),
        two_days=len(times),
        seconds_each=None if found is None else found.mean_review_ms / 1_000,
        workflows=tuple(Counter(row.workflow for _, row in answers).most_common()),
        agreements=_agreements(person),
    )


def _agreements(person: Person) -> tuple[Agreement, ...]:
    assessed: Mapping[str, object] = person.assessed
    made = []
    for workflow in sorted(assessed):
        said = person.assessed[workflow]
        enough = said.overlap_answers >= FEWEST
        percent = round(100 * said.overlap_agreed / said.overlap_answers) if enough else None
        made.append(Agreement(workflow, said.overlap_answers, percent, said.may_adjudicate))
    return tuple(made)
