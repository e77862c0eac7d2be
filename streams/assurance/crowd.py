"""How often people are right by overlapping answers alone, kept up to date over the last of them."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from streams.assurance.dawid_skene import dawid_skene, numbered

WINDOW: Final = 5_000  # last answers that an estimate is made of
LEAST_ANSWERS: Final = 10  # of a person, below which nothing is said
LEAST_PEOPLE: Final = 3  # two who disagree do not tell which of them is wrong
LEAST_MORE: Final = 20  # answers after which the next estimate may be made
GROWTH: Final = 0.10  # of all answers: fewer new ones hardly change it


class Answer(NamedTuple):
    """One of several people's answers to the same request."""

    request_id: str
    reviewer_id: str
    label: str


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """The last overlapping answers of a workflow, and what was estimated from those before."""

    answers: tuple[Answer, ...] = ()
    total: int = 0
    due_at: int = LEAST_MORE  # of `total`, when the next estimate is made
    accuracies: Mapping[str, float] = MappingProxyType({})  # by reviewer


def with_answer(crowd: Crowd, answer: Answer) -> Crowd:
    """The crowd after one more answer; estimated anew when the answers have grown by a tenth."""
    answers, total = (*crowd.answers, answer)[-WINDOW:], crowd.total + 1
    if total < crowd.due_at:
        return Crowd(answers=answers, total=total, due_at=crowd.due_at, accuracies=crowd.accuracies)
    due_at = total + max(LEAST_MORE, int(GROWTH * total))
    return Crowd(answers=answers, total=total, due_at=due_at, accuracies=accuracies(answers))


def accuracies(answers: tuple[Answer, ...]) -> Mapping[str, float]:
    """The estimated probability that a person's answer to a random request is right, rounded to a tenth of a
    thousandth so that it is the same on every machine; empty where too few people answered."""
    votes, people = numbered(answers, sorted({answer.label for answer in answers}))
    counts = Counter(answer.reviewer_id for answer in answers)
    if len(people) < LEAST_PEOPLE:
        return {}
    estimate = dawid_skene(votes, classes=int(votes.labels.max()) + 1)
    found = zip(people, estimate.accuracies.tolist(), strict=True)
    return {person: round(accuracy, 4) for person, accuracy in found if counts[person] >= LEAST_ANSWERS}
