"""The way of a request through the stages, as it is drawn and watched: what each stage reads. Names only, no code."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.topics import (
    APPEALS,
    AUDITS,
    AUTO_APPROVE,
    EXPERT,
    FEEDBACK,
    MODELS,
    OUTCOMES,
    PREDICTIONS,
    REQUESTS,
    RETRAINING,
    REVIEW,
    REVIEW_COMMANDS,
    REVIEW_DECISIONS,
    Topic,
)

ASKED: Final = REQUESTS.name
AUTOMATIC: Final = AUTO_APPROVE.name
TO_REVIEWERS: Final = tuple(topic.name for topic in REVIEW.values())
TO_EXPERTS: Final = EXPERT.name
DECIDED: Final = OUTCOMES.name
LEARNT: Final = MODELS.name


class StageOnTheWay(NamedTuple):
    """A stage, what it does in a few words, and the topics of which it processes every record."""

    name: str
    does: str
    inputs: tuple[str, ...]


def _reading(*topics: Topic[Any]) -> tuple[str, ...]:
    return tuple(topic.name for topic in topics)


STAGES_ON_THE_WAY: Final[Sequence[StageOnTheWay]] = (
    StageOnTheWay("inference", "asks the model", _reading(REQUESTS)),
    StageOnTheWay("router", "decides, or sends to people", _reading(PREDICTIONS)),
    StageOnTheWay(
        "casework", "keeps the cases and judges answers",
        _reading(*REVIEW.values(), EXPERT, REVIEW_DECISIONS, REVIEW_COMMANDS, APPEALS),
    ),
    StageOnTheWay("assurance", "measures how reliable people are", _reading(AUDITS)),
    StageOnTheWay("feedback", "decides when to train", _reading(FEEDBACK)),
    StageOnTheWay("training", "trains models and compares them", _reading(RETRAINING)),
)  # fmt: skip
BY_STAGE: Final[Mapping[str, StageOnTheWay]] = {stage.name: stage for stage in STAGES_ON_THE_WAY}
