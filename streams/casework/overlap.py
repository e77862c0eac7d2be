"""When several people's answers settle a case, how many more are wanted, and when an expert must settle it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

TWO_PAIRS: Final = 2  # people behind a class that needs four eyes


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapPolicy:
    """How many different people answer a case before it is settled.

    `people` answer in any case. With `adaptive` further ones are asked only while the answers disagree: until as many
    as `people` agree, or `at_most` answered in all. A class among `four_eyes` stands only when two people gave it.
    """

    people: int = 1
    adaptive: bool = False
    at_most: int = 3
    four_eyes: tuple[str, ...] = ()


class Given(NamedTuple):
    """One person's answer."""

    reviewer_id: str
    label: str


class Resolved(NamedTuple):
    """The people's answer."""

    label: str
    reason: str


class Wanted(NamedTuple):
    """So many more people settle it if they agree; ask one after the other, since an answer can change the number."""

    more: int
    reason: str


class Adjudicated(NamedTuple):
    """An expert is to settle it."""

    reason: str


Resolution = Resolved | Wanted | Adjudicated


def resolution(answers: Iterable[Given], policy: OverlapPolicy) -> Resolution:
    """What follows from the answers so far. Of each person the first one counts; the order of people does not matter.

    A label is settled when more than half of the answers give it, and enough people have answered. Nobody is asked
    beyond `at_most`, nor where no label could be settled any more: then an expert is.
    """
    given: dict[str, str] = {}
    for answer in answers:
        given.setdefault(answer.reviewer_id, answer.label)
    if not given:
        people = min(policy.people, policy.at_most)
        return Wanted(people, f"{_people(people)} to answer")
    votes = Counter(given.values())
    cap = _cap(votes, policy)
    needed = {label: _needed(label, votes, cap, policy) for label in votes}
    label = min(needed, key=lambda each: (needed[each], each))
    more = needed[label]
    if more == 0:
        return Resolved(label, f"{votes[label]} of {_people(len(given))} answered {label}")
    if len(given) + more <= cap:
        return Wanted(more, f"{_said(votes)}: {_people(more)} more to answer")
    return Adjudicated(f"{_said(votes)}: no answer can be settled among {_people(cap)}")


def _needed(label: str, votes: Mapping[str, int], cap: int, policy: OverlapPolicy) -> int:
    """How many further people must give this label to settle it; 0 when it is."""
    people, own = sum(votes.values()), votes[label]
    majority = people - 2 * own + 1
    seconded = TWO_PAIRS - own if label in policy.four_eyes else 0
    asked_for = policy.people - (own if policy.adaptive else people)
    return max(majority, seconded, min(asked_for, cap - people), 0)


def _cap(votes: Mapping[str, int], policy: OverlapPolicy) -> int:
    """A second pair of eyes is asked beyond the usual number only where an answer needs it."""
    if policy.adaptive:
        return policy.at_most
    seconded = TWO_PAIRS if any(label in policy.four_eyes for label in votes) else 1
    return min(policy.at_most, max(policy.people, seconded))


def _said(votes: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {count}" for label, count in sorted(votes.items()))


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
