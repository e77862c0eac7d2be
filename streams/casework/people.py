"""Who may answer: a fold over the topic `reviewers`, of what people were enrolled for and how they were assessed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from zlib import crc32

import msgspec
from msgspec.structs import replace

from schemas.events import Event, ReviewerAssessed, ReviewerEnrolled


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a person's reliability in one workflow, as far as it decides anything or they may know it.

    `overlap_agreed` of `overlap_answers` were as others answered the same cases.
    """

    may_adjudicate: bool
    suspect: bool
    reason: str
    overlap_answers: int = 0
    overlap_agreed: int = 0


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person as enrolled, and as assessed by workflow; one who is only assessed is not `enrolled`."""

    enrolled: bool = False
    active: bool = True
    roles: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    wip_limit: int | None = None
    assessed: Mapping[str, Assessment] = MappingProxyType({})


SHARDS: Final = 256  # an event copies one of them: with ten thousand people 40 entries instead of all
STRANGER: Final = Person()


class People(NamedTuple):
    """Everybody who was ever enrolled or assessed; a value, of which each event makes another."""

    shards: tuple[Mapping[str, Person], ...] = (MappingProxyType({}),) * SHARDS

    def get(self, reviewer_id: str, default: Person = STRANGER) -> Person:
        """A person, or `default` for somebody of whom nothing is known."""
        return self.shards[_shard(reviewer_id)].get(reviewer_id, default)

    def with_person(self, reviewer_id: str, person: Person) -> "People":
        """With this about a person and all others as they are."""
        at = _shard(reviewer_id)
        shard = MappingProxyType({**self.shards[at], reviewer_id: person})
        return People((*self.shards[:at], shard, *self.shards[at + 1 :]))


NOBODY: Final = People()


def _shard(reviewer_id: str) -> int:
    return crc32(reviewer_id.encode()) % SHARDS


def fold_people(people: People, event: Event) -> People:
    """Everybody after one more event; the newest enrolment and the newest assessment of a workflow are in force."""
    match event:
        case ReviewerEnrolled(reviewer_id=who):
            person = replace(
                people.get(who),
                enrolled=True,
                active=event.active,
                roles=frozenset(event.roles),
                skills=frozenset(event.skills),
                wip_limit=event.wip_limit,
            )
        case ReviewerAssessed(reviewer_id=who, workflow=workflow):
            known = people.get(who)
            said = Assessment(
                may_adjudicate=event.may_adjudicate, suspect=event.suspect, reason=event.reason,
                overlap_answers=event.overlap_answers, overlap_agreed=event.overlap_agreed,
            )  # fmt: skip
            person = replace(known, assessed=MappingProxyType({**known.assessed, workflow: said}))
        case _:
            return people
    return people.with_person(who, person)
