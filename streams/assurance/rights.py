"""Who may decide where others disagree: by the answers to gold questions, with a reason either way."""

from typing import NamedTuple

from streams.assurance.intervals import CONFIDENCE, clopper_pearson
from streams.assurance.policy import ReliabilityPolicy


class Right(NamedTuple):
    """Whether it is granted, and why or why not."""

    granted: bool
    reason: str


def may_adjudicate(*, right: int, of: int, suspect: bool, policy: ReliabilityPolicy) -> Right:
    """By `right` answers `of` so many gold questions. Where no proof is demanded, what the interval allows is granted.

    >>> may_adjudicate(right=18, of=20, suspect=False, policy=ReliabilityPolicy())
    Right(granted=True, reason='18 of 20 gold questions right (95%: 68.3% to 98.8%), 90% are possible')
    """
    if suspect:
        return Right(False, f"{right} of {of} gold questions right, too few for careful answers")
    if of == 0:
        return Right(not policy.proven, "no gold question answered yet")
    interval, demanded = clopper_pearson(right, of), policy.adjudicator_accuracy
    known = f"{right} of {of} gold questions right ({CONFIDENCE:.0%}: {interval.low:.1%} to {interval.high:.1%})"
    if policy.proven:
        granted = interval.low >= demanded
        return Right(granted, f"{known}, {demanded:.0%} are {'proven' if granted else 'not proven'}")
    granted = interval.high >= demanded
    return Right(granted, f"{known}, {demanded:.0%} are {'possible' if granted else 'excluded'}")
