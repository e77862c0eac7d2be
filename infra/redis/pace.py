"""How fast people answer, and so how long a case will wait. Pure; times in milliseconds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

PAUSE: Final = 15 * 60_000  # milliseconds between two answers beyond which a reviewer did something else meanwhile


class Pace(NamedTuple):
    """Who is at work, and how long one answer takes one person."""

    active_reviewers: int
    mean_review_ms: float


def pace(answers: Mapping[str, Sequence[int]], *, now: int) -> Pace | None:
    """The pace of those who answered within the last `PAUSE`, by the times of each reviewer's answers.

    An answer takes the time since the same person's answer before, unless there was a pause between. None when nobody
    is at work, or nobody has answered twice: then nothing is known.

    >>> pace({"ada": [0, 60_000, 120_000], "ben": [100_000]}, now=130_000)
    Pace(active_reviewers=2, mean_review_ms=60000.0)
    """
    active = [sorted(times) for times in answers.values() if times and now - max(times) <= PAUSE]
    spans = [span for times in active for span in spans_of(times)]
    return Pace(len(active), sum(spans) / len(spans)) if spans else None


def wait_ms(ahead: int, at: Pace) -> int:
    """How long until a case is answered that has so many ahead of it, if everybody goes on at this pace."""
    return round((ahead + 1) * at.mean_review_ms / at.active_reviewers)


def spans_of(times: Sequence[int]) -> Iterable[int]:
    """The times between one answer and the next of one person, who answered at these, pauses left out."""
    return (later - earlier for earlier, later in zip(times, times[1:], strict=False) if later - earlier <= PAUSE)
