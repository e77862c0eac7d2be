"""Who may be given what: lanes of like cases, the people who can work on them, and how much one of them takes on. Pure.

Cases that the same people can do wait in one lane. A person is told why there is nothing for them.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from schemas.values import CaseStage
from streams.casework.identity import Role
from streams.casework.rights import Who


class Lane(NamedTuple):
    """Cases of one workflow and stage that ask for the same skills, in alphabetical order."""

    workflow: str
    stage: CaseStage
    skills: tuple[str, ...] = ()


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the queue sees them. `roles` None: nobody has said; `workflows` None: all; `wip_limit` None: as the
    policy has it."""

    reviewer_id: str
    skills: frozenset[str] = frozenset()
    roles: frozenset[str] | None = None
    workflows: frozenset[str] | None = None
    wip_limit: int | None = None


class Idle(StrEnum):
    """Why there is nothing to do."""

    NO_LANE = "no_lane"  # nothing that they are able to do was ever asked for
    NONE_WAITS = "none_waits"
    ENOUGH_IN_HAND = "enough_in_hand"  # the work-in-progress limit
    FAIR_SHARE = "fair_share"  # others who are at work would be left with nothing


def reviewer_of(who: Who, *, workflows: Iterable[str] | None = None) -> Reviewer:
    """A person who acts, as the queue sees them; `workflows`: those that they want to work on, None for all."""
    return Reviewer(
        reviewer_id=who.reviewer_id,
        skills=who.skills,
        roles=who.roles,
        workflows=None if workflows is None else frozenset(workflows),
        wip_limit=who.person.wip_limit,
    )


def can_do(reviewer: Reviewer, lane: Lane) -> bool:
    """Whether a person has the role, the skills and the workflow; casework has the last word (streams.casework.rights).

    >>> can_do(Reviewer(reviewer_id="ada", skills=frozenset({"french", "medical"})), Lane("posts", CaseStage.HUMAN))
    True
    >>> can_do(Reviewer(reviewer_id="ada", roles=frozenset({Role.REVIEWER})), Lane("posts", CaseStage.EXPERT))
    False
    """
    needed = Role.EXPERT if lane.stage is CaseStage.EXPERT else Role.REVIEWER
    if reviewer.roles is not None and not reviewer.roles & {needed, Role.EXPERT}:
        return False
    if reviewer.workflows is not None and lane.workflow not in reviewer.workflows:
        return False
    return reviewer.skills.issuperset(lane.skills)


def lanes_of(reviewer: Reviewer, lanes: Iterable[Lane], at_work: Collection[Reviewer]) -> Mapping[Lane, int]:
    """The lanes that a person can do, each with the number of people at work who can: the fewer, the scarcer."""
    theirs = (lane for lane in lanes if can_do(reviewer, lane))
    return {lane: max(1, sum(can_do(each, lane) for each in at_work)) for lane in theirs}


def fair_share(cases: int, people: int) -> int:
    """How many cases each of the people at work holds when what waits and what they hold is shared out; one at least.

    >>> fair_share(7, people=3)
    3
    """
    return max(1, -(-cases // max(1, people)))


def holds_enough(theirs: int, *, waiting: int, limit: int, share: int) -> Idle | None:
    """Why a person who holds some cases is given no further one; None when they may be given one.

    Nobody holds more than the limit, nor more than their share while others may want what waits: what one holds and
    another could do is latency for nothing.

    >>> holds_enough(1, waiting=3, limit=5, share=2)
    >>> holds_enough(2, waiting=1, limit=5, share=2)
    <Idle.FAIR_SHARE: 'fair_share'>
    """
    if theirs >= limit:
        return Idle.ENOUGH_IN_HAND
    if waiting == 0:
        return Idle.NONE_WAITS
    return Idle.FAIR_SHARE if theirs >= share else None
