"""Models that stand in for trained ones: answers are a function of the text alone, so a whole run can be repeated."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from consumers.training.gate import GateVerdict
from consumers.training.refit import Candidate, Refit, RefitJob
from infra.models.bags import Inputs

CLASSES = ("reject", "approve")


def pseudo_probabilities(inputs: Inputs, classes: int, salt: str) -> NDArray[np.float64]:
    """`[B, C]`, a hash of each input spread over the classes; of two classes the confidence is uniform in ½..1."""
    rows = np.empty((len(inputs), classes))
    for row, one in enumerate(inputs):
        content = one.encode() if isinstance(one, str) else one.tobytes()
        digest = hashlib.blake2b(content, key=salt.encode()[:64], digest_size=8 * classes).digest()
        rows[row] = np.frombuffer(digest, "<u8") / 2.0**64
    if classes == 2:
        rows[:, 1] = 1.0 - rows[:, 0]
        return rows
    rows += 1e-9
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class StandInScorer:
    """Another digest gives other answers."""

    digest: str = "a" * 64
    classes: tuple[str, ...] = CLASSES
    calibrator_version: str = "stand-in"
    featurizer_name: str = "text"
    sizes: list[int] = field(default_factory=list, compare=False)  # of the batches it was asked for

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        self.sizes.append(len(inputs))
        return pseudo_probabilities(inputs, len(self.classes), self.digest)


POISON = "poison"


class RaisingScorer(StandInScorer):
    """Raises when a text of the batch contains the poison."""

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        for text in inputs:
            if POISON in str(text):
                raise ValueError("it does not digest this text")
        return super().scores(inputs)


class NotFiniteScorer(StandInScorer):
    """Gives NaN for a text that contains the poison."""

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        found = super().scores(inputs)
        found[[POISON in str(text) for text in inputs]] = np.nan
        return found


class WrongShapeScorer(StandInScorer):
    """Forgets the texts that contain the poison."""

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        return super().scores(inputs)[[POISON not in str(text) for text in inputs]]


class WrongSumScorer(StandInScorer):
    """Gives numbers that are no probabilities for a text that contains the poison."""

    def scores(self, inputs: Inputs, /) -> NDArray[np.float64]:
        found = super().scores(inputs)
        found[[POISON in str(text) for text in inputs]] = 0.9
        return found


class Damaged(Exception):
    """The stored bytes are not those that were written."""


@dataclass
class StandInStore:
    """Scorers by digest; without a mapping every digest has one. `damaged` digests cannot be loaded."""

    scorers: Mapping[str, StandInScorer] | None = None
    damaged: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)

    def load(self, uri: str, digest: str) -> StandInScorer:
        if digest in self.damaged:
            raise Damaged(uri)
        self.loaded.append(digest)
        return StandInScorer(digest=digest) if self.scorers is None else self.scorers[digest]


def stand_in_refit(job: RefitJob) -> Refit:
    """A candidate that is a function of the job alone; every second fit of a running model is refused."""
    digest = hashlib.sha256(f"{job.workflow_type.name}:{job.feedback_end_offset}".encode()).hexdigest()
    promote = job.champion is None or int(digest[0], 16) % 2 == 0
    return Candidate(
        digest=digest,
        uri=f"stand-in/{digest}",
        classes=job.workflow_type.classes,
        profile="uniform",
        labels=job.feedback_end_offset,
        figures={"log_loss": 0.5},
        verdict=GateVerdict(promote=promote, reason="better" if promote else "not better", labels=100),
    )


@dataclass
class SlowRunner:
    """A runner whose refits are done after being asked for a few times."""

    work: Callable[[RefitJob], Refit] = stand_in_refit
    patience: int = 2
    asked: dict[RefitJob, int] = field(default_factory=dict)

    def started(self, job: RefitJob) -> bool:
        return job in self.asked

    def result(self, job: RefitJob) -> Refit | None:
        self.asked[job] = self.asked.get(job, 0) + 1
        return self.work(job) if self.asked[job] > self.patience else None
