"""What checks of people and of final decisions are summed under: pairs of answers to a case, validated decisions."""

from collections.abc import Mapping
from typing import Final

from streams.insights.figures import Pairs, ValidatedGroup
from streams.insights.sums import Amount

OVERLAP: Final = "overlap/"  # whether both answered blind, the first answer's length, both answers
VALIDATED: Final = "validated/"  # inclusion probability; total: decisions that the expert confirms


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
