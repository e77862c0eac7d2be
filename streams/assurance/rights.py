"""Who may decide where others disagree: by the answers to gold questions, with a reason either way."""

from typing import NamedTuple

from streams.assurance.intervals import CONFIDENCE, Interval
from streams.assurance.policy import ReliabilityPolicy


class Right(NamedTuple):
    """Whether it is granted, and why or why not."""

    granted: bool
    reason: str


def may_adjudicate(
    right: int, of: int, accuracy: Interval | None, *, suspect: bool, policy: ReliabilityPolicy
) -> Right:
    """By `right` answers `of` so many gold questions. Where no proof is demanded, what the interval allows is granted.

    >>> may_adjudicate(18, 20, Interval(0.683, 0.988), suspect=False, policy=ReliabilityPolicy())
    Right(granted=True, reason='18 of 20 gold questions right (95%: 68.3% to 98.8%), 90% are possible')
    """
    if accuracy is None:
        return Right(not policy.proven, "no gold question answered yet")
    known = f"{right} of {of} gold questions right ({CONFIDENCE:.0%}: {accuracy.low:.1%} to {accuracy.high:.1%})"
    if suspect:
        return Right(False, f"{known}, too few for careful answers")
    granted = policy.adjudicator_accuracy <= (accuracy.low if policy.proven else accuracy.high)
    words = ("proven", "not proven") if policy.proven else ("possible", "excluded")
    return Right(granted, f"{known}, {policy.adjudicator_accuracy:.0%} are {words[not granted]}")
