"""What the figures are computed from: counts and sums of one workflow, whoever collected them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec import Struct

from schemas.values import SampleKind


class Durations(Struct, frozen=True, gc=False):
    """How long some things took; the quantiles (seconds) only where every single time is known."""

    count: int = 0
    milliseconds: int = 0
    median: float | None = None
    p95: float | None = None


class BlindGroup(NamedTuple):
    """Blind answers that were drawn alike; `probability` is the inclusion probability."""

    kind: SampleKind
    has_model: bool
    probability: float
    answers: int
    agreeing: int


class Pairs(NamedTuple):
    """Cases whose first two answers were these; `blind` when neither person saw the model's answer."""

    first: str
    second: str
    blind: bool
    cases: int


class ValidatedGroup(NamedTuple):
    """Final decisions that were drawn alike and that experts judged anew; `agreeing` they confirm."""

    probability: float
    answers: int
    agreeing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of one workflow, in all or in a span of time."""

    automatic: int = 0  # requests that the model decided alone
    reviewed: int = 0  # that a reviewer decided
    expert: int = 0  # that an expert decided
    waiting: int = 0  # that wait for a person, audits of decided ones left out; open gold questions look like them
    resolution: Durations = field(default_factory=Durations)  # from a request's arrival in the log to its outcome
    latency: Durations = field(default_factory=Durations)  # from a case's opening to its first closing by a person
    work: Durations = field(default_factory=Durations)  # answers to claimed cases, and the time of all claims
    blind: tuple[BlindGroup, ...] = ()
    unweighable: int = 0  # requests answered blind with no possible inclusion probability
    expired: int = 0  # audits that nobody answered in time
    pairs: tuple[Pairs, ...] = ()
    validated: tuple[ValidatedGroup, ...] = ()
    simulated: bool = False  # any of the people who answered were simulated

    @property
    def decided(self) -> int:
        """Requests that have an outcome."""
        return self.automatic + self.reviewed + self.expert


def durations(milliseconds: list[int]) -> Durations:
    """Of times that are all known, with their quantiles."""
    if not milliseconds:
        return Durations()
    ordered = sorted(milliseconds)
    return Durations(
        count=len(ordered),
        milliseconds=sum(ordered),
        median=ordered[len(ordered) // 2] / 1_000,
        p95=ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] / 1_000,
    )
