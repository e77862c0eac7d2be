"""What is known of one person in one workflow: right answers to gold questions, agreement with others, consistency."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from streams.assurance.intervals import Interval, clopper_pearson
from streams.assurance.policy import ReliabilityPolicy
from streams.assurance.rights import Right, may_adjudicate
from streams.assurance.screening import Screening, is_suspect, screened

FIRST: Final = 10  # answers of which the first assessment tells
LEAST_MORE: Final = 5  # answers after which another one may
GROWTH: Final = 0.10  # of the answers that the last assessment rests on: fewer new ones hardly change it


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answers as far as the log tells of them. Of each gold question the first answer is evidence; further
    ones tell of consistency only, since who remembers a question is not asked anew."""

    answered: Mapping[str, str] = MappingProxyType({})  # gold id -> first label
    right: int = 0  # gold questions answered rightly
    repeats: int = 0
    alike: int = 0  # repeats answered as the first time
    screening: Screening = Screening()
    overlaps: int = 0  # answers to cases that others answered, too
    agreed: int = 0  # of these, those that the answers came to

    @property
    def gold(self) -> int:
        """Gold questions answered."""
        return len(self.answered)

    @property
    def evidence(self) -> int:
        """Answers that something can be said from."""
        return self.gold + self.repeats + self.overlaps


def with_gold(record: Record, *, gold_id: str, label: str, right: bool) -> Record:
    """The record after one more answer to a gold question."""
    before = record.answered.get(gold_id)
    if before is not None:
        return replace(record, repeats=record.repeats + 1, alike=record.alike + (label == before))
    return replace(
        record,
        answered={**record.answered, gold_id: label},
        right=record.right + right,
        screening=screened(record.screening, right=right),
    )


def with_overlap(record: Record, *, agreed: bool) -> Record:
    """The record after one more answer to a case that others answered, too."""
    return replace(record, overlaps=record.overlaps + 1, agreed=record.agreed + agreed)


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a record under a policy."""

    record: Record
    accuracy: Interval | None  # of the answers to gold questions; None before the first
    suspect: bool
    adjudicates: Right

    @property
    def consistency(self) -> float | None:
        """The share of repeated questions that were answered as the first time; None before any was."""
        return self.record.alike / self.record.repeats if self.record.repeats else None


def assess(record: Record, policy: ReliabilityPolicy, *, classes: int) -> Assessment:
    """Accuracy with its exact interval, whether carelessness is suspected, and what the person may do."""
    suspect = is_suspect(record.screening, policy, classes=classes)
    accuracy = clopper_pearson(record.right, record.gold) if record.gold else None
    return Assessment(
        record=record,
        accuracy=accuracy,
        suspect=suspect,
        adjudicates=may_adjudicate(record.right, record.gold, accuracy, suspect=suspect, policy=policy),
    )


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the last assessment on record said, as far as the next one is compared with it."""

    evidence: int = 0
    suspect: bool = False
    adjudicates: bool = True


def is_material(told: Told | None, now: Assessment) -> bool:
    """Whether an assessment is worth a record: suspicion or right has changed, or the answers it rests on are a tenth
    more than at the last one. The first comes after ten answers, or as soon as something is suspected or denied."""
    before = told or Told()
    if (now.suspect, now.adjudicates.granted) != (before.suspect, before.adjudicates):
        return True
    if told is None:
        return now.record.evidence >= FIRST
    return now.record.evidence >= before.evidence + max(LEAST_MORE, GROWTH * before.evidence)
