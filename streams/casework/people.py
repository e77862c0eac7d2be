"""Who may answer: a fold over the topic `reviewers`, of what people were enrolled for and how they were assessed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.events import Event, ReviewerAssessed, ReviewerEnrolled


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person's reliability in one workflow, as far as it decides anything."""

    may_adjudicate: bool
    suspect: bool
    reason: str


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person as enrolled, and as assessed by workflow; one who is only assessed is not `enrolled`."""

    enrolled: bool = False
    active: bool = True
    roles: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    wip_limit: int | None = None
    assessed: Mapping[str, Assessment] = MappingProxyType({})


People = Mapping[str, Person]
NOBODY: Final[People] = MappingProxyType({})
STRANGER: Final = Person()


def fold_people(people: People, event: Event) -> People:
    """Everybody after one more event; the newest enrolment and the newest assessment of a workflow are in force."""
    match event:
        case ReviewerEnrolled(reviewer_id=who):
            person = replace(
                people.get(who, STRANGER),
                enrolled=True,
                active=event.active,
                roles=frozenset(event.roles),
                skills=frozenset(event.skills),
                wip_limit=event.wip_limit,
            )
        case ReviewerAssessed(reviewer_id=who, workflow=workflow):
            known = people.get(who, STRANGER)
            said = Assessment(may_adjudicate=event.may_adjudicate, suspect=event.suspect, reason=event.reason)
            person = replace(known, assessed=MappingProxyType({**known.assessed, workflow: said}))
        case _:
            return people
    return MappingProxyType({**people, who: person})
