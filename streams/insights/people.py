"""What is known of each person's reliability in a workflow: the last assessment in `reviewers`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from schemas.events import ReviewerAssessed


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A person as assessed last, with the exact 95 % interval of the accuracy on gold questions."""

    gold_answers: int
    accuracy: float | None
    accuracy_lower: float | None
    accuracy_upper: float | None
    suspect: bool
    may_adjudicate: bool
    assessed_at: int  # milliseconds


class PersonRow(PersonFacts, frozen=True, kw_only=True):
    """The same with the person's id."""

    reviewer_id: str


NOBODY: Final[Mapping[str, PersonFacts]] = MappingProxyType({})


def person_facts(event: ReviewerAssessed) -> PersonFacts:
    """What the view keeps of an assessment."""
    return PersonFacts(
        gold_answers=event.gold_answers,
        accuracy=event.accuracy,
        accuracy_lower=event.accuracy_lower,
        accuracy_upper=event.accuracy_upper,
        suspect=event.suspect,
        may_adjudicate=event.may_adjudicate,
        assessed_at=event.assessed_at,
    )


def person_rows(assessed: Mapping[str, PersonFacts]) -> tuple[PersonRow, ...]:
    """Everybody by reviewer id, suspected people first."""
    ordered = sorted(assessed.items(), key=lambda person: (not person[1].suspect, person[0]))
    return tuple(PersonRow(reviewer_id=name, **msgspec.structs.asdict(facts)) for name, facts in ordered)
