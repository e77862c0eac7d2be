"""What the roles of a person allow at the desk: one table, and the sentence for whoever may not."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from streams.casework import identity


class Role(StrEnum):
    """What a person may be at the desk. Nothing follows from a higher one: who is two things has two roles."""

    REVIEWER = "reviewer"
    EXPERT = "expert"
    LEAD = "lead"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Deed(StrEnum):
    """What may be done at the desk; casework judges about the single case."""

    WORK = "work"  # take a case, decide it, hold it, release it, note something
    ADJUDICATE = "adjudicate"  # the same with experts' cases
    SEE_QUEUES = "see_queues"  # live queues, what is at risk, who is at work
    STEER = "steer"  # reassign, change a priority, pause
    MANAGE_GOLD = "manage_gold"
    BROWSE = "browse"  # search and read the whole story of any request: also what reviewers must not know
    SEE_MODELS = "see_models"
    SEE_FIGURES = "see_figures"
    SEE_DEAD_LETTERS = "see_dead_letters"
    REPLAY_DEAD_LETTERS = "replay_dead_letters"
    END_SESSIONS = "end_sessions"  # of other people


class Denied(NamedTuple):
    """Why not, for machines and for people."""

    reason: str
    detail: str


_LEAD, _AUDITOR, _ADMIN = Role.LEAD, Role.AUDITOR, Role.ADMIN
ALLOWED: Final[Mapping[Deed, frozenset[Role]]] = {
    Deed.WORK: frozenset({Role.REVIEWER, Role.EXPERT}),
    Deed.ADJUDICATE: frozenset({Role.EXPERT}),
    Deed.SEE_QUEUES: frozenset({_LEAD, _ADMIN}),
    Deed.STEER: frozenset({_LEAD}),
    Deed.MANAGE_GOLD: frozenset({_LEAD}),
    Deed.BROWSE: frozenset({_LEAD, _AUDITOR}),
    Deed.SEE_MODELS: frozenset({_LEAD, _AUDITOR, _ADMIN}),
    Deed.SEE_FIGURES: frozenset({_LEAD, _AUDITOR, _ADMIN}),
    Deed.SEE_DEAD_LETTERS: frozenset({_AUDITOR, _ADMIN}),
    Deed.REPLAY_DEAD_LETTERS: frozenset({_ADMIN}),
    Deed.END_SESSIONS: frozenset({_ADMIN}),
}


def may(roles: Collection[Role], *deeds: Deed) -> Denied | None:
    """None when one of the roles allows one of these; else why not.

    >>> may([Role.REVIEWER], Deed.WORK) is None
    True
    >>> may([Role.REVIEWER], Deed.STEER).detail
    'this is for the role lead, and you are reviewer: ask whoever gives roles here'
    """
    allowed = frozenset[Role]().union(*(ALLOWED[deed] for deed in deeds))
    if not allowed.isdisjoint(roles):
        return None
    needed = " or ".join(role.value for role in Role if role in allowed)
    yours = ", ".join(role.value for role in Role if role in roles) or "nothing here"
    return Denied("missing_role", f"this is for the role {needed}, and you are {yours}: ask whoever gives roles here")


def at_cases(roles: Collection[Role]) -> tuple[identity.Role, ...]:
    """The roles that casework knows, for a person's token; auditors and admins are nothing to a case.

    >>> at_cases([Role.ADMIN, Role.LEAD])
    (<Role.LEAD: 'lead'>,)
    """
    known = {role.value for role in identity.Role}
    return tuple(identity.Role(role.value) for role in Role if role in roles and role.value in known)
