"""Checks of people and of final decisions: the first two answers to a case, and decisions that experts judge anew."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas.events import DecisionValidated, OverlapAnswered
from streams.insights.figures import Pairs, ValidatedGroup
from streams.insights.sums import Amount, Cell, Sums, minute_of

OVERLAP: Final = "overlap/"  # whether both answered blind, the first answer's length, both answers
VALIDATED: Final = "validated/"  # inclusion probability; total: decisions that the expert confirms


class Overlap(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of a case's first answer, and whether a second one made it a pair; `position` is the last seen."""

    position: int = 0
    first: str | None = None
    blind: bool = False
    is_pair: bool = False


def with_overlap(known: Overlap, event: OverlapAnswered, sums: Sums) -> Overlap:
    """The first two answers of a case are a pair; later ones are left out: they are asked for where these disagree."""
    if known.is_pair or event.position <= known.position:
        return known
    if known.first is None:
        return Overlap(position=event.position, first=event.label, blind=event.blind)
    measure = pair_measure(known.first, event.label, blind=known.blind and event.blind)
    sums.add(Cell(event.workflow, minute_of(event.answered_at), measure), Amount(1))
    return replace(known, position=event.position, is_pair=True)


def add_validation(event: DecisionValidated, sums: Sums) -> None:
    """Count a decision that an expert judged anew, unless it can have been drawn with no such probability."""
    if is_weighable(event.inclusion_probability):
        cell = Cell(event.workflow, minute_of(event.validated_at), validated_measure(event.inclusion_probability))
        sums.add(cell, Amount(1, int(event.agrees)))


def is_weighable(probability: float) -> bool:
    """Whether something can have been drawn with this probability, and weighed by its inverse."""
    return 0 < probability <= 1 and math.isfinite(1 / probability)


def pair_measure(first: str, second: str, *, blind: bool) -> str:
    """The name of a pair's sum; a class may be called anything, hence the length of the first."""
    return f"{OVERLAP}{'blind' if blind else 'seen'}/{len(first)}/{first}{second}"


def validated_measure(probability: float) -> str:
    """The name of the sum of decisions that were drawn with this probability."""
    return f"{VALIDATED}{probability.hex()}"


def pairs_in(amounts: Mapping[str, Amount]) -> tuple[Pairs, ...]:
    """Every pair that was summed, alike in every order of reading."""
    found = []
    for name, amount in sorted(amounts.items()):
        if name.startswith(OVERLAP) and amount.count:
            blind, length, labels = name.removeprefix(OVERLAP).split("/", 2)
            cut = int(length)
            found.append(Pairs(labels[:cut], labels[cut:], blind == "blind", amount.count))
    return tuple(found)


def validated_in(amounts: Mapping[str, Amount]) -> tuple[ValidatedGroup, ...]:
    """Every sum of validated decisions, alike in every order of reading."""
    return tuple(
        ValidatedGroup(float.fromhex(name.removeprefix(VALIDATED)), amount.count, amount.total)
        for name, amount in sorted(amounts.items())
        if name.startswith(VALIDATED) and amount.count
    )
